import { useQuery } from "@tanstack/react-query";
import { useParams } from "wouter";
import { type Project, read } from "../api.ts";
import { FailedQuery, Loading, PageHead } from "../components/basics.tsx";
import { ScansView } from "../components/scans.tsx";

export default function ProjectPage() {
  const { id } = useParams<{ id: string }>();
  const query = useQuery({
    queryKey: ["project", id],
    queryFn: ({ signal }) => read<Project>(`/v1/projects/${encodeURIComponent(id)}`, signal),
  });
  const { data: project, error } = query;
  if (!project) return error ? <FailedQuery query={query} /> : <Loading />;
  return (
    <>
      <PageHead title={project.name} />
      {project.description && <p className="lead">{project.description}</p>}
      <ScansView path={`/projects/${project.id}/scans`} />
    </>
  );
}
