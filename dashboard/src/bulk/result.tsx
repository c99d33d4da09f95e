import { useEffect, useRef, useState } from "react";
import { Link } from "wouter";
import { useAnnounce } from "../components/announcer.tsx";
import { Button, Failed, formatNumber, Notice, Select } from "../components/basics.tsx";
import { messages } from "../messages.ts";
import type { Checked } from "./check.ts";
import type { Run } from "./create.ts";
import { writeCsv } from "./csv.ts";
import { download } from "./download.ts";
import { notCreated } from "./not-created.ts";
import { type SymbolFormat, zipSymbols } from "./symbols.ts";
import { FaultTable } from "./tables.tsx";

/** What became of a file, and where to go from there. */
export function Result({ run, checked, onAgain }: { run: Run; checked: Checked; onAgain(): void }) {
  const { made, faults, replayed, projectId } = run;
  const left = notCreated(checked, run);
  return (
    <>
      <section className="card" aria-label={messages.bulk.result}>
        <h2>{messages.bulk.result}</h2>
        <div role="status">
          <Notice kind={left.length > 0 ? "warning" : "good"}>
            {messages.bulk.done(formatNumber(made.length), formatNumber(left.length))}
            {replayed > 0 && ` ${messages.bulk.replayed(formatNumber(replayed))}`}
          </Notice>
        </div>
        <div className="actions">
          <Link href="/codes" className="button primary">
            {messages.bulk.toCodes}
          </Link>
          <Link href={`/projects/${projectId}`} className="button plain">
            {messages.bulk.toProject}
          </Link>
          <Button onClick={onAgain}>{messages.bulk.again}</Button>
        </div>
        {left.length > 0 && (
          <Button onClick={() => download(left.toCsv(), "not-created.csv")}>{messages.bulk.downloadLeft}</Button>
        )}
      </section>
      {made.length > 0 && <Downloads run={run} />}
      {faults.length > 0 && <FaultTable label={messages.bulk.refused} faults={faults} />}
    </>
  );
}

/** Short URLs as CSV, symbols as ZIP. */
function Downloads({ run: { made } }: { run: Run }) {
  const announce = useAnnounce();
  const [hasMark, setMark] = useState(true);
  const [format, setFormat] = useState<SymbolFormat>("svg");
  const [done, setDone] = useState(0);
  const [error, setError] = useState<Error>();
  const [zipping, setZipping] = useState<AbortController>();
  const latest = useRef(zipping);
  latest.current = zipping;
  useEffect(() => () => latest.current?.abort(), []);

  function saveShortUrls(): void {
    const rows = made.map(({ row, code }) => [row.name, row.redirect_url, code.slug, code.short_url]);
    download(writeCsv(["name", "redirect_url", "slug", "short_url"], rows, hasMark), "short-urls.csv");
  }

  async function saveSymbols(): Promise<void> {
    const controller = new AbortController();
    setZipping(controller);
    setDone(0);
    setError(undefined);
    try {
      const codes = made.map(({ code }) => code);
      download(await zipSymbols(codes, format, { onProgress: setDone, signal: controller.signal }), "symbols.zip");
      announce(messages.bulk.zipped);
    } catch (failure) {
      if (!controller.signal.aborted) setError(failure as Error);
    }
    setZipping(undefined);
  }

  return (
    <section className="card" aria-label={messages.bulk.downloads}>
      <h2>{messages.bulk.downloads}</h2>
      <div className="row">
        <Button onClick={saveShortUrls}>{messages.bulk.shortUrls}</Button>
        <label className="check">
          <input type="checkbox" checked={hasMark} onChange={(event) => setMark(event.target.checked)} />
          {messages.bulk.forExcel}
        </label>
      </div>
      <p className="note">{messages.bulk.formulas}</p>
      <div className="downloads">
        <Select
          label={messages.bulk.format}
          value={format}
          options={[
            ["svg", "SVG"],
            ["png", "PNG, 1,024 pixels"],
          ]}
          onChange={setFormat}
        />
        <Button busy={zipping !== undefined} onClick={saveSymbols}>
          {messages.bulk.symbols}
        </Button>
        {zipping && <Button onClick={() => zipping.abort()}>{messages.cancel}</Button>}
      </div>
      <Failed error={error} />
      {zipping && (
        <div role="status">
          <progress value={done} max={made.length} aria-label={messages.bulk.zipProgress} />
          <p>{messages.bulk.zippedOf(formatNumber(done), formatNumber(made.length))}</p>
        </div>
      )}
    </section>
  );
}
