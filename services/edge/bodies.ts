import type { FastifyInstance } from "fastify";
import { Failure } from "../../platform/errors.ts";
import { jsonTextIssue } from "./json-text.ts";

/** Reads JSON bodies, strictly: UTF-8 only, not compressed, and no key that could reach a prototype. */
export function readJson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  const parseText = app.getDefaultJsonParser("error", "error");
  const decoder = new TextDecoder("utf-8", { fatal: true });
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, (request, body, done) => {
    const encoding = request.headers["content-encoding"] ?? "identity";
    const charset = /charset="?([^";]+)/i.exec(request.headers["content-type"] ?? "")?.[1] ?? "utf-8";
    if (encoding !== "identity" || charset.toLowerCase() !== "utf-8") {
      done(new Failure("UNSUPPORTED_MEDIA_TYPE", "Send application/json in UTF-8, not compressed."));
      return;
    }
    try {
      const text = decoder.decode(body as Buffer);
      parseText(request, text, (error, value) => {
        // What is JSON and yet refused has a key that could reach a prototype.
        const issue = error ? isJson(text) && prototypeIssue : jsonTextIssue(text);
        if (issue) done(new Failure("INVALID_PAYLOAD", `The body ${issue}.`));
        else done(error, value);
      });
    } catch (error) {
      done(new Failure("INVALID_PAYLOAD", "The body is not valid UTF-8.", { cause: error }));
    }
  });
}

const prototypeIssue = "must not have a key __proto__ or constructor";

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
