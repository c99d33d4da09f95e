/** The reason why an uploaded file cannot be a logo. Its message is public and says what to change. */
export class LogoError extends Error {
  constructor(issue: string) {
    super(issue);
    this.name = "LogoError";
  }
}

const shortMax = 40;

/** Returns a text from an uploaded file for a message: on one line, cut to a few characters. */
export function shorten(text: string): string {
  const line = text.replaceAll(/[\p{C}\s]+/gu, " ").trim();
  return line.length > shortMax ? `${line.slice(0, shortMax)}…` : line;
}

export const quote = (text: string) => `"${shorten(text)}"`;
