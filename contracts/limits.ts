/** Bounds of what a client may send. Lengths count Unicode code points. */
export const limits = {
  codeNameLengthMax: 200,
  redirectUrlLengthMax: 2_048,
  /** Size of a redirect URL in ASCII, as scans get it. */
  locationBytesMax: 8_192,
  keyNameLengthMax: 100,
  projectNameLengthMax: 100,
  projectDescriptionLengthMax: 500,
  captionLengthMax: 40,
  /** The logo's longer side, in percent of the symbol's (without its margin). */
  logoSizePercentMin: 10,
  logoSizePercentMax: 30,
  /** Size of an uploaded logo, in bytes. */
  logoBytesMax: 1_048_576,
  /** Codes that one call creates at most. */
  codesPerBatchMax: 100,
} as const;
