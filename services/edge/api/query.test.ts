import Fastify from "fastify";
import { expect, it } from "vitest";
import { ServiceError } from "../../../platform/errors.ts";
import { readQuery } from "./query.ts";

/** Returns what a server reads from a query: its parameters, or the message of the error. */
async function read(query: string): Promise<unknown> {
  const app = Fastify();
  app.get("/", async (request) => {
    try {
      return readQuery(request);
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      return { [error.reason]: error.message, fields: error.fields };
    }
  });
  const answer = await app.inject({ url: `/?${query}` });
  await app.close();
  return answer.json();
}

it("reads parameters in any script, with blanks as + or %20", async () => {
  expect(await read("q=caf%C3%A9+%E6%97%A5%20x&status=all&page_size=")).toEqual({
    q: "café 日 x",
    status: "all",
    page_size: "",
  });
});

it("reads a percent sign that is encoded", async () => {
  expect(await read("q=100%25%2Fzz")).toEqual({ q: "100%/zz" });
});

it("names each parameter that is given twice", async () => {
  expect(await read("q=a&size=1&size=2&q=b&status=all")).toEqual({
    INVALID_REQUEST: "q must be given once; size must be given once",
    fields: [
      { field: "q", issue: "must be given once" },
      { field: "size", issue: "must be given once" },
    ],
  });
});

it("refuses a parameter without a name", async () => {
  expect(await read("=a&=b")).toEqual({ INVALID_REQUEST: "A parameter of the query has no name.", fields: [] });
});

it.each(["q=caf%E9", "q=%FF", "q=100%", "q=%zz", "q=%ED%A0%80", "%E9=a"])(
  "refuses %s, which is not percent-encoded UTF-8",
  async (query) => {
    expect(await read(query)).toEqual({
      INVALID_REQUEST: "The query must be UTF-8, percent-encoded; write a percent sign as %25.",
      fields: [],
    });
  },
);
