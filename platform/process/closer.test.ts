import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { createCloser } from "./closer.ts";

describe("a closer", () => {
  it("closes in the opposite order, once, past a close that fails", async () => {
    const closer = createCloser(pino({ level: "silent" }));
    const closed: string[] = [];
    closer.defer("first", () => closed.push("first"));
    closer.defer("second", () => Promise.reject(new Error("stuck")));
    closer.defer("third", async () => closed.push("third"));
    await Promise.all([closer.close(), closer.close()]);
    expect(closed).toEqual(["third", "first"]);
  });
});
