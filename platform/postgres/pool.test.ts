import { describe, expect, it } from "vitest";
import { signInOptions } from "./pool.ts";

const role = { schema: "qr", rolePassword: "own" };

describe("signing in to Postgres", () => {
  it("is as the user of the URL, with its password or the one beside it", () => {
    expect(signInOptions({ databaseUrl: "postgres://ann:s3cret@db/codes", databasePassword: "other" })).toEqual({});
    expect(signInOptions({ databaseUrl: "postgres://ann@db/codes", databasePassword: "beside" })).toEqual({
      password: "beside",
    });
    expect(
      signInOptions({ databaseUrl: "postgres://ann:a@one:1,two:2/codes", databasePassword: "", schema: "qr" }),
    ).toEqual({});
  });

  it("is as the schema's role where its password is given, in the same database", () => {
    const signIn = (databaseUrl: string) => signInOptions({ databaseUrl, databasePassword: "owner's", ...role });
    const own = { user: "qrforge_qr", password: "own" };
    for (const url of [
      "postgres://ann:s3cret@db/codes",
      "postgres://ann@one:1,two:2/codes?sslmode=require",
      "postgres://db/codes",
    ]) {
      expect(signIn(url)).toEqual(own);
    }
    // Without a name, Postgres takes that of the user.
    for (const url of [
      "postgres://a%20b:s3cret@db",
      "postgres://a%20b@db:5432/",
      "postgres://a%20b@db?sslmode=require",
    ]) {
      expect(signIn(url)).toEqual({ ...own, database: "a b" });
    }
  });
});
