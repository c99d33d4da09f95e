import { createHash } from "node:crypto";
import type { Style as StyleMessage } from "../../gen/qrforge/qr/v1/qr_code_pb.ts";
import { rejectField } from "../../platform/errors.ts";
import { changeStyle } from "./domain/fields.ts";
import { readStyle } from "./domain/requests.ts";
import type { Store } from "./store/qr-codes.ts";
import type { Drawer } from "./symbols/drawer.ts";
import type { DrawCaller } from "./symbols/gate.ts";
import { type Logo, marginBounds, plainStyle, type Style } from "./symbols/style.ts";

/** The error correction of a symbol for which none is asked. */
export const eccFallback = "M";

export interface StyleDependencies {
  store: Store;
  drawer: Drawer;
  /** Where a slug is scanned, `https://host/slug`. */
  shortUrl(slug: string): string;
}

/** Styles as they are asked for, with their logos, until they are known to be readable. */
export function createStyles({ store, drawer, shortUrl }: StyleDependencies) {
  /** The logo that a style has; fails if the account has no such logo. */
  async function findLogo(find: Store["getLogo"], accountId: string, { logoId }: Style, field: string) {
    if (logoId === "") return undefined;
    return (await find(accountId, logoId)) ?? rejectField(field, "is no logo of this account");
  }

  async function takeLogo(caller: DrawCaller, bytes: Uint8Array, field: string): Promise<string> {
    const read = await drawer.readLogo(bytes, caller);
    if ("issue" in read) return rejectField(field, read.issue);
    const logoId = logoIdOf(read);
    const kept = await store.putLogo(caller.accountId, logoId, read);
    return kept ? logoId : rejectField(field, "is one too many: the account's logos take all the room that they may");
  }

  return {
    /** The logo of a style that has been chosen. */
    logoOf: (accountId: string, style: Style) => findLogo(store.getLogo, accountId, style, "style.logo"),
    /**
     * The style that a request makes of a code's, once its symbol has been drawn and read back. Fails with INVALID_PAYLOAD,
     * naming what to change.
     *
     * With plain shapes and no logo, one address is read as well as another of its length; so such a style is judged once
     * for all slugs as long as this one.
     */
    async accept(
      caller: DrawCaller,
      current: Style,
      message: StyleMessage | undefined,
      slug: string,
      field: (name: string) => string,
    ): Promise<Style> {
      const style = changeStyle(pick(current), readStyle(message));
      if (message && message.logo.length > 0) {
        style.logoId = await takeLogo(caller, message.logo, field("style.logo"));
      }
      const logo = await findLogo(store.nameLogo, caller.accountId, style, field("style.logo"));
      const isPlain =
        !logo && style.moduleShape === plainStyle.moduleShape && style.finderShape === plainStyle.finderShape;
      const text = shortUrl(isPlain ? "0".repeat(slug.length) : slug);
      const issue = await drawer.judge({ text, style, logo, margin: marginBounds.fallback, ecc: eccFallback }, caller);
      if (issue) {
        const named = issue.field === "ecc" ? { field: "slug", issue: "is too long for this style" } : issue;
        rejectField(field(named.field), named.issue);
      }
      return style;
    },
  };
}

export type Styles = ReturnType<typeof createStyles>;

/** The name of a logo, by its content. */
export function logoIdOf({ png }: Logo): string {
  return createHash("sha256").update(png).digest("hex").slice(0, 32);
}

/** The style alone of something that has more. */
export function pick(from: Style): Style {
  const { foreground, background, moduleShape, finderShape, logoId, logoSize, caption } = from;
  return { foreground, background, moduleShape, finderShape, logoId, logoSize, caption };
}
