import type postgres from "postgres";
import { newId } from "../../platform/ids.ts";

/** Adds active codes to an account straight by SQL, as many as would take calls of the API long. */
export async function addCodes(sql: postgres.Sql, accountId: string, count: number): Promise<void> {
  const projectId = newId();
  await sql.begin(async (tx) => {
    await tx`
      insert into qr.code_counts as c (account_id, active) values (${accountId}, ${count})
      on conflict (account_id) do update set active = c.active + excluded.active`;
    await tx`
      insert into qr.projects (project_id, account_id, name, is_default, created_via)
      values (${projectId}, ${accountId}, 'Added', false, 'api')`;
    await tx`
      insert into qr.codes (code_id, account_id, project_id, name, slug, redirect_url, foreground, background)
      select substr(md5(${projectId} || n), 1, 20), ${accountId}, ${projectId}, 'Code ' || n,
        'added-' || substr(md5(${projectId} || n), 1, 20), 'https://example.com/', '#000000', '#ffffff'
      from generate_series(1, ${count}::int) n`;
  });
}
