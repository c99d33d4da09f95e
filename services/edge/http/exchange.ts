import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";

/** A request as Node hands it out, of HTTP/1.1 or HTTP/2. */
export type RawRequest = IncomingMessage | Http2ServerRequest;
export type RawResponse = ServerResponse | Http2ServerResponse;

/** Answers a request. */
export type Handle = (request: RawRequest, response: RawResponse) => void;

/** How long the whole of a request may take to arrive, in ms. */
export const requestTimeoutMs = 30_000;
/** How long a client may take or give no byte while a body is expected or an answer is unsent, in ms. */
export const progressTimeoutMs = 10_000;
