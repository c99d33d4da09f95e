import { useQueryClient } from "@tanstack/react-query";
import Papa from "papaparse";
import { type ChangeEvent, useId, useState } from "react";
import { newIdempotencyKeys } from "../api.ts";
import { createAll, type Row, toRows } from "../bulk.ts";
import { Button, Failed, Loading, Notice, PageHead, Select } from "../parts/basics.tsx";
import { text } from "../text.ts";
import { useProjects } from "./codes.tsx";

const rowsMax = 10_000;
const shownMax = 200;

/** Makes many codes out of a file. */
export default function BulkPage() {
  const queries = useQueryClient();
  const projects = useProjects();
  const fileId = useId();
  const [rows, setRows] = useState<Row[]>([]);
  const [projectId, setProjectId] = useState("");
  const [keyOf, setKeyOf] = useState(newIdempotencyKeys);
  const [error, setError] = useState<Error | null>(null);
  const [stop, setStop] = useState<AbortController>();
  if (!projects.data) return projects.error ? <Failed error={projects.error} /> : <Loading />;
  const project = projectId || (projects.data.find(({ is_default }) => is_default)?.id ?? "");
  const count = (state: Row["state"]) => rows.filter((row) => row.state === state).length;
  const done = count("created") + count("failed");

  async function choose(event: ChangeEvent<HTMLInputElement>): Promise<void> {
    const file = event.target.files?.[0];
    setError(null);
    setRows([]);
    setKeyOf(newIdempotencyKeys);
    if (!file) return;
    const content = await file.text().catch((failure: Error) => {
      setError(failure);
      return undefined;
    });
    if (content === undefined) return;
    const parsed = Papa.parse<Record<string, string>>(content.replace(/^\uFEFF/, ""), {
      header: true,
      skipEmptyLines: "greedy",
      transformHeader: (heading) => heading.trim().toLowerCase().replaceAll(" ", "_"),
    });
    const headings = parsed.meta.fields ?? [];
    const hasColumns = headings.includes("name") && (headings.includes("redirect_url") || headings.includes("url"));
    if (!hasColumns) setError(new Error(text.bulk.noColumns));
    else if (parsed.data.length === 0) setError(new Error(text.bulk.noRows));
    else if (parsed.data.length > rowsMax) setError(new Error(text.bulk.tooMany(rowsMax)));
    else setRows(toRows(parsed.data));
  }

  async function create(): Promise<void> {
    const controller = new AbortController();
    setStop(controller);
    setError(null);
    try {
      await createAll(rows, {
        projectId: project,
        keyOf,
        signal: controller.signal,
        onChange: setRows,
      });
    } catch (failure) {
      if (!controller.signal.aborted) setError(failure as Error);
    }
    setStop(undefined);
    await queries.invalidateQueries({ queryKey: ["codes"] });
  }

  return (
    <>
      <PageHead title={text.bulk.title} />
      <p className="lead">{text.bulk.lead}</p>
      <div className="card">
        <div className="field">
          <label htmlFor={fileId}>{text.bulk.file}</label>
          <input
            id={fileId}
            type="file"
            accept=".csv,text/csv"
            onChange={choose}
            disabled={stop !== undefined}
            aria-describedby={`${fileId}-note`}
          />
          <p id={`${fileId}-note`} className="note">
            {text.bulk.format}
          </p>
        </div>
        <pre>{text.bulk.example}</pre>
        <Select
          label={text.codes.project}
          value={project}
          options={projects.data.map(({ id, name }) => [id, name] as const)}
          onChange={setProjectId}
        />
        <Failed error={error} />
        {rows.length > 0 && (
          <div className="actions">
            <Button kind="primary" busy={stop !== undefined} disabled={count("waiting") === 0} onClick={create}>
              {text.bulk.create(count("waiting"))}
            </Button>
            {stop && <Button onClick={() => stop.abort()}>{text.bulk.stop}</Button>}
          </div>
        )}
        {rows.length > 0 && done > 0 && (
          <div role="status">
            <progress value={done} max={rows.length} aria-label={text.bulk.progress} />
            <p>{text.bulk.state(count("created"), count("failed"), count("waiting"))}</p>
          </div>
        )}
        {!stop && rows.length > 0 && count("failed") > 0 && count("waiting") === 0 && (
          <Notice kind="warning">{text.bulk.mend}</Notice>
        )}
      </div>
      {rows.length > 0 && (
        <div className="card table-card">
          <table>
            <thead>
              <tr>
                <th scope="col" className="number">
                  {text.bulk.line}
                </th>
                <th scope="col">{text.codes.name}</th>
                <th scope="col">{text.codes.target}</th>
                <th scope="col">{text.bulk.result}</th>
              </tr>
            </thead>
            <tbody>
              {[...rows.filter(({ state }) => state === "failed"), ...rows.filter(({ state }) => state !== "failed")]
                .slice(0, shownMax)
                .map((row) => (
                  <tr key={row.line}>
                    <td className="number">{row.line}</td>
                    <td>{row.name}</td>
                    <td className="target">{row.redirect_url}</td>
                    <td className={row.state === "failed" ? "fault" : undefined}>
                      {row.note || text.bulk.states[row.state]}
                    </td>
                  </tr>
                ))}
            </tbody>
          </table>
          {rows.length > shownMax && <p className="muted">{text.bulk.shown(shownMax, rows.length)}</p>}
        </div>
      )}
    </>
  );
}
