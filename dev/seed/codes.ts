import { createHash } from "node:crypto";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { QrCodeStatus, type StyleSchema } from "../../gen/qrforge/qr/v1/qr_code_pb.ts";
import { ServiceError } from "../../platform/errors.ts";
import { newId, randomBase36 } from "../../platform/ids.ts";
import type { MadeAccount } from "./accounts.ts";
import type { Deployment } from "./deployment.ts";
import { logo } from "./logos.ts";
import { type Amounts, type PlannedCode, planCodes } from "./plan.ts";
import { stream } from "./random.ts";
import type { ScannedCode } from "./scans.ts";
import { inParallel, patiently, wait } from "./work.ts";

const batchMax = 100;
/** Number of concurrent batches: qr allows 50 concurrent drawings per account, and a batch has 20. */
const batchesAtOnce = 2;
const logoSize = 18;

interface Batch {
  account: MadeAccount;
  codes: PlannedCode[];
}

/** Creates all codes through the service, in batches, and backdates them. Returns the input for their scans. */
export async function makeCodes(
  to: Deployment,
  accounts: MadeAccount[],
  options: Amounts & { nowMs: number; progress(added: number): void },
): Promise<ScannedCode[]> {
  // Batches end in any order, and the order of codes determines their scans.
  const made: ScannedCode[][] = [];
  await inParallel(batchesAtOnce, numbered(batches(accounts, options)), async ([number, batch]) => {
    made[number] = await makeBatch(to, batch, options);
    options.progress(batch.codes.length);
  });
  return made.flat();
}

function* numbered<T>(items: Iterable<T>): Generator<[number, T]> {
  let number = 0;
  for (const item of items) yield [number++, item];
}

function* batches(accounts: MadeAccount[], amounts: Amounts): Generator<Batch> {
  for (const account of accounts) {
    let codes: PlannedCode[] = [];
    for (const code of planCodes(account, amounts)) {
      codes.push(code);
      if (codes.length < batchMax) continue;
      yield { account, codes };
      codes = [];
    }
    if (codes.length > 0) yield { account, codes };
  }
}

async function makeBatch(
  to: Deployment,
  { account, codes }: Batch,
  { seed, nowMs }: { seed: number; nowMs: number },
): Promise<ScannedCode[]> {
  const { accountId, createdMs: sinceMs } = account;
  const requests = codes.map((code) => toRequest(account, code, seed));
  const made = await createCodes(to, accountId, requests);
  const timed = codes.map((code, index) => {
    const createdMs = Math.floor(sinceMs + code.created * (nowMs - sinceMs));
    const archivedMs = code.isArchived
      ? Math.floor(sinceMs + code.archived * (nowMs - sinceMs))
      : Number.POSITIVE_INFINITY;
    return { codeId: made[index] as string, createdMs, archivedMs, ...pickScanned(code) };
  });
  for (const { codeId, archivedMs } of timed) {
    if (archivedMs === Number.POSITIVE_INFINITY) continue;
    const archive = { accountId, qrCodeId: codeId, status: QrCodeStatus.ARCHIVED };
    await patiently(() => to.codes.updateQrCode(archive, wait));
  }
  await dateBack(to, timed);
  return timed;
}

const pickScanned = ({ weight, rhythm, country }: PlannedCode) => ({ weight, rhythm, country });

interface Request {
  accountId: string;
  name: string;
  redirectUrl: string;
  slug: string;
  projectId: string;
  style?: MessageInitShape<typeof StyleSchema>;
}

function toRequest(account: MadeAccount, code: PlannedCode, seed: number): Request {
  const { name, redirectUrl, slugStem } = code;
  const request = {
    accountId: account.accountId,
    name,
    redirectUrl,
    slug: slugStem === "" ? "" : `${slugStem}-${randomBase36(6)}`,
    projectId: account.projectIds[code.project] ?? "",
  };
  if (!code.style) return request;
  const { logo: number, ...style } = code.style;
  if (number < 0) return { ...request, style };
  return { ...request, style: { ...style, logo: logo(stream(seed, `logo ${account.number} ${number}`)), logoSize } };
}

/** Creates a batch, and returns the ids in its order. Codes whose style the service finds unreadable become plain. */
async function createCodes({ codes }: Deployment, accountId: string, requests: Request[]): Promise<string[]> {
  const key = `seed-${newId()}`;
  const idempotency = { key, requestHash: createHash("sha256").update(key).digest() };
  try {
    const { qrCodes } = await patiently(() =>
      codes.batchCreateQrCodes({ accountId, qrCodes: requests, idempotency }, wait),
    );
    return qrCodes.map(({ qrCodeId }) => qrCodeId);
  } catch (error) {
    const fields = error instanceof ServiceError ? (error.fields ?? []) : [];
    const unreadable = fields.map(({ field }) => Number(/^qr_codes\.(\d+)\.style/.exec(field)?.[1] ?? -1));
    if (unreadable.length === 0 || unreadable.includes(-1)) throw error;
    const plain = requests.map((request, index) => {
      const { style, ...rest } = request;
      return unreadable.includes(index) ? rest : request;
    });
    return await createCodes({ codes } as Deployment, accountId, plain);
  }
}

/** Backdates the times of creation and of the last change of codes. */
async function dateBack({ sql }: Deployment, codes: ScannedCode[]): Promise<void> {
  const iso = (ms: number) => new Date(ms).toISOString();
  const changed = codes.map(({ createdMs, archivedMs }) =>
    archivedMs === Number.POSITIVE_INFINITY ? iso(createdMs) : iso(archivedMs),
  );
  await sql`
    update qr.codes c set created_at = m.created_at, rendered_at = m.created_at, updated_at = m.updated_at
    from unnest(${codes.map(({ codeId }) => codeId)}::text[],
      ${codes.map(({ createdMs }) => iso(createdMs))}::timestamptz[], ${changed}::timestamptz[])
      as m (code_id, created_at, updated_at)
    where c.code_id = m.code_id`;
}
