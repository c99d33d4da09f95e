import { execFile } from "node:child_process";
import path from "node:path";

export const root = path.resolve(import.meta.dirname, "../..");
const bin = path.join(root, "node_modules", ".bin");

/** Runs a program, the project's own tools first on its PATH, and answers its exit code and all that it printed. */
export function runProgram(
  command: string,
  args: string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; timeout?: number; input?: string } = {},
): Promise<{ code: number; output: string }> {
  const env = { ...process.env, ...options.env, PATH: `${bin}${path.delimiter}${process.env.PATH}` };
  return new Promise((resolve) => {
    const child = execFile(
      command,
      args,
      { cwd: root, maxBuffer: 16 << 20, timeout: 120_000, ...options, env },
      (error, out, problems) => {
        const code = typeof error?.code === "number" ? error.code : error ? 1 : 0;
        resolve({ code, output: `${out}${problems}` || String(error ?? "") });
      },
    );
    // A program that cannot be started, or does not read, closes it.
    child.stdin?.on("error", () => {}).end(options.input);
  });
}
