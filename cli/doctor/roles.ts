import { roleOf, type Sql } from "../../platform/postgres/pool.ts";
import { rolePasswordSettings } from "../../platform/process/config.ts";
import { schemas } from "../migrate.ts";
import { type Finding, good, warn, wrong } from "./finding.ts";

const area = "roles";

/** How the service of a schema signs in to the database. */
interface SignedIn {
  schema: (typeof schemas)[number];
  /** Whether its role exists, and whether that has a right that reaches beyond the schema. */
  exists: boolean;
  isPrivileged: boolean;
  /** Other users as which its processes are connected now. */
  others: string[];
}

/** Checks that each service signs in as a role of its own, which has no rights beyond its schema. */
export async function checkRoles(sql: Sql): Promise<Finding[]> {
  const rows = await sql<SignedIn[]>`
    select s.schema, r.oid is not null as exists,
      coalesce(r.rolsuper or r.rolcreaterole or r.rolcreatedb or r.rolreplication or r.rolbypassrls or exists (
        select 1 from pg_auth_members m where m.member = r.oid), false) as "isPrivileged",
      array(select distinct a.usename::text from pg_stat_activity a
        where a.datname = current_database() and a.application_name = 'qrforge-' || s.schema and a.usename <> s.role
        order by 1) as others
    from unnest(${[...schemas]}::text[], ${schemas.map(roleOf)}::text[]) with ordinality as s (schema, role, place)
      left join pg_roles r on r.rolname = s.role
    order by s.place`;
  const privileged = rows
    .filter(({ isPrivileged }) => isPrivileged)
    .map(({ schema }) =>
      wrong(
        area,
        `the role ${roleOf(schema)} may do more than its service needs`,
        "Take superuser, createrole, createdb, replication, bypassrls and its memberships in other roles from it.",
      ),
    );
  const shared = rows.filter(({ exists, others }) => !exists || others.length > 0);
  if (shared.length === 0) {
    return [
      ...privileged,
      good(area, "auth, quota and qr have roles of their own, without rights beyond their schema"),
    ];
  }
  const users = [...new Set(shared.flatMap(({ others }) => others))].join(", ") || "the user of DATABASE_URL";
  const names = shared.map(({ schema }) => schema).join(", ");
  const passwords = shared.map(({ schema }) => rolePasswordSettings[schema].env).join(", ");
  const advice =
    `Set ${passwords} for npm run migrate, which makes the roles, and for these services. Where the server does not ` +
    "let it, make them as docs/operations.md says.";
  const text = `${names} sign${shared.length === 1 ? "s" : ""} in as ${users}, so a fault in one service reaches all tables`;
  return [...privileged, warn(area, text, advice)];
}
