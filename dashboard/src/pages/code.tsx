import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useParams } from "wouter";
import { ask, type Code, imageUrl, read } from "../api.ts";
import { useAnnounce } from "../parts/announcer.tsx";
import { Button, CopyButton, Failed, FailedQuery, Loading, PageHead, Select, Time } from "../parts/basics.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { ReachNotice, useFileSuffix } from "../parts/reach.tsx";
import { ScansView } from "../parts/scans.tsx";
import { SymbolImage } from "../parts/symbol-image.tsx";
import { LongText } from "../parts/table.tsx";
import { text } from "../text.ts";

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
        <Link href={`/codes/${code.id}/edit`} className="button primary">
          {text.edit}
        </Link>
        <ArchiveButton code={code} />
      </PageHead>
      <div className="code-top">
        <div className="card symbol">
          <SymbolImage code={code} size={320} alt={text.code.symbolOf(code.name)} />
        </div>
        <div className="card facts">
          <dl>
            <dt>{text.code.shortUrl}</dt>
            <dd>
              <a href={code.short_url} target="_blank" rel="noreferrer">
                {code.short_url}
              </a>
              <CopyButton value={code.short_url} />
            </dd>
            <dt>{text.code.target}</dt>
            <dd className="target">
              <span>
                <LongText>{code.redirect_url}</LongText>
              </span>
              <a className="button plain" href={code.redirect_url} target="_blank" rel="noreferrer">
                {text.code.open}
              </a>
            </dd>
            <dt>{text.codes.status}</dt>
            <dd>{code.status === "active" ? text.codes.active : text.codes.archived}</dd>
            <dt>{text.codes.created}</dt>
            <dd>
              <Time value={code.created_at} />
            </dd>
          </dl>
          <ReachNotice />
          <Downloads code={code} />
        </div>
      </div>
      <ScansView path={`/v1/qr-codes/${code.id}/scans`} />
    </>
  );
}

function Downloads({ code }: { code: Code }) {
  const suffix = useFileSuffix();
  const [size, setSize] = useState<(typeof sizes)[number]>("1024");
  return (
    <div className="downloads">
      <Select
        label={text.code.size}
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
          {text.code.download(format.toUpperCase())}
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
      announce(isActive ? text.code.archived : text.code.restored);
    },
  });
  return (
    <>
      <Button onClick={() => setAsking(true)}>{isActive ? text.code.archive : text.code.restore}</Button>
      {isAsking && (
        <Dialog title={isActive ? text.code.archive : text.code.restore} onClose={() => setAsking(false)}>
          <p>{isActive ? text.code.archiveHint : text.code.restoreHint}</p>
          <Failed error={error} />
          <div className="actions">
            <Button kind={isActive ? "danger" : "primary"} busy={isPending} onClick={() => mutate()}>
              {isActive ? text.code.archive : text.code.restore}
            </Button>
            <Button onClick={() => setAsking(false)}>{text.cancel}</Button>
          </div>
        </Dialog>
      )}
    </>
  );
}
