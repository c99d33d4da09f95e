import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { connectNodeAdapter } from "@connectrpc/connect-node";
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import { ServiceError, toServiceError } from "../../../platform/errors.ts";
import { createOutageLog, type Logger } from "../../../platform/telemetry/log.ts";
import { answerHeaders, errorBody, errorHead, jsonType } from "./envelope.ts";
import type { RawResponse } from "./exchange.ts";

/** Answers a request with an error in the envelope, and logs what is ours to mend. */
export type SendError = (request: FastifyRequest, reply: FastifyReply, error: Error) => FastifyReply;

export function createSendError(log: Logger): SendError {
  const noteOutage = createOutageLog(log, {});
  return (request, reply, error) => {
    const failure = toHttpError(error);
    noteOutage(failure);
    if (failure.reason === "INTERNAL_ERROR") {
      log.error({ error: failure.cause ?? failure, requestId: request.id, method: request.method }, "request failed");
    }
    const { status, headers } = errorHead(failure);
    // A face's own headers, set before, take precedence.
    for (const [name, value] of Object.entries(headers)) if (!reply.hasHeader(name)) reply.header(name, value);
    return reply.code(status).type(jsonType).send(errorBody(request.id, failure));
  };
}

/** Returns what one of fastify's own errors is to a client: https://fastify.dev/docs/latest/Reference/Errors/ */
function toHttpError(error: FastifyError | Error): ServiceError {
  if (error instanceof ServiceError) return error;
  const statusCode = "statusCode" in error ? (error.statusCode ?? 500) : 500;
  if (statusCode >= 400 && statusCode < 500) return new ServiceError("INVALID_REQUEST", undefined, { cause: error });
  return toServiceError(error);
}

/** Responds with an error in the envelope, with a status of its own if one is given. Fastify never sees the request. */
export function rejectRequest(
  response: RawResponse,
  error: ServiceError,
  { requestId, status }: { requestId: string; status?: number },
): void {
  const head = errorHead(error);
  const headers = { ...head.headers, "x-request-id": requestId };
  sendRaw(response, { status: status ?? head.status, headers, body: errorBody(requestId, error) });
}

/** Sends a whole answer, of either version of HTTP. */
export function sendRaw(
  response: Parameters<ReturnType<typeof connectNodeAdapter>>[1] | RawResponse,
  { status, headers, body }: { status: number; headers: OutgoingHttpHeaders; body: string },
): void {
  // Both versions have the same writeHead and end, which the union of their types hides.
  const either = response as ServerResponse;
  either.writeHead(status, headers);
  either.end(body);
}

/** What Node's errors about the bytes of a request are to a client: its status line and message. */
const malformed: Record<string, [string, string]> = {
  HPE_HEADER_OVERFLOW: ["431 Request Header Fields Too Large", "The headers are over 16 KiB."],
  ERR_HTTP_REQUEST_TIMEOUT: ["408 Request Timeout", "The request took too long to arrive."],
};

/** Answers bytes that are no HTTP request, or one with too large a head, and closes the connection. */
export function rejectMalformed(error: Error & { code?: string }, socket: Socket, requestId: string): void {
  const { code = "" } = error;
  // The answer before closes the connection.
  if (!socket.writable) return;
  // No bytes of HTTP are at fault: the connection broke, or no TLS was ever agreed on, over which an answer could be sent.
  if (!code.startsWith("HPE_") && !(code in malformed)) {
    socket.destroy();
    return;
  }
  const [status, message] = malformed[code] ?? [
    "400 Bad Request",
    "The bytes sent are not a well-formed HTTP request.",
  ];
  const body = errorBody(requestId, new ServiceError("INVALID_REQUEST", message));
  const headers = {
    "content-type": jsonType,
    ...answerHeaders,
    "x-request-id": requestId,
    connection: "close",
    "content-length": Buffer.byteLength(body),
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status}\r\n${lines.join("")}\r\n${body}`);
}
