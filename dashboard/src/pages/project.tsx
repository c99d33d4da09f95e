import { useQuery } from "@tanstack/react-query";
import { useParams } from "wouter";
import { type Project, read } from "../api.ts";
import { Failed, Loading, PageHead } from "../parts/basics.tsx";
import { ScansView } from "../parts/scans.tsx";

export default function ProjectPage() {
  const { id } = useParams<{ id: string }>();
  const { data: project, error } = useQuery({
    queryKey: ["project", id],
    queryFn: ({ signal }) => read<Project>(`/v1/projects/${encodeURIComponent(id)}`, signal),
  });
  if (!project) return error ? <Failed error={error} /> : <Loading />;
  return (
    <>
      <PageHead title={project.name} />
      {project.description && <p className="lead">{project.description}</p>}
      <ScansView path={`/projects/${project.id}/scans`} />
    </>
  );
}
