/** `npm run generate` writes nats.conf with it: the users of NATS and their subjects, out of the code that uses them. */
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { root } from "../cli/settings.ts";
import { natsAuthorization } from "../platform/messaging/users.ts";

export const natsFile = path.join(root, "nats.conf");

/** Returns the file. Each password is a variable of nats-server's environment, such as `auth_password`. */
export function describeNats(): string {
  const authorization = JSON.stringify(
    natsAuthorization((client) => `$${client}_password`),
    null,
    2,
  ).replaceAll(/"(\$\w+_password)"/g, "$1");
  return `# Made by npm run generate out of platform/messaging/users.ts: the users of NATS, each with the subjects that it needs.
# Their passwords are variables of the environment, in quotes: docker-compose.yml.
authorization: ${authorization}
`;
}

if (import.meta.main) await writeFile(natsFile, describeNats());
