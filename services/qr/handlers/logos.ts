import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { CreateLogoResponseSchema, type LogoSchema, type SymbolService } from "../../../gen/qrforge/qr/v1/symbol_pb.ts";
import { rejectField } from "../../../platform/errors.ts";
import type { PageTokens } from "../../../platform/postgres/page-tokens.ts";
import { pageSize } from "../../../platform/postgres/pagination.ts";
import type { Handlers } from "../../../platform/rpc/server.ts";
import { logoIdOf } from "../domain/fields.ts";
import { pageBounds, readIdempotency, requireAccount } from "../domain/requests.ts";
import type { LogoRow, LogoStore } from "../store/logos.ts";
import type { Drawer } from "../symbols/drawer.ts";
import { noRoomForLogo } from "./styles.ts";

export interface LogoDependencies {
  logos: LogoStore;
  drawer: Drawer;
  pageTokens: PageTokens;
}

/** Creates the handlers of SymbolService for the logos of an account. */
export function createLogoHandlers(options: LogoDependencies) {
  const { logos, drawer, pageTokens } = options;
  return {
    async createLogo({ accountId, content, idempotency }, { remainingMs }) {
      requireAccount(accountId);
      const read = await drawer.readLogo(content, { accountId, remainingMs });
      if ("issue" in read) return rejectField("logo", read.issue);
      const once = readIdempotency(accountId, idempotency);
      const { answer, replayed } = await logos.create(accountId, logoIdOf(read), read, once, (row) =>
        row
          ? toBinary(CreateLogoResponseSchema, create(CreateLogoResponseSchema, { logo: toLogo(row) }))
          : rejectField("logo", noRoomForLogo),
      );
      return { ...fromBinary(CreateLogoResponseSchema, answer), replayed };
    },
    async listLogos({ accountId, pageSize: requestedSize, pageToken }) {
      requireAccount(accountId);
      const list = ["logos", accountId];
      const after = await pageTokens.decode(list, pageToken);
      const page = await logos.list(accountId, pageSize(requestedSize, pageBounds), after);
      return { logos: page.rows.map(toLogo), nextPageToken: await pageTokens.encode(list, page.next) };
    },
  } satisfies Pick<Handlers<typeof SymbolService>, "createLogo" | "listLogos">;
}

function toLogo({ createdAt, ...row }: LogoRow): MessageInitShape<typeof LogoSchema> {
  return { ...row, createTime: timestampFromDate(createdAt) };
}
