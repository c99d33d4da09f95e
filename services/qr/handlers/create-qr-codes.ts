import { create, toBinary } from "@bufbuild/protobuf";
import type { ShortUrlCheck } from "../../../contracts/short-url.ts";
import { formatSlug } from "../../../contracts/slug.ts";
import { BatchCreateQrCodesResponseSchema, type CreateQrCodeRequest } from "../../../gen/qrforge/qr/v1/qr_code_pb.ts";
import { type FieldIssue, ServiceError, throwIfFieldIssues } from "../../../platform/errors.ts";
import { newIds, randomBase36 } from "../../../platform/ids.ts";
import { itemAt } from "../../../platform/item-at.ts";
import { codeIssues } from "../domain/fields.ts";
import type { Once } from "../domain/idempotency.ts";
import { validId } from "../domain/requests.ts";
import type { IdempotencyStore } from "../store/idempotency.ts";
import type { ProjectStore } from "../store/projects.ts";
import { type CodeStore, type NewCode, slugTaken } from "../store/qr-codes.ts";
import { plainStyle } from "../symbols/style.ts";
import { toQrCode } from "./qr-code-message.ts";
import { readStyle } from "./style-message.ts";
import type { Styles } from "./styles.ts";

/** Styles of one batch that are checked at the same time. */
const stylesAtOnce = 20;
/** Attempts at a random slug that is free; with 36^7 of them, two taken in a row mean that something else is wrong. */
const slugAttempts = 5;

/** A code to create, and whether its slug was chosen. */
type WantedCode = NewCode & { isChosen: boolean };

const newSlug = () => formatSlug(randomBase36(7));

/** Returns an issue for each chosen slug that is taken or stands twice in the batch. */
function slugConflicts(
  codes: WantedCode[],
  taken: Set<string>,
  field: (place: number, name: string) => string,
): FieldIssue[] {
  const chosen = codes.map(({ slug, isChosen }) => (isChosen ? slug : undefined));
  return chosen.flatMap((slug, place) => {
    if (slug === undefined) return [];
    if (taken.has(slug)) return [{ field: field(place, "slug"), issue: "is taken; choose another" }];
    const isDouble = chosen.indexOf(slug) !== chosen.lastIndexOf(slug);
    return isDouble ? [{ field: field(place, "slug"), issue: "is in the batch more than once" }] : [];
  });
}

export interface CreateCodesDependencies {
  codes: CodeStore;
  projects: ProjectStore;
  idempotency: IdempotencyStore;
  styles: Styles;
  /** Returns the short URL of a slug, `https://host/slug`. */
  shortUrl(slug: string): string;
  /** Returns whether a URL is a short URL of the deployment, to which no code may lead. */
  isShortUrl: ShortUrlCheck;
  /** Tells edges that a slug exists now, which some may remember as unknown for a moment longer. */
  hintSlug(slug: string): void;
}

/**
 * Returns a function that creates codes, all or none, and returns a serialized BatchCreateQrCodesResponse. Its `field` names
 * a field of the code with this place in the request.
 */
export function createCodeCreation(dependencies: CreateCodesDependencies) {
  const { codes, projects, idempotency, styles, shortUrl, isShortUrl, hintSlug } = dependencies;

  async function createCodes(
    { accountId, activeMax }: { accountId: string; activeMax: number },
    requests: CreateQrCodeRequest[],
    once: Once | undefined,
    remainingMs: () => number,
    field: (place: number, name: string) => string,
  ) {
    const issues = requests.flatMap((request, place) => issuesOf(request).map(named(place, field)));
    throwIfFieldIssues(issues);
    const known = once && (await idempotency.findAnswer(once));
    if (known) return { answer: known, replayed: true };

    const projectId = await projectsOf(accountId, requests);
    const caller = { accountId, remainingMs };
    // Codes of one call have one time of creation; their ids keep their order.
    const codeIds = newIds(requests.length);
    const toNewCode = async (request: CreateQrCodeRequest, place: number): Promise<WantedCode> => {
      const slug = request.slug || newSlug();
      const style = await styles.resolveStyle(caller, plainStyle, request.style, slug, (name) => field(place, name));
      return {
        codeId: itemAt(codeIds, place),
        accountId,
        projectId: request.projectId || projectId,
        name: request.name.normalize(),
        redirectUrl: request.redirectUrl,
        slug,
        isChosen: request.slug !== "",
        ...style,
      };
    };
    // Logos one after the other, since an account may have few read at once; other styles some at a time.
    const wanted: WantedCode[] = [];
    for (const [place, request] of requests.entries()) {
      if (request.style?.logo.length) wanted[place] = await toNewCode(request, place);
    }
    for (let from = 0; from < requests.length; from += stylesAtOnce) {
      const some = requests.slice(from, from + stylesAtOnce);
      await Promise.all(
        some.map(async (request, index) => {
          wanted[from + index] ??= await toNewCode(request, from + index);
        }),
      );
    }
    // The caller has given up: create nothing that it would not learn of.
    if (remainingMs() <= 0) throw new ServiceError("DEADLINE_EXCEEDED");
    return await createWithFreeSlugs({ accountId, activeMax }, wanted, once, field);
  }

  /** Stores codes. Random slugs that are taken are replaced by others; a chosen one that is taken is a CONFLICT. */
  async function createWithFreeSlugs(
    account: { accountId: string; activeMax: number },
    wanted: WantedCode[],
    once: Once | undefined,
    field: (place: number, name: string) => string,
  ) {
    const chosen = wanted.filter(({ isChosen }) => isChosen);
    const random = wanted.filter(({ isChosen }) => !isChosen);
    for (let attempt = 1; attempt <= slugAttempts; attempt++) {
      const created = await codes.create({ ...account, codes: wanted }, once, (made) => {
        const message = create(BatchCreateQrCodesResponseSchema, {
          qrCodes: made.map((row) => toQrCode(row, shortUrl)),
        });
        return toBinary(BatchCreateQrCodesResponseSchema, message);
      });
      if (created !== slugTaken) {
        if (!created.replayed) for (const { slug } of chosen) hintSlug(slug);
        return created;
      }
      await throwIfChosenTaken(wanted, field);
      for (const code of random) code.slug = newSlug();
    }
    throw new Error("no free slug was found");
  }

  async function throwIfChosenTaken(wanted: WantedCode[], field: (place: number, name: string) => string) {
    const taken = new Set(await codes.takenSlugs(wanted.map(({ slug }) => slug)));
    const fields = slugConflicts(wanted, taken, field);
    if (fields.length > 0) throw new ServiceError("CONFLICT", `${fields[0]?.field} ${fields[0]?.issue}`, { fields });
  }

  function issuesOf({ name, redirectUrl, slug, style }: CreateQrCodeRequest): FieldIssue[] {
    const chosen = slug === "" ? undefined : slug;
    return codeIssues({ name, redirectUrl, slug: chosen, style: readStyle(style) }, isShortUrl);
  }

  /**
   * Returns the id of the default project if a request names none. Throws PROJECT_NOT_FOUND unless every project that is
   * named is the account's.
   */
  async function projectsOf(accountId: string, requests: CreateQrCodeRequest[]): Promise<string> {
    const named = requests.map((request) => request.projectId).filter((id) => id !== "");
    await projects.requireAll(
      accountId,
      named.map((id) => validId(id, "PROJECT_NOT_FOUND")),
    );
    const isNeeded = requests.some((request) => request.projectId === "");
    return isNeeded ? await projects.ensureDefault(accountId) : "";
  }

  return createCodes;
}

function named(place: number, field: (place: number, name: string) => string) {
  return (issue: FieldIssue): FieldIssue => ({ ...issue, field: field(place, issue.field) });
}
