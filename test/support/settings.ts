import { loadConfig, type Settings } from "../../platform/process/config.ts";

/** What is wrong with an environment for these settings: names nobody reads, and what the settings say of the rest. */
export function checkEnvironment(settings: Settings, environment: Record<string, string>): string[] {
  const known = new Set<string>();
  for (const { env, secret } of Object.values(settings)) {
    known.add(env);
    if (secret) known.add(`${env}_FILE`);
  }
  const unknown = Object.keys(environment).filter((env) => !known.has(env));
  // Files are only there where the environment is.
  const plain = Object.entries(environment).filter(([env]) => !env.endsWith("_FILE") || !known.has(env.slice(0, -5)));
  try {
    loadConfig(settings, Object.fromEntries(plain));
    return unknown;
  } catch (error) {
    return [...unknown, (error as Error).message];
  }
}
