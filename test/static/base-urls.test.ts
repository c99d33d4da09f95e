import { describe, expect, it } from "vitest";
import { settings as launcher } from "../../cli/settings.ts";
import { loadConfig } from "../../platform/process/config.ts";
import { settings as auth } from "../../services/auth/config.ts";
import { settings as edge } from "../../services/edge/config.ts";
import { settings as qr } from "../../services/qr/config.ts";

describe("a URL that is printed for good", () => {
  it("is refused at every start if paths cannot follow it", () => {
    for (const setting of [
      ...[qr.shortUrlBase, qr.shortUrlAliases, edge.shortUrlBase, edge.publicUrl],
      ...[auth.publicUrl, launcher.shortUrlBase, launcher.publicUrl],
    ]) {
      const env = { [setting.env]: "https://qr.example.com/#/" };
      expect(() => loadConfig({ setting }, env), setting.env).toThrow("write https://qr.example.com (");
    }
  });
});
