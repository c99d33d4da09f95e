import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { ConfigError, choice, integer, listenAddress, loadConfig, secret, servers, text, url } from "./config.ts";

const settings = {
  level: choice("LEVEL", "how much to say", ["low", "high"], "low"),
  size: integer("SIZE", "how large", 10, { min: 1, max: 100 }),
  listen: listenAddress("LISTEN", "where", "127.0.0.1:80"),
  database: url("DB", "which database", ["postgres"]),
  name: text("NAME", "what to be called", "x"),
};

describe("settings", () => {
  it("come from the environment or their defaults", () => {
    const config = loadConfig(settings, { SIZE: "5", DB: "postgres://u:p@h/d", LISTEN: "[::1]:0", NAME: "" });
    expect(config).toEqual({
      level: "low",
      size: 5,
      listen: { host: "::1", port: 0 },
      database: "postgres://u:p@h/d",
      name: "x",
    });
  });

  it("that are at fault are all named at once, with what they mean", () => {
    const env = { LEVEL: "loud", SIZE: "101", LISTEN: "nowhere" };
    expect(() => loadConfig(settings, env)).toThrow(ConfigError);
    try {
      loadConfig(settings, env);
    } catch (error) {
      const lines = (error as Error).message.split("\n");
      expect(lines).toHaveLength(4);
      for (const name of ["LEVEL", "SIZE", "LISTEN", "DB"]) {
        expect(lines.some((line) => line.startsWith(name))).toBe(true);
      }
    }
  });

  it("that are secret may be in a file, and no others", () => {
    const file = path.join(mkdtempSync(path.join(tmpdir(), "qrforge-config-")), "password");
    writeFileSync(file, "s3cret\n");
    const both = { password: secret("PASSWORD", "a password"), name: text("NAME", "a name", "x") };
    expect(loadConfig(both, { PASSWORD_FILE: file, NAME_FILE: file })).toEqual({ password: "s3cret", name: "x" });
    expect(loadConfig(both, { PASSWORD: "here", PASSWORD_FILE: file }).password).toBe("here");
    expect(() => loadConfig(both, { PASSWORD_FILE: `${file}.not` })).toThrow(/PASSWORD_FILE cannot be read/);
  });

  it("may name several servers in one URL", () => {
    const database = { url: servers("DB", "a database", ["postgres"]) };
    const several = "postgres://u:p@a:5432,b:5433/d?target_session_attrs=read-write";
    expect(loadConfig(database, { DB: several }).url).toBe(several);
    for (const wrong of ["postgres://u:p@a:5432,b:x/d", "nats://u:p@a:1,b:2"]) {
      expect(() => loadConfig(database, { DB: wrong })).toThrow(/DB: must be a URL/);
    }
  });

  it("with a password are not repeated in errors", () => {
    expect(() => loadConfig(settings, { DB: "mysql://u:secret@h" })).toThrow(/^(?!.*secret)/);
  });
});
