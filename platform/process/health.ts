import { Server, ServerCredentials } from "@grpc/grpc-js";
import { HealthImplementation } from "grpc-health-check";
import { bind } from "../rpc/bind.ts";
import type { Closer } from "./closer.ts";

/** What a process says of itself: as service `""` whether it can serve, as service `live` that it runs. */
export interface Health {
  setServing(serving: boolean): void;
}

/**
 * Serves grpc.health.v1 and nothing else, in clear text: for the probes of kubelets and container engines, which have no
 * certificate. Without an address nobody is told.
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
