import { useState } from "react";
import { Link } from "wouter";
import { Button, FailedQuery, Loading, PageHead, Time } from "../components/basics.tsx";
import { ProjectDialog } from "../components/project-dialog.tsx";
import { Line } from "../components/table.tsx";
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
      {isCreating && <ProjectDialog onClose={() => setCreating(false)} />}
    </>
  );
}
