export interface PreviewLine {
  line: number;
  text: string;
}

const firstMax = 4;
const beyondAsciiMax = 12;
const charactersMax = 160;

/** Returns the first lines, and the next ones that have characters beyond ASCII, by which people see whether they are read right. */
export function previewLines(text: string): PreviewLine[] {
  const shown: PreviewLine[] = [];
  const breaks = /\r\n?|\n|$/g;
  let beyond = 0;
  for (let line = 1, from = 0; from < text.length && beyond < beyondAsciiMax; line++) {
    breaks.lastIndex = from;
    const end = breaks.exec(text) as RegExpExecArray;
    const content = text.slice(from, end.index);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the bounds of ASCII
    const isBeyond = /[^\u0000-\u007f]/.test(content);
    if (isBeyond) beyond++;
    if (line <= firstMax || isBeyond) shown.push({ line, text: content.slice(0, charactersMax) });
    from = end.index + Math.max(1, end[0].length);
  }
  return shown;
}
