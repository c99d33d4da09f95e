import { plainStyle as plain } from "../../../contracts/plain-style.ts";

export const moduleShapes = ["square", "dot", "rounded"] as const;
export const finderShapes = ["square", "rounded", "circle"] as const;
export const eccLevels = ["L", "M", "Q", "H"] as const;
export const formats = ["svg", "png", "pdf"] as const;

export type ModuleShape = (typeof moduleShapes)[number];
export type FinderShape = (typeof finderShapes)[number];
export type Ecc = (typeof eccLevels)[number];
export type Format = (typeof formats)[number];

/** Style of a code's symbol. */
export interface Style {
  /** Colours as #rrggbb, in lower case. */
  foreground: string;
  background: string;
  moduleShape: ModuleShape;
  finderShape: FinderShape;
  /** Id of the account's logo in the middle; empty for none. */
  logoId: string;
  /** The logo's longer side, in percent of the symbol's (without its margin). */
  logoSize: number;
  /** Text in a frame below the symbol; empty for no frame. */
  caption: string;
}

export const plainStyle: Style = plain;

/** A stored logo: PNG, created by the drawer from the uploaded file. */
export interface Logo {
  png: Uint8Array;
  width: number;
  height: number;
}

/** All inputs of a symbol's drawing. */
export interface SymbolRequest {
  /** Text that the symbol encodes. */
  text: string;
  style: Style;
  logo: Logo | undefined;
  /** Modules of background around the symbol. */
  margin: number;
  ecc: Ecc;
}

/** Returns the error correction level in use: the highest with a logo, since it hides modules. */
export function effectiveEcc(ecc: Ecc, hasLogo: boolean): Ecc {
  return hasLogo ? "H" : ecc;
}
