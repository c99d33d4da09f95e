import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { resourceIdPattern } from "../../../contracts/resource-id.ts";
import { slugPattern } from "../../../contracts/slug.ts";
import { TakedownService } from "../../../gen/qrforge/qr/v1/takedown_pb.ts";
import type { LogEntries, Propagation } from "../../../platform/lease/protocol.ts";
import { toPropagation } from "../../../platform/lease/service.ts";
import { type Implementation, implement } from "../../../platform/rpc/server.ts";
import { requireItems } from "../domain/requests.ts";
import { nameOf, readTakedowns, type Takedown } from "../domain/takedowns.ts";
import type { TakedownStore } from "../store/takedowns.ts";
import { toQrCode } from "./qr-code-message.ts";

const itemsPerCallMax = 100;

export interface TakedownDependencies {
  takedowns: TakedownStore;
  /** Returns the short URL of a slug, `https://host/slug`. */
  shortUrl(slug: string): string;
  /** Resolves when no edge uses what these log entries name any more. */
  propagate(entries: LogEntries): Promise<Propagation>;
}

/** Creates the handlers of TakedownService. */
export function createTakedownService({ takedowns, shortUrl, propagate }: TakedownDependencies): Implementation {
  return implement(TakedownService, {
    async findQrCodes({ idsOrSlugs }) {
      requireItems(idsOrSlugs.length, "ids_or_slugs", itemsPerCallMax);
      const slugs = idsOrSlugs.map((name) => name.toLowerCase());
      const codeIds = idsOrSlugs.filter((name) => resourceIdPattern.test(name));
      const rows = await takedowns.find({ codeIds, slugs: slugs.filter((slug) => slugPattern.test(slug)) });
      const byId = new Map(rows.map((row) => [row.codeId, row]));
      const bySlug = new Map(rows.map((row) => [row.slug, row]));
      return {
        found: idsOrSlugs.map((name, index) => {
          const row = byId.get(name) ?? bySlug.get(slugs[index] ?? "");
          return {
            qrCode: row && toQrCode(row, shortUrl),
            takedownTime: row?.takenDownAt ? timestampFromDate(row.takenDownAt) : undefined,
            takedownReason: row?.takedownReason ?? "",
            accountDisabled: row?.accountDisabled ?? false,
          };
        }),
      };
    },

    async setTakedowns(request) {
      requireItems(request.takedowns.length, "takedowns", itemsPerCallMax);
      const given = readTakedowns(request.takedowns);
      const { inForce, entries } = await takedowns.set(given);
      const stored = new Map(inForce.map((one) => [nameOf(one), one]));
      return {
        // A code that does not exist needs no takedown.
        inForce: given.map((one) => toTakedown(stored.get(nameOf(one)) ?? one)),
        propagation: toPropagation(await propagate(entries)),
      };
    },
  });
}

function toTakedown({ kind, subject: value, takenDown, reason, revision }: Takedown) {
  const subject = { case: kind === "account" ? "accountId" : "qrCodeId", value } as const;
  return { subject, takenDown, reason, revision: BigInt(revision) };
}
