import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { ApiService } from "../../gen/qrforge/api/v1/api_pb.ts";
import { Plan } from "../../gen/qrforge/auth/v1/account_pb.ts";
import { call, openAuth } from "../support/api.ts";
import { readCaseFile } from "../support/cases.ts";

const { edges, rpcs, auths } = inject("cluster");
const [edge = ""] = edges;
const auth = openAuth(auths);
let key: string;
beforeAll(async () => {
  ({ key } = await auth.newAccount(Plan.ENTERPRISE));
});
afterAll(() => auth.close());

interface Case {
  what: string;
  with: Record<string, unknown>;
  expect?: Record<string, unknown>;
  fields?: string[];
}
const cases = readCaseFile<{ codes: Case[]; projects: Case[] }>("read-modify-write");

async function readBack(path: string, { with: change, expect: expected, fields }: Case) {
  const read = (await call(path, { key })).body.data;
  const { status, body } = await call(path, { key, method: "PATCH", body: { ...read, ...change } });
  const named = body.details?.map(({ field }: { field: string }) => field).toSorted();
  expect([status, named], JSON.stringify(body)).toEqual([fields ? 400 : 200, fields]);
  if (!fields) expect(body.data).toMatchObject(expected ?? {});
  else expect((await call(path, { key })).body.data).toEqual(read);
}

describe("what was read can be changed and sent back", () => {
  it.each(cases.codes)("code: $what", async (given) => {
    const style = { foreground: "#112233", module_shape: "rounded", caption: "Menu" };
    const code = { name: "n", redirect_url: "https://example.com/", style };
    const { id } = (await call(`${edge}/v1/qr-codes`, { key, body: code })).body.data;
    await readBack(`${edge}/v1/qr-codes/${id}`, given);
  });

  it.each(cases.projects)("project: $what", async (given) => {
    const { id } = (await call(`${edge}/v1/projects`, { key, body: { name: "n", description: "d" } })).body.data;
    await readBack(`${edge}/v1/projects/${id}`, given);
  });

  it("archived, too, while nothing of it changes", async () => {
    const code = { name: "n", redirect_url: "https://example.com/" };
    const path = `${edge}/v1/qr-codes/${(await call(`${edge}/v1/qr-codes`, { key, body: code })).body.data.id}`;
    const { data } = (await call(path, { key, method: "PATCH", body: { status: "archived" } })).body;
    expect((await call(path, { key, method: "PATCH", body: data })).body.data).toEqual(data);
    const edited = await call(path, { key, method: "PATCH", body: { ...data, name: "m" } });
    expect(edited.body.code).toBe("resource_archived");
    const restored = await call(path, { key, method: "PATCH", body: { ...data, name: "m", status: "active" } });
    expect(restored.body.data).toMatchObject({ name: "m", status: "active" });
  });

  it("moves a code to the default project with null", async () => {
    const project = (await call(`${edge}/v1/projects`, { key, body: { name: "p" } })).body.data;
    const code = { name: "n", redirect_url: "https://example.com/", project_id: project.id };
    const { id } = (await call(`${edge}/v1/qr-codes`, { key, body: code })).body.data;
    const moved = await call(`${edge}/v1/qr-codes/${id}`, { key, method: "PATCH", body: { project_id: null } });
    const home = await call(`${edge}/v1/projects/${moved.body.data.project_id}`, { key });
    expect(home.body.data.is_default).toBe(true);
  });

  it("over gRPC", async () => {
    const client = createClient(ApiService, createGrpcTransport({ baseUrl: `http://${rpcs[0]}` }));
    const headers = { "x-api-key": key };
    const { data: code } = await client.createQrCode({ name: "n", redirectUrl: "https://example.com/" }, { headers });
    const { $typeName: _code, ...read } = code ?? {};
    const { data: changed } = await client.updateQrCode({ ...read, name: "m", style: { foreground: "" } }, { headers });
    expect(changed).toMatchObject({ id: code?.id, slug: code?.slug, name: "m", createdAt: code?.createdAt });
    await expect(client.updateQrCode({ ...read, slug: "another-slug" }, { headers })).rejects.toThrow("slug");
    const { data: project } = await client.createProject({ name: "n" }, { headers });
    const { $typeName: _project, ...readProject } = project ?? {};
    const { data: renamed } = await client.updateProject({ ...readProject, name: "m" }, { headers });
    expect(renamed).toMatchObject({ id: project?.id, name: "m" });
  });
});

describe("null in what is created", () => {
  it("means left out", async () => {
    const nothing = { slug: null, style: null, type: null, project_id: null, label: null };
    const code = { name: "n", redirect_url: "https://example.com/", ...nothing };
    const one = await call(`${edge}/v1/qr-codes`, { key, body: code });
    expect([one.status, one.body.data?.slug]).toEqual([201, expect.stringMatching(/^qr-/)]);
    const many = await call(`${edge}/v1/qr-codes/batch`, { key, body: { qr_codes: [code, { ...code, slug: null }] } });
    expect(many.status).toBe(201);
    const inStyle = { ...code, style: { foreground: null, logo: null, logo_size: null, finder_shape: "circle" } };
    const styled = await call(`${edge}/v1/qr-codes`, { key, body: inStyle });
    expect(styled.body.data?.style).toMatchObject({ foreground: "#000000", finder_shape: "circle", logo_size: 20 });
    const project = await call(`${edge}/v1/projects`, { key, body: { name: "n", description: null } });
    expect([project.status, project.body.data?.description]).toEqual([201, ""]);
    const unnamed = await call(`${edge}/v1/qr-codes`, { key, body: { ...code, name: null, redirect_url: null } });
    expect(unnamed.body.details?.map(({ field }: { field: string }) => field).toSorted()).toEqual([
      "name",
      "redirect_url",
    ]);
  });
});
