import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useLocation, useParams } from "wouter";
import { ApiError, ask, type Code, newIdempotencyKeys, type Style } from "../api.ts";
import { type Change, type CodeDraft, draftOf, fieldOf, isSame, rebase, withField } from "../code-draft.ts";
import { useAnnounce } from "../components/announcer.tsx";
import { Button, Failed, FailedQuery, Field, Loading, Notice, PageHead, Select } from "../components/basics.tsx";
import { CodeCountLine } from "../components/code-count.tsx";
import { ConflictNotice } from "../components/conflict.tsx";
import { Preview } from "../components/preview.tsx";
import { StyleFields } from "../components/style-fields.tsx";
import { useUnsaved } from "../components/unsaved.tsx";
import { messages } from "../messages.ts";
import { useSession } from "../session.ts";
import { useProjects } from "./codes.tsx";

const plainStyle: Style = {
  foreground: "#000000",
  background: "#ffffff",
  module_shape: "square",
  finder_shape: "square",
  logo: null,
  logo_size: 20,
  caption: null,
};

function nameOf(field: string): string {
  const names: Record<string, string> = {
    name: messages.editCode.name,
    redirect_url: messages.editCode.url,
    project_id: messages.codes.project,
  };
  return names[field] ?? messages.style.names[field.replace("style.", "")] ?? field;
}

/** Characters of a value that a sentence has room for. */
const shownMax = 80;

function show(field: string, value: Change["theirs"], projects: (readonly [string, string])[]): string {
  if (value === null || value === "") return messages.editCode.nothing;
  if (field === "style.logo") return messages.editCode.otherLogo;
  if (field === "project_id") return projects.find(([id]) => id === value)?.[1] ?? String(value);
  const all = String(value);
  return `“${all.length > shownMax ? `${all.slice(0, shownMax)}…` : all}”`;
}

/** Makes a code, or changes one. */
export default function EditCodePage() {
  const { id } = useParams<{ id?: string }>();
  const query = useQuery({
    queryKey: ["code-to-edit", id],
    enabled: id !== undefined,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
    queryFn: ({ signal }) => ask<Code>("GET", `/v1/qr-codes/${encodeURIComponent(id ?? "")}`, { signal }),
  });
  const projects = useProjects();
  const { data } = query;
  if (id !== undefined && !data) return query.error ? <FailedQuery query={query} /> : <Loading />;
  if (!projects.data) return projects.error ? <FailedQuery query={projects} /> : <Loading />;
  const projectOptions = projects.data.map((project) => [project.id, project.name] as const);
  const home = projects.data.find((project) => project.is_default)?.id ?? "";
  return <CodeForm code={data?.data} etag={data?.etag} projects={projectOptions} defaultProject={home} />;
}

function CodeForm({
  code,
  etag,
  projects,
  defaultProject,
}: {
  code: Code | undefined;
  etag: string | undefined;
  projects: (readonly [string, string])[];
  defaultProject: string;
}) {
  const { account } = useSession();
  const queries = useQueryClient();
  const announce = useAnnounce();
  const [, navigate] = useLocation();
  const [base, setBase] = useState<{ draft: CodeDraft; etag: string | undefined }>(() => ({
    draft: code ? draftOf(code) : { name: "", redirect_url: "", project_id: defaultProject, style: plainStyle },
    etag,
  }));
  const [draft, setDraft] = useState(base.draft);
  const [slug, setSlug] = useState("");
  const [changes, setChanges] = useState<Change[]>();
  const [keyOf] = useState(newIdempotencyKeys);
  const allowLeaving = useUnsaved(slug !== "" || !isSame(draft, base.draft));
  const set = (change: Partial<CodeDraft>) => setDraft({ ...draft, ...change });

  const { mutate, isPending, error, reset } = useMutation({
    mutationFn() {
      if (code) {
        const headers: Record<string, string> = base.etag ? { "if-match": base.etag } : {};
        return ask<Code>("PATCH", `/v1/qr-codes/${code.id}`, { body: draft, headers });
      }
      const made = { ...draft, ...(slug && { slug }) };
      return ask<Code>("POST", "/v1/qr-codes", { body: made, headers: { "idempotency-key": keyOf(made) } });
    },
    async onSuccess({ data }) {
      queries.setQueryData(["code", data.id], data);
      await queries.invalidateQueries({ queryKey: ["codes"] });
      allowLeaving();
      announce(code ? messages.editCode.saved : messages.editCode.created);
      navigate(`/codes/${data.id}`);
    },
  });
  const failure = error instanceof ApiError ? error : undefined;
  const issueOf = (field: string) => failure?.issueOf(field);
  const isChangedElsewhere = failure?.status === 412;
  const reload = useMutation({
    mutationFn: () => ask<Code>("GET", `/v1/qr-codes/${code?.id}`),
    onSuccess({ data, etag }) {
      const theirs = draftOf(data);
      const rebased = rebase(base.draft, draft, theirs);
      setBase({ draft: theirs, etag });
      setDraft(rebased.draft);
      setChanges(rebased.changes);
      reset();
    },
  });

  function submit(event: FormEvent): void {
    event.preventDefault();
    mutate();
  }
  return (
    <>
      <PageHead title={code ? messages.editCode.editTitle : messages.editCode.newTitle} />
      {!code && <CodeCountLine />}
      <form className="editor" onSubmit={submit}>
        <div className="card">
          <Field
            label={messages.editCode.name}
            required
            maxLength={200}
            value={draft.name}
            onChange={(event) => set({ name: event.target.value })}
            issue={issueOf("name")}
          />
          <Field
            label={messages.editCode.url}
            type="url"
            required
            maxLength={2048}
            placeholder="https://"
            value={draft.redirect_url}
            onChange={(event) => set({ redirect_url: event.target.value })}
            hint={messages.editCode.urlHint}
            issue={issueOf("redirect_url")}
          />
          {!code && (
            <Field
              label={messages.editCode.slug}
              maxLength={64}
              value={slug}
              onChange={(event) => setSlug(event.target.value)}
              hint={messages.editCode.slugHint}
              issue={issueOf("slug")}
            />
          )}
          <Select
            label={messages.codes.project}
            value={draft.project_id}
            options={projects}
            onChange={(project_id) => set({ project_id })}
          />
          <StyleFields
            style={draft.style}
            onChange={(style) => set({ style })}
            issueOf={(field) => issueOf(`style.${field}`)}
          />
          {isChangedElsewhere ? (
            <Notice kind="error">
              <p>{messages.editCode.changedElsewhere}</p>
              <Button busy={reload.isPending} onClick={() => reload.mutate()}>
                {messages.editCode.reload}
              </Button>
            </Notice>
          ) : (
            <Failed error={error} />
          )}
          <Failed error={reload.error} />
          {changes && !error && (
            <ConflictNotice
              changes={changes}
              nameOf={nameOf}
              show={(field, value) => show(field, value, projects)}
              fieldOf={(field) => fieldOf(draft, field)}
              onTake={(field, value) => setDraft(withField(draft, field, value))}
            />
          )}
          <div className="actions">
            <Button type="submit" kind="primary" busy={isPending}>
              {code ? messages.save : messages.codes.create}
            </Button>
            <Button onClick={() => navigate(code ? `/codes/${code.id}` : "/codes")}>{messages.cancel}</Button>
          </div>
        </div>
        <Preview
          encoded={code?.short_url ?? `${account?.short_urls.base ?? location.origin}/${slug || "qr-0000000"}`}
          style={draft.style}
        />
      </form>
    </>
  );
}
