import { writeFile } from "node:fs/promises";
import path from "node:path";
import { root, runProgram } from "../support/run.ts";

/** The deployment that is tried. */
export interface Target {
  /** Base URL of the REST API. */
  url: string;
  /** Address of the gRPC API, as host:port. */
  rpc: string;
  key: string;
  /** File with the deployment's openapi.json. */
  apiFile: string;
  /** Folder for what the tools write. */
  folder: string;
  /** Number of generated cases of an operation. */
  examples: number;
}

export interface Outcome {
  isOk: boolean;
  /** What the tool printed. */
  output: string;
}

export interface Tool {
  name: string;
  /** Program that is looked for on the PATH. */
  program: string;
  /** How to get it. */
  install: string;
  run(target: Target): Promise<Outcome>;
}

/** Runs a program; its exit code decides, and what its output must or must not have. */
async function run(program: string, args: string[], check: { cwd?: string; has?: RegExp; lacks?: RegExp } = {}) {
  const { cwd = root, has, lacks } = check;
  const { code, output } = await runProgram(program, args, { cwd, timeout: 900_000 });
  return { isOk: code === 0 && (has?.test(output) ?? true) && !(lacks?.test(output) ?? false), output };
}

const usage = "qrforge.api.v1.ApiService/GetUsage";

export const tools: readonly Tool[] = [
  {
    name: "schemathesis",
    program: "schemathesis",
    install: "pipx install schemathesis",
    // Not every string is a page token, and not every name of the right form is that of a project.
    run: ({ url, key, examples }) =>
      run("schemathesis", [
        ...["run", `${url}/openapi.json`, "--header", `x-api-key: ${key}`, "--checks", "all"],
        ...["--exclude-checks", "positive_data_acceptance", "--max-examples", String(examples), "--no-color"],
      ]),
  },
  {
    name: "openapi-python-client",
    program: "openapi-python-client",
    install: "pipx install openapi-python-client",
    async run({ apiFile, folder }) {
      const config = path.join(folder, "python.yml");
      const types = ["image/svg+xml", "image/png", "image/jpeg", "application/pdf"];
      const overrides = types.map((type) => `  ${type}: application/octet-stream\n`).join("");
      await writeFile(config, `content_type_overrides:\n${overrides}post_hooks: []\n`);
      const args = ["generate", "--path", apiFile, "--output-path", path.join(folder, "python"), "--config", config];
      const made = await run("openapi-python-client", args, { lacks: /warning/i });
      if (!made.isOk) return made;
      return await run("python3", ["-m", "compileall", "-q", path.join(folder, "python")]);
    },
  },
  {
    name: "openapi-typescript",
    program: "openapi-typescript",
    install: "npm install",
    async run({ apiFile, folder }) {
      const made = await run("openapi-typescript", [apiFile, "--output", path.join(folder, "api.ts")]);
      return made.isOk ? await run("tsc", ["api.ts", "--strict", "--noEmit", "--types", ""], { cwd: folder }) : made;
    },
  },
  {
    name: "grpcurl",
    program: "grpcurl",
    install: "go install github.com/fullstorydev/grpcurl/cmd/grpcurl@latest",
    async run({ rpc, key }) {
      const listed = await run("grpcurl", ["-plaintext", rpc, "list"], { has: /qrforge\.api\.v1\.ApiService/ });
      if (!listed.isOk) return listed;
      const called = await run("grpcurl", ["-plaintext", "-H", `x-api-key: ${key}`, rpc, usage], { has: /"minute"/ });
      if (!called.isOk) return called;
      return await run("grpcurl", ["-plaintext", rpc, "grpc.health.v1.Health/Check"], { has: /SERVING/ });
    },
  },
  {
    name: "buf curl",
    program: "buf",
    install: "npm install",
    run: ({ rpc, key }) =>
      run(
        "buf",
        [
          ...["curl", "--schema", "proto", "--protocol", "grpc", "--http2-prior-knowledge", "-H", `x-api-key: ${key}`],
          ...["-d", "{}", `http://${rpc}/${usage}`],
        ],
        { has: /"minute"/ },
      ),
  },
];
