import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useParams } from "wouter";
import { type Project, read } from "../api.ts";
import { Button, FailedQuery, Loading, PageHead } from "../components/basics.tsx";
import { ProjectDialog } from "../components/project-dialog.tsx";
import { ScansView } from "../components/scans.tsx";
import { messages } from "../messages.ts";

export default function ProjectPage() {
  const { id } = useParams<{ id: string }>();
  const query = useQuery({
    queryKey: ["project", id],
    queryFn: ({ signal }) => read<Project>(`/v1/projects/${encodeURIComponent(id)}`, signal),
  });
  const { data: project, error } = query;
  const [isEditing, setEditing] = useState(false);
  if (!project) return error ? <FailedQuery query={query} /> : <Loading />;
  return (
    <>
      <PageHead title={project.name}>
        <Button onClick={() => setEditing(true)}>{messages.projects.edit}</Button>
      </PageHead>
      {project.description && <p className="lead">{project.description}</p>}
      <ScansView path={`/projects/${project.id}/scans`} />
      {isEditing && <ProjectDialog project={project} onClose={() => setEditing(false)} />}
    </>
  );
}
