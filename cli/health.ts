import { credentials, makeGenericClientConstructor } from "@grpc/grpc-js";
import { service } from "grpc-health-check";
import { commonSettings, loadConfig } from "../platform/process/config.ts";
import { defineTool } from "./command.ts";
import { UserError } from "./errors.ts";
import { runTool } from "./run-tool.ts";

const timeoutMs = 2_000;

export const healthTool = defineTool({
  call: "node cli/health.ts",
  summary: "Asks the service whose environment this is whether it can serve: exit code 0 if so, 1 if not.",
  details: "It calls grpc.health.v1 at HEALTH_LISTEN_ADDRESS.",
  run: checkHealth,
});

type Check = (
  request: { service: string },
  options: { deadline: number },
  done: (error: Error | null, answer?: { status: string }) => void,
) => void;

async function checkHealth(): Promise<void> {
  const { healthListen } = loadConfig(commonSettings);
  if (!healthListen) throw new UserError("HEALTH_LISTEN_ADDRESS must be set.");
  const host = healthListen.host === "0.0.0.0" ? "127.0.0.1" : healthListen.host;
  const Health = makeGenericClientConstructor(service, "Health");
  const client = new Health(`${host}:${healthListen.port}`, credentials.createInsecure());
  const check = (client.Check as Check).bind(client);
  const status = await new Promise<string>((resolve) =>
    check({ service: "" }, { deadline: Date.now() + timeoutMs }, (error, answer) =>
      resolve(error ? error.message : (answer?.status ?? "")),
    ),
  );
  process.stdout.write(`${status}\n`);
  process.exit(status === "SERVING" ? 0 : 1);
}

if (import.meta.main) runTool(healthTool);
