/** `npm run generate` writes docs/commands.md with it: every command and option, out of the declarations that parse them. */
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { adminTool } from "../cli/admin.ts";
import { backupTool } from "../cli/backup.ts";
import type { Tool } from "../cli/command.ts";
import { describeTool } from "../cli/command-help.ts";
import { doctorTool } from "../cli/doctor.ts";
import { healthTool } from "../cli/health.ts";
import { migrateTool } from "../cli/migrate.ts";
import { restoreTool } from "../cli/restore.ts";
import { root } from "../cli/settings.ts";
import { seedTool } from "../dev/seed.ts";
import { startTool } from "../dev/start.ts";
import { buildDashboardTool } from "./build-dashboard.ts";

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
