import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { ApiError, ask, newIdempotencyKeys, type Project } from "../api.ts";
import { leave } from "../leaving.ts";
import { messages } from "../messages.ts";
import { useAnnounce } from "./announcer.tsx";
import { Button, Failed, Field } from "./basics.tsx";
import { Dialog } from "./dialog.tsx";
import { useUnsaved } from "./unsaved.tsx";

/** Asks for the fields of a project: of a new one, or of one that is changed. */
export function ProjectDialog({ project, onClose }: { project?: Project; onClose(): void }) {
  const queries = useQueryClient();
  const announce = useAnnounce();
  const [name, setName] = useState(project?.name ?? "");
  const [description, setDescription] = useState(project?.description ?? "");
  const [keyOf] = useState(newIdempotencyKeys);
  useUnsaved(name !== (project?.name ?? "") || description !== (project?.description ?? ""));
  const close = () => leave(onClose);
  const { mutate, isPending, error } = useMutation({
    mutationFn() {
      const body = { name, description };
      if (project) return ask<Project>("PATCH", `/v1/projects/${project.id}`, { body });
      return ask<Project>("POST", "/v1/projects", { body, headers: { "idempotency-key": keyOf(body) } });
    },
    async onSuccess({ data }) {
      if (project) queries.setQueryData(["project", project.id], data);
      await queries.invalidateQueries({ queryKey: ["projects"] });
      announce(project ? messages.projects.changed : messages.projects.created);
      onClose();
    },
  });
  const issueOf = (field: string) => (error instanceof ApiError ? error.issueOf(field) : undefined);
  function submit(event: FormEvent): void {
    event.preventDefault();
    mutate();
  }
  const act = project ? messages.projects.save : messages.projects.create;
  return (
    <Dialog title={project ? messages.projects.edit : messages.projects.create} onClose={close}>
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
            {act}
          </Button>
          <Button onClick={close}>{messages.cancel}</Button>
        </div>
      </form>
    </Dialog>
  );
}
