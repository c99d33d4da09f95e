const newline = 10;

/** Reads a byte stream by lines, which end only at newlines, or in large chunks of many lines. */
export class LineReader {
  private readonly chunks: AsyncIterator<Buffer>;
  private rest: Buffer = Buffer.alloc(0);

  constructor(chunks: AsyncIterable<Buffer>) {
    this.chunks = chunks[Symbol.asyncIterator]();
  }

  /** Returns the next line without its end. Fails with an EndOfStream if there is none. */
  async readLine(): Promise<string> {
    let end = this.rest.indexOf(newline);
    while (end < 0) {
      await this.readMore();
      end = this.rest.indexOf(newline);
    }
    const line = this.rest.toString("utf8", 0, end);
    this.rest = this.rest.subarray(end + 1);
    return line;
  }

  /** Returns all bytes before the line `last`, and reads that line as well. Chunks may end anywhere. */
  async *readUntil(last: string): AsyncGenerator<Buffer, undefined> {
    const mark = Buffer.from(`${last}\n`);
    let isLineStart = true;
    for (;;) {
      const at = this.find(mark, isLineStart);
      // Holds back bytes that may be the start of the last line.
      const cut: number = at >= 0 ? at : this.startOfPart(mark, isLineStart);
      if (cut > 0) {
        yield this.rest.subarray(0, cut);
        isLineStart = this.rest[cut - 1] === newline;
        this.rest = this.rest.subarray(cut);
      }
      if (at >= 0) {
        this.rest = this.rest.subarray(mark.length);
        return;
      }
      await this.readMore();
    }
  }

  /** Returns the index of the mark at the start of a line, or -1. */
  private find(mark: Buffer, isLineStart: boolean): number {
    let at = this.rest.indexOf(mark);
    while (at > 0 ? this.rest[at - 1] !== newline : at === 0 && !isLineStart) at = this.rest.indexOf(mark, at + 1);
    return at;
  }

  /** Returns the index of an incomplete last line that equals the start of the mark; else the end. */
  private startOfPart(mark: Buffer, isLineStart: boolean): number {
    const start = this.rest.lastIndexOf(newline) + 1;
    const part = this.rest.subarray(start);
    const isPart = part.length < mark.length && part.equals(mark.subarray(0, part.length));
    return isPart && (start > 0 || isLineStart) ? start : this.rest.length;
  }

  private async readMore(): Promise<void> {
    const { value, done } = await this.chunks.next();
    if (done) throw new EndOfStream();
    this.rest = this.rest.length > 0 ? Buffer.concat([this.rest, value]) : value;
  }
}

export class EndOfStream extends Error {}
