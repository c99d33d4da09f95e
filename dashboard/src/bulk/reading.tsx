import { Notice, Select } from "../components/basics.tsx";
import { messages } from "../messages.ts";
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
    <section className="card" aria-label={messages.bulk.reading}>
      <h2>{messages.bulk.reading}</h2>
      <Select label={messages.bulk.encoding} value={encoding} options={encodings} onChange={onChoose} />
      {decoded?.isGuess && <Notice kind="warning">{messages.bulk.guessed}</Notice>}
      {decoded && (
        <>
          <h3>{messages.bulk.preview}</h3>
          <pre>
            {previewLines(decoded.text)
              .map(({ line, text: content }) => `${String(line).padStart(5)}  ${content}`)
              .join("\n")}
          </pre>
        </>
      )}
      {ignored.length > 0 && <p className="note">{messages.bulk.ignored(ignored.join(", "))}</p>}
    </section>
  );
}
