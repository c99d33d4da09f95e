import { accountCommands } from "./admin/account.ts";
import { auditCommands } from "./admin/audit.ts";
import { codeCommands } from "./admin/code.ts";
import { keyCommands } from "./admin/key.ts";
import { usageCommands } from "./admin/usage.ts";
import type { Tool } from "./command.ts";
import { runTool } from "./run-tool.ts";

export const adminTool: Tool = {
  call: "npm run -s admin",
  summary: "Manages accounts, API keys, codes to take down, usage and the audit trail.",
  details: `It calls the suite that npm start runs here, or the services at AUTH_ADDRESS, QUOTA_ADDRESS and
QR_ADDRESS.

With --json, stdout holds exactly one JSON object, or nothing if the command fails. A failure is one line on stderr, with exit
code 1, or 2 for a mistake in what was typed. Without --json, lists are cut to the width of a terminal; where stdout is no
terminal, their columns are separated by tabs and nothing is cut.`,
  commands: [...accountCommands, ...keyCommands, ...codeCommands, ...usageCommands, ...auditCommands],
};

if (import.meta.main) runTool(adminTool);
