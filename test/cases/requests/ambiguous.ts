/** Requests that two readers could understand differently, with what they could smuggle. Each is answered 400, once. */
const post = (headers: string, body = "") =>
  `POST /v1/qr-codes HTTP/1.1\r\nhost: x\r\nx-api-key: k\r\ncontent-type: application/json\r\n${headers}\r\n\r\n${body}`;
const smuggled = "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";

export const ambiguousRequests: readonly (readonly [name: string, bytes: string])[] = [
  ["both lengths", post("content-length: 5\r\ntransfer-encoding: chunked", `0\r\n\r\n${smuggled}`)],
  ["two lengths", post("content-length: 5\r\ncontent-length: 6", `{}   ${smuggled}`)],
  ["a list of lengths", post("content-length: 5, 5", `{}   ${smuggled}`)],
  ["a signed length", post("content-length: +5", `{}   ${smuggled}`)],
  ["an unknown coding", post("transfer-encoding: xchunked", `0\r\n\r\n${smuggled}`)],
  ["a coding after chunked", post("transfer-encoding: chunked, identity", `0\r\n\r\n${smuggled}`)],
  ["a folded header", post("transfer-encoding:\r\n chunked", `0\r\n\r\n${smuggled}`)],
  ["a space before the colon", post("transfer-encoding : chunked", `0\r\n\r\n${smuggled}`)],
  ["a bare CR", post("x: a\rcontent-length: 5", `{}   ${smuggled}`)],
  ["a NUL", post("x: a\0b", smuggled)],
  ["a chunk size that is no number", post("transfer-encoding: chunked", `0x5\r\n{}   \r\n0\r\n\r\n${smuggled}`)],
  ["an HTTP version that is none", "GET /healthz HTTP/9.9\r\nhost: x\r\n\r\n"],
];
