import { createHash } from "node:crypto";
import type { Style as StyleMessage } from "../../gen/qrforge/qr/v1/qr_code_pb.ts";
import { refuseFields } from "../../platform/errors.ts";
import { changeStyle } from "./fields.ts";
import { readStyle } from "./requests.ts";
import type { Store } from "./store.ts";
import type { Drawer } from "./symbols/drawer.ts";
import { type Logo, logoBytesMax, marginBounds, type Style } from "./symbols/style.ts";

/** The error correction of a symbol for which none is asked. */
export const eccFallback = "M";

/** Styles as they are asked for, with their logos, until they are known to be readable. */
export function createStyles({ store, drawer }: { store: Store; drawer: Drawer }) {
  /** The logo that a style names; fails if the account has no such logo. */
  async function logoOf(accountId: string, style: Style, field = "style.logo"): Promise<Logo | undefined> {
    if (style.logoId === "") return undefined;
    const logo = await store.getLogo(accountId, style.logoId);
    if (!logo) refuseFields([{ field, issue: "is no logo of this account" }]);
    return logo;
  }

  async function takeLogo(accountId: string, bytes: Uint8Array, field: string): Promise<string> {
    if (bytes.length > logoBytesMax) refuseFields([{ field, issue: `must have at most ${logoBytesMax / 1024} KiB` }]);
    const read = await drawer.readLogo(bytes);
    if ("issue" in read) {
      refuseFields([{ field, issue: read.issue }]);
      throw new Error("a field at fault was not refused");
    }
    const logoId = logoIdOf(read);
    await store.putLogo(accountId, logoId, read);
    return logoId;
  }

  return {
    logoOf,
    /**
     * The style that a request makes of a code's, once a symbol of it has been drawn and read back: one for an address as long
     * as the code's, so that the verdict serves every code with such a slug. The very symbol is read back when it is handed
     * out. Fails with INVALID_PAYLOAD, naming what to change.
     */
    async accept(
      accountId: string,
      current: Style,
      message: StyleMessage | undefined,
      shortUrl: string,
      field: (name: string) => string,
    ): Promise<Style> {
      const style = changeStyle(pick(current), readStyle(message));
      if (message && message.logo.length > 0) {
        style.logoId = await takeLogo(accountId, message.logo, field("style.logo"));
      }
      const logo = await logoOf(accountId, style, field("style.logo"));
      const issue = await drawer.judge({
        text: shortUrl,
        style,
        logo,
        margin: marginBounds.fallback,
        ecc: eccFallback,
      });
      if (issue) {
        const named = issue.field === "ecc" ? { field: "slug", issue: "is too long for this style" } : issue;
        refuseFields([{ ...named, field: field(named.field) }]);
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
