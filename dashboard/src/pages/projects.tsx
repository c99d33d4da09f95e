import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Link } from "wouter";
import { ApiError, ask, newIdempotencyKeys, type Project } from "../api.ts";
import { useAnnounce } from "../components/announcer.tsx";
import { Button, Failed, FailedQuery, Field, Loading, PageHead, Time } from "../components/basics.tsx";
import { Dialog } from "../components/dialog.tsx";
import { Line } from "../components/table.tsx";
import { useUnsaved } from "../components/unsaved.tsx";
import { leave } from "../leaving.ts";
import { messages } from "../messages.ts";
import { useProjects } from "./codes.tsx";

export default function ProjectsPage() {
  const query = useProjects();
  const { data: projects, error } = query;
  const [isCreating, setCreating] = useState(false);
  return (
    <>
      <PageHead title={messages.projects.title}>
        <Button kind="primary" onClick={() => setCreating(true)}>
          {messages.projects.create}
        </Button>
      </PageHead>
      <p className="lead">{messages.projects.lead}</p>
      <FailedQuery query={query} />
      {!projects && !error && <Loading />}
      <ul className="tiles">
        {projects?.map((project) => (
          <li key={project.id} className="card">
            <h2>
              <Link href={`/projects/${project.id}`}>
                <Line>{project.name}</Line>
              </Link>
              {project.is_default && <span className="badge">{messages.projects.isDefault}</span>}
            </h2>
            <p className="brief">{project.description || messages.projects.noDescription}</p>
            <p className="muted">
              {messages.projects.via[project.created_via]} <Time value={project.created_at} />
            </p>
          </li>
        ))}
      </ul>
      {isCreating && <CreateDialog onClose={() => setCreating(false)} />}
    </>
  );
}

function CreateDialog({ onClose }: { onClose(): void }) {
  const queries = useQueryClient();
  const announce = useAnnounce();
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const [keyOf] = useState(newIdempotencyKeys);
  useUnsaved(name !== "" || description !== "");
  const close = () => leave(onClose);
  const { mutate, isPending, error } = useMutation({
    mutationFn() {
      const body = { name, description };
      return ask<Project>("POST", "/v1/projects", { body, headers: { "idempotency-key": keyOf(body) } });
    },
    async onSuccess() {
      await queries.invalidateQueries({ queryKey: ["projects"] });
      announce(messages.projects.created);
      onClose();
    },
  });
  const issueOf = (field: string) => (error instanceof ApiError ? error.issueOf(field) : undefined);
  function submit(event: FormEvent): void {
    event.preventDefault();
    mutate();
  }
  return (
    <Dialog title={messages.projects.create} onClose={close}>
      <form onSubmit={submit}>
        <Field
          label={messages.projects.name}
          required
          data-autofocus
          maxLength={100}
          value={name}
          onChange={(event) => setName(event.target.value)}
          issue={issueOf("name")}
        />
        <Field
          label={messages.projects.description}
          maxLength={500}
          value={description}
          onChange={(event) => setDescription(event.target.value)}
          issue={issueOf("description")}
        />
        <Failed error={error} />
        <div className="actions">
          <Button type="submit" kind="primary" busy={isPending}>
            {messages.projects.create}
          </Button>
          <Button onClick={close}>{messages.cancel}</Button>
        </div>
      </form>
    </Dialog>
  );
}
