import { Notice, Select } from "../parts/basics.tsx";
import { text } from "../text.ts";
import { type Decoded, type Encoding, encodings } from "./encoding.ts";
import { previewLines } from "./preview.ts";

/** How a file's bytes were read, by lines in which a person sees whether that is right, and the choice of another encoding. */
export function ReadingCard({
  decoded,
  encoding,
  ignored,
  onChoose,
}: {
  decoded: Decoded | undefined;
  encoding: Encoding;
  ignored: readonly string[];
  onChoose(encoding: Encoding): void;
}) {
  return (
    <section className="card" aria-label={text.bulk.reading}>
      <h2>{text.bulk.reading}</h2>
      <Select label={text.bulk.encoding} value={encoding} options={encodings} onChange={onChoose} />
      {decoded?.isGuess && <Notice kind="warning">{text.bulk.guessed}</Notice>}
      {decoded && (
        <>
          <h3>{text.bulk.preview}</h3>
          <pre>
            {previewLines(decoded.text)
              .map(({ line, text: content }) => `${String(line).padStart(5)}  ${content}`)
              .join("\n")}
          </pre>
        </>
      )}
      {ignored.length > 0 && <p className="note">{text.bulk.ignored(ignored.join(", "))}</p>}
    </section>
  );
}
