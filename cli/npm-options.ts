import { flagOf } from "./command.ts";

/**
 * The settings that npm makes of an option that stands before `--`, where they are not the option's own name: it completes
 * the beginning of a name of its own, and reads a word as its one-letter options.
 */
const settingsOfFlag: Readonly<Record<string, readonly string[]>> = {
  "--replace": ["replace_registry_host"],
  "--lan": ["long", "all"],
  "--plan": ["long", "all", "parseable"],
  "--days": ["all", "yes"],
  "--scans": ["all"],
};

/**
 * Returns the option that npm took for itself because it stood before `--`, which npm says nothing of; undefined if there
 * is none. `names` are the options of the command, `args` what reached it.
 */
export function findOptionOfNpm(
  names: readonly string[],
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): string | undefined {
  const isSet = (setting: string) => Boolean(env[`npm_config_${setting}`]);
  const isGiven = (flag: string) => args.some((arg) => arg === flag || arg.startsWith(`${flag}=`));
  const isTaken = (flag: string) => {
    const settings = settingsOfFlag[flag] ?? [];
    return isSet(flag.slice(2).replaceAll("-", "_")) || (settings.length > 0 && settings.every(isSet));
  };
  return names.map(flagOf).find((flag) => !isGiven(flag) && isTaken(flag));
}
