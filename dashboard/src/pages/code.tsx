import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useParams } from "wouter";
import { ask, type Code, imageUrl, read } from "../api.ts";
import { useAnnounce } from "../components/announcer.tsx";
import {
  Button,
  CopyButton,
  Failed,
  FailedQuery,
  Loading,
  Notice,
  PageHead,
  Select,
  Time,
} from "../components/basics.tsx";
import { Dialog } from "../components/dialog.tsx";
import { ReachNotice, useFileSuffix } from "../components/reach.tsx";
import { ScansView } from "../components/scans.tsx";
import { SymbolImage } from "../components/symbol-image.tsx";
import { LongText } from "../components/table.tsx";
import { messages } from "../messages.ts";
import { useSession } from "../session.ts";

const sizes = ["256", "512", "1024", "2048", "4096"] as const;
const formats = ["svg", "png", "pdf"] as const;

export default function CodePage() {
  const { id } = useParams<{ id: string }>();
  const query = useQuery({
    queryKey: ["code", id],
    queryFn: ({ signal }) => read<Code>(`/v1/qr-codes/${encodeURIComponent(id)}`, signal),
  });
  const { data: code, error } = query;
  if (!code) return error ? <FailedQuery query={query} /> : <Loading />;
  return (
    <>
      <PageHead title={code.name}>
        {!code.taken_down && (
          <>
            <Link href={`/codes/${code.id}/edit`} className="button primary">
              {messages.edit}
            </Link>
            <ArchiveButton code={code} />
          </>
        )}
      </PageHead>
      {code.taken_down && <TakenDownNotice />}
      <div className="code-top">
        <div className="card symbol">
          <SymbolImage code={code} size={320} alt={messages.code.symbolOf(code.name)} />
        </div>
        <div className="card facts">
          <dl>
            <dt>{messages.code.shortUrl}</dt>
            <dd>
              <a href={code.short_url} target="_blank" rel="noreferrer">
                {code.short_url}
              </a>
              <CopyButton value={code.short_url} />
            </dd>
            <dt>{messages.code.target}</dt>
            <dd className="target">
              <span>
                <LongText>{code.redirect_url}</LongText>
              </span>
              <a className="button plain" href={code.redirect_url} target="_blank" rel="noreferrer">
                {messages.code.open}
              </a>
            </dd>
            <dt>{messages.codes.status}</dt>
            <dd>{statusOf(code)}</dd>
            <dt>{messages.codes.created}</dt>
            <dd>
              <Time value={code.created_at} />
            </dd>
          </dl>
          <ReachNotice />
          {code.status === "active" && <Downloads code={code} />}
        </div>
      </div>
      <ScansView path={`/v1/qr-codes/${code.id}/scans`} />
    </>
  );
}

function statusOf({ status, taken_down }: Code): string {
  if (taken_down) return messages.codes.takenDown;
  return status === "active" ? messages.codes.active : messages.codes.archived;
}

/** Says that the code cannot be changed, and where to write. */
function TakenDownNotice() {
  const { account } = useSession();
  return (
    <Notice kind="warning">
      <p>{messages.code.takenDown(account?.abuse_contact ?? null)}</p>
    </Notice>
  );
}

function Downloads({ code }: { code: Code }) {
  const suffix = useFileSuffix();
  const [size, setSize] = useState<(typeof sizes)[number]>("1024");
  return (
    <div className="downloads">
      <Select
        label={messages.code.size}
        value={size}
        options={sizes.map((one) => [one, `${one} px`] as const)}
        onChange={setSize}
      />
      {formats.map((format) => (
        <a
          key={format}
          className="button plain"
          href={imageUrl(code, `format=${format}&size=${size}`)}
          download={`${code.slug}${suffix}.${format}`}
        >
          {messages.code.download(format.toUpperCase())}
        </a>
      ))}
    </div>
  );
}

function ArchiveButton({ code }: { code: Code }) {
  const queries = useQueryClient();
  const announce = useAnnounce();
  const [isAsking, setAsking] = useState(false);
  const isActive = code.status === "active";
  const { mutate, isPending, error } = useMutation({
    mutationFn: () =>
      ask<Code>("PATCH", `/v1/qr-codes/${code.id}`, { body: { status: isActive ? "archived" : "active" } }),
    async onSuccess({ data }) {
      queries.setQueryData(["code", code.id], data);
      await queries.invalidateQueries({ queryKey: ["codes"] });
      setAsking(false);
      announce(isActive ? messages.code.archived : messages.code.restored);
    },
  });
  return (
    <>
      <Button onClick={() => setAsking(true)}>{isActive ? messages.code.archive : messages.code.restore}</Button>
      {isAsking && (
        <Dialog title={isActive ? messages.code.archive : messages.code.restore} onClose={() => setAsking(false)}>
          <p>{isActive ? messages.code.archiveHint : messages.code.restoreHint}</p>
          <Failed error={error} />
          <div className="actions">
            <Button kind={isActive ? "danger" : "primary"} busy={isPending} onClick={() => mutate()}>
              {isActive ? messages.code.archive : messages.code.restore}
            </Button>
            <Button onClick={() => setAsking(false)}>{messages.cancel}</Button>
          </div>
        </Dialog>
      )}
    </>
  );
}
