import { describe, expect, it } from "vitest";
import { signInEnvironment } from "./roles.ts";

const servers = {
  databaseUrl: "postgres://owner:owners@127.0.0.1:1/postgres",
  databasePassword: "owners-too",
  rolePasswords: { auth: "auths", quota: "quotas", qr: "qrs" },
  natsUrl: "nats://127.0.0.1:2",
  natsPassword: "",
  natsPasswords: { auth: "nats-auths", qr: "nats-qrs", edge: "nats-edges", operator: "nats-operators" },
};
/** What a process is given, without what is taken from it. */
const given = (environment: Record<string, string>) =>
  Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ""));

describe("the environment of a service", () => {
  it("has its own passwords alone, and takes away those of the launcher's environment", () => {
    const url = "postgres://owner@127.0.0.1:1/postgres";
    const nats = servers.natsUrl;
    const environments = {
      auth: { DATABASE_URL: url, AUTH_DATABASE_PASSWORD: "auths", NATS_URL: nats, NATS_PASSWORD: "nats-auths" },
      quota: { DATABASE_URL: url, QUOTA_DATABASE_PASSWORD: "quotas" },
      qr: { DATABASE_URL: url, QR_DATABASE_PASSWORD: "qrs", NATS_URL: nats, NATS_PASSWORD: "nats-qrs" },
      edge: { NATS_URL: nats, NATS_PASSWORD: "nats-edges" },
    };
    for (const kind of ["auth", "quota", "qr", "edge"] as const) {
      const environment = signInEnvironment(kind, servers);
      expect([kind, given(environment)]).toEqual([kind, environments[kind]]);
      expect(environment).toMatchObject({ DATABASE_PASSWORD: "", DATABASE_PASSWORD_FILE: "", NATS_PASSWORD_FILE: "" });
    }
  });

  it("signs in as the owner where there is no role", () => {
    expect(given(signInEnvironment("qr", { ...servers, rolePasswords: {}, natsPasswords: undefined }))).toEqual({
      DATABASE_URL: servers.databaseUrl,
      DATABASE_PASSWORD: "owners-too",
      NATS_URL: servers.natsUrl,
    });
  });
});
