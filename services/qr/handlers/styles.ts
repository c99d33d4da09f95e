import { eccFallback, marginBounds } from "../../../contracts/symbol-bounds.ts";
import type { Style as StyleMessage } from "../../../gen/qrforge/qr/v1/qr_code_pb.ts";
import { rejectField } from "../../../platform/errors.ts";
import { changeStyle, logoIdOf, toStyle } from "../domain/fields.ts";
import type { LogoStore } from "../store/logos.ts";
import type { DrawCaller, Drawer } from "../symbols/drawer.ts";
import { plainStyle, type Style } from "../symbols/style.ts";
import { readStyle } from "./style-message.ts";

/** The error correction of a symbol for which none is requested. */

export const noRoomForLogo =
  "is one too many: the account has no room for more logos; those that no code has are deleted after a day";

export interface StyleDependencies {
  logos: LogoStore;
  drawer: Drawer;
  /** Returns the short URL of a slug, `https://host/slug`. */
  shortUrl(slug: string): string;
}

/** Resolves requested styles: stores and finds their logos, and checks that their symbols can be read. */
export function createStyles({ logos, drawer, shortUrl }: StyleDependencies) {
  /** Returns the logo of a style, by `find`. Throws INVALID_PAYLOAD if the account has no such logo. */
  async function findLogo(find: LogoStore["get"], accountId: string, { logoId }: Style, field: string) {
    if (logoId === "") return undefined;
    return (await find(accountId, logoId)) ?? rejectField(field, "is no logo of this account");
  }

  /** Stores an uploaded logo and returns its id. Throws INVALID_PAYLOAD if it is none, or one too many. */
  async function storeLogo(caller: DrawCaller, bytes: Uint8Array, field: string): Promise<string> {
    const read = await drawer.readLogo(bytes, caller);
    if ("issue" in read) return rejectField(field, read.issue);
    const logoId = logoIdOf(read);
    const stored = await logos.put(caller.accountId, logoId, read);
    return stored ? logoId : rejectField(field, noRoomForLogo);
  }

  return {
    /** Returns the logo of a stored style. */
    logoOf: (accountId: string, style: Style) => findLogo(logos.get, accountId, style, "style.logo"),
    /**
     * Returns the current style with the changes of a request, after its symbol was drawn and read back. Throws
     * INVALID_PAYLOAD that names what to change if the symbol cannot be read.
     *
     * With plain shapes and no logo, an address is as readable as any other of its length, so such a style is checked once
     * for all slugs of the same length.
     */
    async resolveStyle(
      caller: DrawCaller,
      current: Style,
      message: StyleMessage | undefined,
      slug: string,
      field: (name: string) => string,
    ): Promise<Style> {
      const style = changeStyle(toStyle(current), readStyle(message));
      if (message && message.logo.length > 0) {
        style.logoId = await storeLogo(caller, message.logo, field("style.logo"));
      }
      const logo = await findLogo(logos.touch, caller.accountId, style, field("style.logo"));
      const isPlain =
        !logo && style.moduleShape === plainStyle.moduleShape && style.finderShape === plainStyle.finderShape;
      const text = shortUrl(isPlain ? "0".repeat(slug.length) : slug);
      const issue = await drawer.checkReadability(
        { text, style, logo, margin: marginBounds.fallback, ecc: eccFallback },
        caller,
      );
      if (issue) {
        const named = issue.field === "ecc" ? { field: "slug", issue: "is too long for this style" } : issue;
        rejectField(field(named.field), named.issue);
      }
      return style;
    },
  };
}

export type Styles = ReturnType<typeof createStyles>;
