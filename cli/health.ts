import { credentials, makeGenericClientConstructor } from "@grpc/grpc-js";
import { service } from "grpc-health-check";
import { commonSettings, loadConfig } from "../platform/config.ts";

/** `node cli/health.ts`: exits with 0 if the service whose environment this is can serve, with 1 if it cannot. */
const deadlineMs = 2_000;
const { healthListen } = loadConfig(commonSettings);
if (!healthListen) throw new Error("HEALTH_LISTEN_ADDRESS must be set");

type Check = (
  request: { service: string },
  options: { deadline: number },
  done: (error: Error | null, answer?: { status: string }) => void,
) => void;
const host = healthListen.host === "0.0.0.0" ? "127.0.0.1" : healthListen.host;
const Health = makeGenericClientConstructor(service, "Health");
const client = new Health(`${host}:${healthListen.port}`, credentials.createInsecure());
(client.Check as Check).call(client, { service: "" }, { deadline: Date.now() + deadlineMs }, (error, answer) => {
  const status = error ? error.message : (answer?.status ?? "");
  process.stdout.write(`${status}\n`);
  process.exit(status === "SERVING" ? 0 : 1);
});
