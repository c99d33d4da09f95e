import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useLocation, useParams } from "wouter";
import { ApiError, ask, type Code, newIdempotencyKeys, type Style } from "../api.ts";
import { useAnnounce } from "../parts/announcer.tsx";
import { Button, Failed, Field, Loading, PageHead, Select } from "../parts/basics.tsx";
import { Preview } from "../parts/preview.tsx";
import { StyleFields } from "../parts/style-fields.tsx";
import { text } from "../text.ts";
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

/** Makes a code, or changes one. */
export default function EditCodePage() {
  const { id } = useParams<{ id?: string }>();
  const { data, error } = useQuery({
    queryKey: ["code-to-edit", id],
    enabled: id !== undefined,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
    queryFn: ({ signal }) => ask<Code>("GET", `/v1/qr-codes/${encodeURIComponent(id ?? "")}`, { signal }),
  });
  const projects = useProjects();
  if (error ?? projects.error) return <Failed error={error ?? projects.error} />;
  if ((id !== undefined && !data) || !projects.data) return <Loading />;
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
  const queries = useQueryClient();
  const announce = useAnnounce();
  const [, navigate] = useLocation();
  const [name, setName] = useState(code?.name ?? "");
  const [url, setUrl] = useState(code?.redirect_url ?? "");
  const [slug, setSlug] = useState("");
  const [projectId, setProjectId] = useState(code?.project_id ?? defaultProject);
  const [style, setStyle] = useState<Style>(code?.style ?? plainStyle);
  const [keyOf] = useState(newIdempotencyKeys);

  const { mutate, isPending, error } = useMutation({
    mutationFn() {
      const body = { name, redirect_url: url, project_id: projectId, style };
      if (code) {
        const headers: Record<string, string> = etag ? { "if-match": etag } : {};
        return ask<Code>("PATCH", `/v1/qr-codes/${code.id}`, { body, headers });
      }
      const made = { ...body, ...(slug && { slug }) };
      return ask<Code>("POST", "/v1/qr-codes", { body: made, headers: { "idempotency-key": keyOf(made) } });
    },
    async onSuccess({ data }) {
      queries.setQueryData(["code", data.id], data);
      await queries.invalidateQueries({ queryKey: ["codes"] });
      announce(code ? text.editCode.saved : text.editCode.created);
      navigate(`/codes/${data.id}`);
    },
  });
  const failure = error instanceof ApiError ? error : undefined;
  const issueOf = (field: string) => failure?.issueOf(field);
  const isChangedElsewhere = failure?.status === 412;

  function submit(event: FormEvent): void {
    event.preventDefault();
    mutate();
  }
  return (
    <>
      <PageHead title={code ? text.editCode.editTitle : text.editCode.newTitle} />
      <form className="editor" onSubmit={submit}>
        <div className="card">
          <Field
            label={text.editCode.name}
            required
            maxLength={200}
            value={name}
            onChange={(event) => setName(event.target.value)}
            issue={issueOf("name")}
          />
          <Field
            label={text.editCode.url}
            type="url"
            required
            maxLength={2048}
            placeholder="https://"
            value={url}
            onChange={(event) => setUrl(event.target.value)}
            hint={text.editCode.urlHint}
            issue={issueOf("redirect_url")}
          />
          {!code && (
            <Field
              label={text.editCode.slug}
              maxLength={64}
              value={slug}
              onChange={(event) => setSlug(event.target.value)}
              hint={text.editCode.slugHint}
              issue={issueOf("slug")}
            />
          )}
          <Select label={text.codes.project} value={projectId} options={projects} onChange={setProjectId} />
          <StyleFields style={style} onChange={setStyle} issueOf={(field) => issueOf(`style.${field}`)} />
          {isChangedElsewhere ? <Failed error={new Error(text.editCode.changedElsewhere)} /> : <Failed error={error} />}
          <div className="actions">
            <Button type="submit" kind="primary" busy={isPending}>
              {code ? text.save : text.codes.create}
            </Button>
            <Button onClick={() => navigate(code ? `/codes/${code.id}` : "/codes")}>{text.cancel}</Button>
          </div>
        </div>
        <Preview encoded={code?.short_url ?? `${location.origin}/${slug || "qr-0000000"}`} style={style} />
      </form>
    </>
  );
}
