/** The Postgres roles of the services: each reads and writes the rows of its own schema, and can do nothing else. */
import { sqlCodeOf } from "./errors.ts";
import { inspectServer } from "./inspect.ts";
import { roleOf, type Sql, type Tx } from "./pool.ts";
import { scramVerifier } from "./scram.ts";

/** Tables whose rows a service may add and read, and neither change nor delete. */
const appendOnly: Record<string, string[]> = { auth: ["audit"] };

/** SQLSTATE codes: what the user may not do, and what of a role's sign-in is refused. */
const notPermitted = "42501";
const signInRefused = ["28P01", "28000"];

const signInTimeoutMs = 5_000;

/** Returns whether an error says that a role is not there yet, or lacks its password or its grants. */
export function isRoleUnready(error: unknown): boolean {
  const code = sqlCodeOf(error);
  return code === notPermitted || signInRefused.includes(code);
}

/**
 * Lets the role of a schema sign in with this password, and makes the role unless it exists. `sql` is a connection of the
 * tables' owner. Changes nothing where the role signs in with the password already. Returns why the server refuses
 * otherwise, or undefined if the role can sign in.
 */
export async function makeRole(
  sql: Sql,
  options: { databaseUrl: string; schema: string; rolePassword: string },
): Promise<string | undefined> {
  const role = roleOf(options.schema);
  const signIn = () =>
    inspectServer({ ...options, databasePassword: "", timeoutMs: signInTimeoutMs }).then(
      () => undefined,
      (error) => {
        if (signInRefused.includes(sqlCodeOf(error))) return messageOf(error);
        throw error;
      },
    );
  if (!(await signIn())) return undefined;
  const verifier = await scramVerifier(options.rolePassword);
  try {
    await sql.begin(async (tx) => {
      const verb = (await roleExists(tx, role)) ? "alter" : "create";
      await tx.unsafe(`${verb} role ${role} login password '${verifier}'`);
    });
  } catch (error) {
    if (sqlCodeOf(error) === notPermitted) return messageOf(error);
    throw error;
  }
  return signIn();
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function roleExists(sql: Sql | Tx, role: string): Promise<boolean> {
  const [{ there }] = await sql<[{ there: boolean }]>`
    select exists (select 1 from pg_roles where rolname = ${role}) as there`;
  return there;
}

/**
 * Grants the role of a schema, where there is one, what its service needs of the schema's objects, those of later migrations
 * included.
 */
export async function grantToRole(tx: Tx, schema: string): Promise<void> {
  const role = roleOf(schema);
  if (!(await roleExists(tx, role))) return;
  await tx.unsafe(`
    grant usage on schema ${schema} to ${role};
    grant select, insert, update, delete on all tables in schema ${schema} to ${role};
    grant usage, select on all sequences in schema ${schema} to ${role};
    grant execute on all functions in schema ${schema} to ${role};
    alter default privileges in schema ${schema} grant select, insert, update, delete on tables to ${role};
    alter default privileges in schema ${schema} grant usage, select on sequences to ${role};
    alter default privileges in schema ${schema} grant execute on functions to ${role};
    revoke insert, update, delete on ${schema}.schema_migrations from ${role}`);
  for (const table of appendOnly[schema] ?? []) {
    const name = `${schema}.${table}`;
    const [{ there }] = await tx<[{ there: boolean }]>`select to_regclass(${name}) is not null as there`;
    if (there) await tx.unsafe(`revoke update, delete on ${name} from ${role}`);
  }
}

/**
 * Keeps roles from temporary tables in the database, and lets the role of a schema connect where not everybody may. Does
 * nothing unless the user owns the database, which it may share with others.
 */
export async function restrictDatabase(tx: Tx, schema: string): Promise<void> {
  const [{ name, isOwner }] = await tx<[{ name: string; isOwner: boolean }]>`
    select quote_ident(datname) as name, pg_has_role(datdba, 'USAGE') as "isOwner"
    from pg_database where datname = current_database()`;
  if (!isOwner) return;
  await tx.unsafe(`
    revoke temporary on database ${name} from public;
    grant connect on database ${name} to ${roleOf(schema)}`);
}
