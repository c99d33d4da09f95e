import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import type { Settings } from "../../platform/config.ts";
import { settings as auth } from "../../services/auth/config.ts";
import { settings as edge } from "../../services/edge/config.ts";
import { settings as qr } from "../../services/qr/config.ts";
import { settings as quota } from "../../services/quota/config.ts";
import { root } from "../support/run.ts";

interface ComposeService {
  image?: string;
  command?: string[];
  environment?: Record<string, string>;
  ports?: string[];
  depends_on?: Record<string, unknown>;
}

const compose = parse(readFileSync(path.join(root, "docker-compose.yml"), "utf8"), { merge: true }) as {
  services: Record<string, ComposeService>;
};
const services: Record<string, Settings> = { auth, quota, qr, edge };

describe("docker-compose.yml", () => {
  it("runs the four services, Postgres and NATS", () => {
    expect(Object.keys(compose.services).sort()).toEqual(["auth", "edge", "nats", "postgres", "qr", "quota"]);
  });

  for (const [name, settings] of Object.entries(services)) {
    it(`sets only what ${name} reads, and starts its main file`, () => {
      const { environment = {}, command } = compose.services[name] as ComposeService;
      const known = Object.values(settings).map(({ env }) => env);
      expect(Object.keys(environment).filter((env) => !known.includes(env))).toEqual([]);
      expect(command).toEqual([`services/${name}/main.ts`]);
      for (const setting of Object.values(settings)) {
        const value = environment[setting.env];
        if (value !== undefined && !value.includes("${")) expect(() => setting.parse(value)).not.toThrow();
        if (setting.default === undefined) expect(value, setting.env).toBeDefined();
      }
    });
  }

  it("names each upstream by the port that it listens on", () => {
    const environment = compose.services.edge?.environment ?? {};
    for (const upstream of ["auth", "quota", "qr"]) {
      const listens = compose.services[upstream]?.environment?.LISTEN_ADDRESS?.split(":")[1];
      expect(environment[`${upstream.toUpperCase()}_ADDRESS`]).toBe(`dns:///${upstream}:${listens}`);
    }
  });
});
