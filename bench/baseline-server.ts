/** A plain node:http server that gives one fixed answer: what the edge is compared with. Prints its port. */
import { createServer } from "node:http";

const [, , body = "", headersJson = "{}", status = "200"] = process.argv;
const headers = JSON.parse(headersJson) as Record<string, string>;
const server = createServer((_request, response) => {
  response.writeHead(Number(status), { ...headers, "content-length": Buffer.byteLength(body) });
  response.end(body);
});
server.listen(0, "127.0.0.1", () => process.send?.((server.address() as { port: number }).port));
process.on("disconnect", () => process.exit());
