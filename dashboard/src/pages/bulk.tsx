import { type ChangeEvent, useId, useMemo, useState } from "react";
import type { Checked } from "../bulk/check.ts";
import { download } from "../bulk/download.ts";
import type { Encoding } from "../bulk/encoding.ts";
import { notCreated } from "../bulk/not-created.ts";
import { type ChosenFile, readBytes, readChosenFile } from "../bulk/read.ts";
import { ReadingCard } from "../bulk/reading.tsx";
import { Result } from "../bulk/result.tsx";
import { FaultTable, RowTable } from "../bulk/tables.tsx";
import { useRun } from "../bulk/use-run.ts";
import { Button, Failed, FailedQuery, formatNumber, Loading, Notice, PageHead, Select } from "../components/basics.tsx";
import { CodeCountLine } from "../components/code-count.tsx";
import { ReachNotice } from "../components/reach.tsx";
import { messages } from "../messages.ts";
import { useSession } from "../session.ts";
import { useProjects } from "./codes.tsx";

/** Makes many codes out of a file: everything is checked first, then created, then there to take away. */
export default function BulkPage() {
  const fileId = useId();
  const projects = useProjects();
  const [projectId, setProjectId] = useState("");
  const [file, setFile] = useState<ChosenFile>();
  /** Of the file that is chosen, so that another one begins anew. */
  const [count, setCount] = useState(0);
  const [isLocked, setLocked] = useState(false);
  const [error, setError] = useState<Error>();
  const reading = useMemo(() => file && readChosenFile(file), [file]);
  if (!projects.data) return projects.error ? <FailedQuery query={projects} /> : <Loading />;
  const project = projectId || (projects.data.find(({ is_default }) => is_default)?.id ?? "");

  async function choose(event: ChangeEvent<HTMLInputElement>): Promise<void> {
    const [chosen] = event.target.files ?? [];
    setError(undefined);
    setFile(undefined);
    setCount((before) => before + 1);
    if (!chosen) return;
    try {
      setFile({ name: chosen.name, bytes: await readBytes(chosen), encoding: undefined });
    } catch (failure) {
      setError(failure as Error);
    }
  }

  function chooseEncoding(encoding: Encoding): void {
    if (file) setFile({ ...file, encoding });
    setCount((before) => before + 1);
  }

  function startAnew(): void {
    setFile(undefined);
    setLocked(false);
    setCount((before) => before + 1);
  }

  const { decoded, checked } = reading ?? {};
  const encoding = file?.encoding ?? decoded?.encoding;
  return (
    <>
      <PageHead title={messages.bulk.title} />
      <CodeCountLine />
      <ReachNotice isOfMany />
      <p className="lead">{messages.bulk.lead}</p>
      {!isLocked && (
        <div className="card">
          <div className="field">
            <label htmlFor={fileId}>{messages.bulk.file}</label>
            <input
              id={fileId}
              type="file"
              accept=".csv,.tsv,.txt,text/csv,text/plain,text/tab-separated-values"
              // So that the same file, once it is mended, can be chosen again.
              onClick={(event) => {
                event.currentTarget.value = "";
              }}
              onChange={choose}
              aria-describedby={`${fileId}-note`}
            />
            <p id={`${fileId}-note`} className="note">
              {messages.bulk.columns}
            </p>
          </div>
          <pre>{messages.bulk.example}</pre>
          <Select
            label={messages.codes.project}
            value={project}
            options={projects.data.map(({ id, name }) => [id, name] as const)}
            onChange={setProjectId}
          />
          <Failed error={error ?? reading?.error} />
        </div>
      )}
      {!isLocked && encoding && (
        <ReadingCard
          decoded={decoded}
          encoding={encoding}
          ignored={checked?.columns.ignored ?? []}
          onChoose={chooseEncoding}
        />
      )}
      {decoded && checked && (
        <Codes
          key={count}
          source={decoded.text}
          checked={checked}
          projectId={project}
          onStart={() => setLocked(true)}
          onAgain={startAnew}
        />
      )}
    </>
  );
}

/** The codes of a file that could be read: what is wrong with them, making them, what became of them. */
function Codes({
  source,
  checked,
  projectId,
  onStart,
  onAgain,
}: {
  source: string;
  checked: Checked;
  projectId: string;
  onStart(): void;
  onAgain(): void;
}) {
  const { good, bad, faults, columns } = checked;
  const { account } = useSession();
  const { phase, run, counts, waitsUntil, ...does } = useRun(source, good, account?.per_minute ?? null);
  if (run && phase === "done") return <Result run={run} checked={checked} onAgain={onAgain} />;
  const left = good.length - counts.made - counts.refused;
  return (
    <>
      <section className="card" aria-label={messages.bulk.check}>
        <h2>{messages.bulk.check}</h2>
        {phase === "none" ? (
          <>
            {!columns.heading && <Notice>{messages.bulk.noHeading}</Notice>}
            {bad.length > 0 ? (
              <Notice kind="warning">
                {messages.bulk.faulty(formatNumber(bad.length), formatNumber(good.length))}
              </Notice>
            ) : (
              <Notice kind="good">{messages.bulk.allGood(formatNumber(good.length))}</Notice>
            )}
            {does.hasUnfinished(projectId) && <Notice>{messages.bulk.unfinished}</Notice>}
            <div className="actions">
              {bad.length > 0 && (
                <Button onClick={() => download(notCreated(checked, undefined).toCsv(), "faulty-lines.csv")}>
                  {messages.bulk.downloadFaulty}
                </Button>
              )}
              {good.length > 0 && (
                <Button
                  kind={bad.length > 0 ? "plain" : "primary"}
                  onClick={() => {
                    onStart();
                    void does.start(projectId);
                  }}
                >
                  {(bad.length > 0 ? messages.bulk.createGood : messages.bulk.create)(good.length)}
                </Button>
              )}
            </div>
          </>
        ) : (
          <>
            <Failed error={does.error} />
            <div role="status">
              <progress value={counts.made + counts.refused} max={good.length} aria-label={messages.bulk.progress} />
              <p>{messages.bulk.state(formatNumber(counts.made), formatNumber(counts.refused), formatNumber(left))}</p>
              {waitsUntil !== undefined && <p className="muted">{messages.bulk.waits(new Date(waitsUntil))}</p>}
            </div>
            <div className="actions">
              {phase === "paused" ? (
                <>
                  <Button kind="primary" onClick={() => void does.goOn()}>
                    {messages.bulk.goOn}
                  </Button>
                  <Button onClick={does.stop}>{messages.bulk.stop}</Button>
                </>
              ) : (
                <Button busy={phase === "pausing"} onClick={does.pause}>
                  {messages.bulk.pause}
                </Button>
              )}
            </div>
            <p className="note">{messages.bulk.resumable}</p>
          </>
        )}
      </section>
      {phase === "none" && faults.length > 0 && <FaultTable label={messages.bulk.faults} faults={faults} />}
      {phase === "none" && good.length > 0 && <RowTable label={messages.bulk.rows} rows={good} />}
    </>
  );
}
