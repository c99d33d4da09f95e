import { Server, ServerCredentials } from "@grpc/grpc-js";
import { HealthImplementation } from "grpc-health-check";
import { bind } from "../rpc/bind.ts";
import type { Closer } from "./closer.ts";

/** Health of a process: service `""` reports whether it can serve, service `live` that it runs. */
export interface Health {
  setServing(serving: boolean): void;
}

/**
 * Serves grpc.health.v1 only, in clear text, for the probes of kubelets and container engines, which have no certificate.
 * Serves nothing without an address.
 */
export async function openHealth(options: {
  listen: { host: string; port: number } | undefined;
  closer: Closer;
}): Promise<Health> {
  const { listen } = options;
  if (!listen) return { setServing() {} };
  const health = new HealthImplementation({ "": "NOT_SERVING", live: "SERVING" });
  const server = new Server();
  health.addToServer(server);
  await bind(server, listen, ServerCredentials.createInsecure());
  options.closer.defer("health", () => server.forceShutdown());
  return { setServing: (serving) => health.setStatus("", serving ? "SERVING" : "NOT_SERVING") };
}
