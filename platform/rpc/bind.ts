import type { Server, ServerCredentials } from "@grpc/grpc-js";

/** Binds a server to an address. Returns the actual port. */
export function bind(
  server: Server,
  { host, port }: { host: string; port: number },
  credentials: ServerCredentials,
): Promise<number> {
  const target = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  return new Promise((resolve, reject) => {
    server.bindAsync(target, credentials, (error, bound) => {
      if (error) reject(new Error(`cannot listen on ${target}: ${error.message}`));
      else resolve(bound);
    });
  });
}
