/** The style of a symbol for which none is chosen; a field of a style that is cleared gets its value of this. */
export const plainStyle = {
  /** Colours as #rrggbb, in lower case. */
  foreground: "#000000",
  background: "#ffffff",
  moduleShape: "square",
  finderShape: "square",
  /** No logo. */
  logoId: "",
  /** The logo's longer side, in percent of the symbol's (without its margin). */
  logoSize: 20,
  /** No caption. */
  caption: "",
} as const;
