import { useEffect, useRef, useState } from "react";
import { Link } from "wouter";
import { useAnnounce } from "../parts/announcer.tsx";
import { Button, Failed, formatNumber, Notice, Select } from "../parts/basics.tsx";
import { text } from "../text.ts";
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
      <section className="card" aria-label={text.bulk.result}>
        <h2>{text.bulk.result}</h2>
        <div role="status">
          <Notice kind={left.length > 0 ? "warning" : "good"}>
            {text.bulk.done(formatNumber(made.length), formatNumber(left.length))}
            {replayed > 0 && ` ${text.bulk.replayed(formatNumber(replayed))}`}
          </Notice>
        </div>
        <div className="actions">
          <Link href="/codes" className="button primary">
            {text.bulk.toCodes}
          </Link>
          <Link href={`/projects/${projectId}`} className="button plain">
            {text.bulk.toProject}
          </Link>
          <Button onClick={onAgain}>{text.bulk.again}</Button>
        </div>
        {left.length > 0 && (
          <Button onClick={() => download(left.toCsv(), "not-created.csv")}>{text.bulk.downloadLeft}</Button>
        )}
      </section>
      {made.length > 0 && <Downloads run={run} />}
      {faults.length > 0 && <FaultTable label={text.bulk.refused} faults={faults} />}
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
      announce(text.bulk.zipped);
    } catch (failure) {
      if (!controller.signal.aborted) setError(failure as Error);
    }
    setZipping(undefined);
  }

  return (
    <section className="card" aria-label={text.bulk.downloads}>
      <h2>{text.bulk.downloads}</h2>
      <div className="row">
        <Button onClick={saveShortUrls}>{text.bulk.shortUrls}</Button>
        <label className="check">
          <input type="checkbox" checked={hasMark} onChange={(event) => setMark(event.target.checked)} />
          {text.bulk.forExcel}
        </label>
      </div>
      <p className="note">{text.bulk.formulas}</p>
      <div className="downloads">
        <Select
          label={text.bulk.format}
          value={format}
          options={[
            ["svg", "SVG"],
            ["png", "PNG, 1,024 pixels"],
          ]}
          onChange={setFormat}
        />
        <Button busy={zipping !== undefined} onClick={saveSymbols}>
          {text.bulk.symbols}
        </Button>
        {zipping && <Button onClick={() => zipping.abort()}>{text.cancel}</Button>}
      </div>
      <Failed error={error} />
      {zipping && (
        <div role="status">
          <progress value={done} max={made.length} aria-label={text.bulk.zipProgress} />
          <p>{text.bulk.zippedOf(formatNumber(done), formatNumber(made.length))}</p>
        </div>
      )}
    </section>
  );
}
