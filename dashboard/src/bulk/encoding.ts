import chardet from "chardet";
import { CsvFileError } from "./file-error.ts";
import { rejectBinaryFile, rejectUnknownBinary } from "./file-kind.ts";

/** Encodings that people may choose, by their label in the Encoding Standard. */
export const encodings = [
  ["utf-8", "UTF-8"],
  ["utf-16le", "UTF-16 LE (Excel’s “Unicode text”)"],
  ["utf-16be", "UTF-16 BE"],
  ["windows-1252", "Western European (Windows-1252)"],
  ["iso-8859-15", "Western European with € (ISO-8859-15)"],
  ["macintosh", "Western European (Mac)"],
  ["windows-1250", "Central European (Windows-1250)"],
  ["iso-8859-2", "Central European (ISO-8859-2)"],
  ["windows-1251", "Cyrillic (Windows-1251)"],
  ["koi8-r", "Cyrillic (KOI8-R)"],
  ["iso-8859-5", "Cyrillic (ISO-8859-5)"],
  ["ibm866", "Cyrillic (DOS 866)"],
  ["windows-1253", "Greek (Windows-1253)"],
  ["iso-8859-7", "Greek (ISO-8859-7)"],
  ["windows-1254", "Turkish (Windows-1254)"],
  ["windows-1255", "Hebrew (Windows-1255)"],
  ["windows-1256", "Arabic (Windows-1256)"],
  ["windows-1257", "Baltic (Windows-1257)"],
  ["windows-1258", "Vietnamese (Windows-1258)"],
  ["windows-874", "Thai (Windows-874)"],
  ["shift_jis", "Japanese (Shift_JIS)"],
  ["euc-jp", "Japanese (EUC-JP)"],
  ["gb18030", "Chinese, simplified (GB18030)"],
  ["big5", "Chinese, traditional (Big5)"],
  ["euc-kr", "Korean (EUC-KR)"],
] as const;

export type Encoding = (typeof encodings)[number][0];

export interface Decoded {
  text: string;
  encoding: Encoding;
  /** Whether the encoding was guessed, so that a person should look at what came out. */
  isGuess: boolean;
}

const marks: [mark: number[], encoding: Encoding][] = [
  [[0xef, 0xbb, 0xbf], "utf-8"],
  [[0xff, 0xfe], "utf-16le"],
  [[0xfe, 0xff], "utf-16be"],
];
/** Bytes of words with letters beyond ASCII that are looked at for a guess. */
const sampleBytesMax = 32_768;
/** Confidence, in percent, from which chardet is believed that several bytes make a character. */
const multiByteConfidenceMin = 50;
/** Confidence, in percent, below which what chardet says of a few words is chance. */
const wordConfidenceMin = 20;
/** Candidates whether chardet names them or not: the most frequent one, and one that chardet does not know. */
const alwaysTried: [Encoding, number][] = [
  ["windows-1252", 0],
  ["ibm866", 0],
];
/** Prefers the most frequent encoding among neighbours that fit as well. */
const westernBonus = 0.25;
const multiByte = new Set<string>(["shift_jis", "euc-jp", "gb18030", "big5", "euc-kr"]);

/**
 * Returns the text of a file, without its byte order mark: by that mark, else as UTF-8, else by a guess among the encodings
 * above. No character is ever replaced: bytes that are not text of the encoding throw a CsvFileError.
 */
export function decodeFile(bytes: Uint8Array, fileName: string, chosen?: Encoding): Decoded {
  rejectBinaryFile(bytes, fileName);
  if (chosen) {
    const text = tryDecode(bytes, chosen);
    if (text === undefined) throw new CsvFileError(notOfEncoding(chosen));
    return { text, encoding: chosen, isGuess: false };
  }
  const marked = marks.find(([mark]) => mark.every((byte, index) => bytes[index] === byte))?.[1];
  if (marked) {
    const text = tryDecode(bytes, marked);
    if (text === undefined) throw new CsvFileError(notOfEncoding(marked));
    return { text, encoding: marked, isGuess: false };
  }
  if (bytes.includes(0)) return decodeUnmarkedUtf16(bytes, fileName);
  const utf8 = tryDecode(bytes, "utf-8");
  if (utf8 !== undefined) return { text: utf8, encoding: "utf-8", isGuess: false };
  const [best] = guesses(bytes);
  if (!best) rejectUnknownBinary(fileName);
  return { ...best, isGuess: true };
}

function notOfEncoding(encoding: Encoding): string {
  const shown = encodings.find(([label]) => label === encoding)?.[1];
  return `The file has bytes that are not ${shown}. Choose another encoding, or save the file as CSV again.`;
}

/** Returns undefined where the bytes are not text of the encoding. */
function tryDecode(bytes: Uint8Array, encoding: Encoding): string | undefined {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** UTF-16 of mostly Western text has a zero in every other byte. */
function decodeUnmarkedUtf16(bytes: Uint8Array, fileName: string): Decoded {
  const zeros = [0, 0] as [number, number];
  bytes.forEach((byte, index) => {
    if (byte === 0) zeros[index % 2 === 0 ? 0 : 1]++;
  });
  const [even, odd] = zeros;
  const encoding: Encoding = odd > even ? "utf-16le" : "utf-16be";
  const isText = Math.max(even, odd) > bytes.length / 8 && Math.min(even, odd) === 0;
  const text = isText ? tryDecode(bytes, encoding) : undefined;
  if (text === undefined) rejectUnknownBinary(fileName);
  return { text, encoding, isGuess: true };
}

interface Guess {
  text: string;
  encoding: Encoding;
}

/** Returns the encodings whose text is plausible, best first. */
function guesses(bytes: Uint8Array): Guess[] {
  const sample = wordsBeyondAscii(bytes);
  const confidences = new Map<Encoding, number>(alwaysTried);
  const certain = new Set<Encoding>();
  for (const { name, confidence } of chardet.analyse(bytes.subarray(0, sampleBytesMax))) {
    const encoding = toEncoding(name);
    if (!encoding) continue;
    if (multiByte.has(encoding) && confidence >= multiByteConfidenceMin) certain.add(encoding);
    // Words in plain letters are in the count, so it decides only between two that are else alike.
    const weight = multiByte.has(encoding) ? 1 / 1_000 : 1 / 100;
    confidences.set(encoding, confidence * weight + (encoding === "windows-1252" ? westernBonus : 0));
  }
  for (const { name, confidence } of chardet.analyse(sample)) {
    const encoding = toEncoding(name);
    if (encoding && !multiByte.has(encoding) && confidence >= wordConfidenceMin) confidences.set(encoding, confidence);
  }
  // chardet knows it only by bytes that ISO-8859-2 does not have; it is far the more frequent one.
  const central = confidences.get("iso-8859-2");
  if (central !== undefined && !confidences.has("windows-1250")) confidences.set("windows-1250", central);
  const western = tryDecode(bytes, "windows-1252");
  return [...confidences]
    .flatMap(([encoding, confidence]) => {
      const text = tryDecode(bytes, encoding);
      // Where two encodings read the same, the frequent one is named.
      if (text === undefined || (text === western && encoding !== "windows-1252")) return [];
      const oddities = certain.has(encoding) ? -1 : countOddities(tryDecode(sample, encoding) ?? text);
      return [{ text, encoding, confidence, oddities }];
    })
    .sort((a, b) => a.oddities - b.oddities || b.confidence - a.confidence);
}

/** ISO-8859-1 and -9 are, in the Encoding Standard, names of Windows' own; of ISO-8859-8 the letters are those of Windows. */
function toEncoding(name: string): Encoding | undefined {
  let label: string;
  try {
    label = new TextDecoder(name).encoding;
  } catch {
    return undefined;
  }
  const wider = label.startsWith("iso-8859-8") ? "windows-1255" : label;
  return encodings.find(([known]) => known === wider)?.[0];
}

/** Returns the words that have a byte beyond ASCII, since the others say nothing of the encoding and URLs mislead. */
function wordsBeyondAscii(bytes: Uint8Array): Uint8Array {
  const words: number[] = [];
  for (let from = 0; from < bytes.length && words.length < sampleBytesMax; ) {
    let to = from;
    let isBeyond = false;
    while (to < bytes.length && isWordByte(bytes[to] as number)) {
      if ((bytes[to] as number) >= 0x80) isBeyond = true;
      to++;
    }
    if (isBeyond) words.push(...bytes.subarray(from, Math.min(to, from + 200)), 0x20);
    from = to + 1;
  }
  return Uint8Array.from(words);
}

const isWordByte = (byte: number) => byte >= 0x80 || (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a);

const otherScripts =
  "\\p{Script=Cyrillic}\\p{Script=Greek}\\p{Script=Hebrew}\\p{Script=Arabic}\\p{Script=Thai}\\p{Script=Han}\\p{Script=Hangul}";
/** What people do not write: control characters, no characters, symbols or two scripts in a word, capitals after small letters. */
const oddities = [
  /[\u0080-\u009f\p{Co}\p{Cn}]/gu,
  /(?<=\p{L})[^\p{L}\p{M}\s\u2010-\u2019\u00b7](?=\p{L})/gu,
  /(?<=\p{Ll})\p{Lu}/gu,
  new RegExp(`(?<=\\p{Script=Latin})(?=[${otherScripts}])`, "gu"),
  new RegExp(`(?<=[${otherScripts}])(?=\\p{Script=Latin})`, "gu"),
];

const countOddities = (text: string) => oddities.reduce((sum, odd) => sum + (text.match(odd)?.length ?? 0), 0);
