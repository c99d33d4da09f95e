/**
 * A month's chart of a code with ten million scans: the counts as the service reads them, over gRPC, by day, by hour, and by
 * country, while the tables hold the counts of other codes as well; as a baseline, counting the single scans of one day alone.
 * Run it with `npm run bench:analytics`.
 */

import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import postgres from "postgres";
import { readScriptOptions } from "../cli/run-tool.ts";
import { QrCodeService } from "../gen/qrforge/qr/v1/qr_code_pb.ts";
import { Dimension, Interval, ScanService } from "../gen/qrforge/qr/v1/scan_pb.ts";
import { createRpcClient } from "../platform/rpc/client.ts";
import { addressesOf } from "../test/support/addresses.ts";
import { seed } from "../test/support/seed.ts";
import { withSuite } from "./cluster.ts";
import { median } from "./load.ts";

const scans = 10_000_000;
/** What the tables hold besides. */
const others = { codes: 500, scans: 300_000, logos: 5, accounts: 5 };
const days = 30;
const rounds = 21;
const wait = { timeoutMs: 60_000 };
const accountId = "bench";

readScriptOptions({
  call: "npm run bench:analytics",
  summary: "Measures reading a month's chart of a code with ten million scans.",
});

await withSuite({}, async (cluster) => {
  const address = addressesOf(cluster, "qr").join();
  const codes = createRpcClient(QrCodeService, { address });
  const counts = createRpcClient(ScanService, { address });
  const { qrCode } = await codes.client.createQrCode(
    { accountId, name: "n", redirectUrl: "https://example.com/" },
    wait,
  );
  const code = qrCode?.qrCodeId ?? "";
  await seed(
    {
      ...{ AUTH_ADDRESS: addressesOf(cluster, "auth").join(), QUOTA_ADDRESS: addressesOf(cluster, "quota").join() },
      ...{ QR_ADDRESS: address, DATABASE_URL: cluster.databaseUrl },
    },
    others,
  );

  const sql = postgres(cluster.databaseUrl, { max: 1, onnotice: () => {} });
  process.stdout.write(
    `filling in the counts of ${scans.toLocaleString("en")} scans besides ${others.scans.toLocaleString("en")} of ${others.codes} other codes\n`,
  );
  const hours = days * 24;
  await sql`
    insert into qr.scan_hours (code_id, hour, scans)
    select ${code}, date_trunc('hour', now(), 'UTC') - h * interval '1 hour', ${Math.round(scans / hours)}::bigint
    from generate_series(0, ${hours - 1}::int) as h`;
  await sql`
    insert into qr.scan_days (code_id, day, scans, visitors)
    select ${code}, (now() at time zone 'UTC')::date - d, ${Math.round(scans / days)}::bigint, 50
    from generate_series(0, ${days - 1}::int) as d`;
  await sql`
    insert into qr.scan_dimensions (code_id, day, dimension, value, scans)
    select ${code}, (now() at time zone 'UTC')::date - d, dimension, 'value' || v, 1000
    from generate_series(0, ${days - 1}::int) as d, generate_series(1, 60) as v,
      unnest(array['country', 'referrer']) as dimension`;
  const one = Math.round(scans / days);
  await sql`
    insert into qr.scans (scan_id, code_id, scanned_at)
    select gen_random_uuid(), ${code}, date_trunc('day', now(), 'UTC') + s * interval '1 millisecond'
    from generate_series(1, ${one}::int) as s`;
  await sql`analyze`;

  async function time(ask: () => Promise<unknown>, times: number): Promise<number[]> {
    const results: number[] = [];
    for (let round = 0; round < times; round++) {
      const startedAt = performance.now();
      await ask();
      results.push(performance.now() - startedAt);
    }
    return results.sort((a, b) => a - b);
  }
  const toMs = Date.now();
  const chart = (interval: Interval, dimension: Dimension) => () =>
    counts.client.countScans(
      {
        accountId,
        idOrSlug: code,
        fromTime: timestampFromMs(toMs - (days - 1) * 86_400_000),
        toTime: timestampFromMs(toMs),
        interval,
        dimension,
      },
      wait,
    );
  const single = await time(
    () => sql`
    select date_trunc('hour', scanned_at, 'UTC'), count(*) from qr.scans where code_id = ${code} group by 1`,
    3,
  );
  for (const [name, ask] of [
    ["by day", chart(Interval.DAY, Dimension.UNSPECIFIED)],
    ["by hour", chart(Interval.HOUR, Dimension.UNSPECIFIED)],
    ["by day and country", chart(Interval.DAY, Dimension.COUNTRY)],
  ] as const) {
    await ask();
    const results = await time(ask, rounds);
    process.stdout.write(
      `a month ${name}: median ${median(results).toFixed(1)} ms, slowest of ${rounds} ${(results.at(-1) ?? 0).toFixed(1)} ms; ` +
        `${(median(single) / median(results)).toFixed(0)} × less than counting the ${one.toLocaleString("en")} scans of one day\n`,
    );
  }
  await sql.end();
  codes.close();
  counts.close();
});
