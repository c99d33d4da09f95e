/** `npm run generate` writes docs/commands.md with it: every command and option, out of the declarations that parse them. */
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { adminTool } from "./admin.ts";
import { backupTool } from "./backup.ts";
import type { Tool } from "./command.ts";
import { describeTool } from "./command-help.ts";
import { buildDashboardTool } from "./dashboard.ts";
import { doctorTool } from "./doctor.ts";
import { healthTool } from "./health.ts";
import { migrateTool } from "./migrate.ts";
import { restoreTool } from "./restore.ts";
import { seedTool } from "./seed.ts";
import { root } from "./settings.ts";
import { startTool } from "./start.ts";

export const commandsFile = path.join(root, "docs", "commands.md");

/** The commands of operators and users. */
export const tools: readonly Tool[] = [
  ...[startTool, adminTool, doctorTool, backupTool, restoreTool, migrateTool],
  ...[seedTool, healthTool, buildDashboardTool],
];

/** The page, in Markdown. */
export function describeCommands(): string {
  return `# Commands

Made by \`npm run generate\` out of the declarations that parse them. Each takes \`--help\` (\`-h\`), which needs nothing running.
What stands in brackets may be left out; \`a|b\` is one of these words; \`...\` may be repeated. In an image, which has no npm, \`npm run -s
admin --\` is \`node cli/admin.ts\`, and so for the others.

A mistake in what was typed is one line on stderr and exit code 2. [settings.md](settings.md) has the environment variables.

${tools.map(describeTool).join("\n\n")}
`;
}

if (import.meta.main) await writeFile(commandsFile, describeCommands());
