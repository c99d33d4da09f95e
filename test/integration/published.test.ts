import { afterAll, describe, expect, inject, it } from "vitest";
import { call, openAuth } from "../support/api.ts";

const { edges, auths } = inject("cluster");
const [edge = ""] = edges;
const auth = openAuth(auths);
afterAll(() => auth.close());

/** A client as its author wrote it from the published pages: it knows their paths, fields and headers, and nothing else. */
async function publishedClient(apiKey: string) {
  const send = async (method: string, path: string, body?: object) => {
    const answer = await call(`${edge}${path}`, { method, headers: { "x-api-key": apiKey }, body });
    expect(answer.body).toMatchObject({ ok: answer.status < 400, version: "2025-11-14-v1" });
    expect(answer.body.request_id).toBe(answer.headers.get("x-request-id"));
    return answer;
  };
  return {
    get: (path: string) => send("GET", path),
    post: (path: string, body: object) => send("POST", path, body),
    patch: (path: string, body: object) => send("PATCH", path, body),
  };
}

describe("a client written for the published pages", () => {
  it("creates a project and a code in it, and reads that by id and by slug", async () => {
    const { key } = await auth.newAccount();
    const client = await publishedClient(key);
    const { body: made } = await client.post("/v1/projects", { name: "Campaign", description: "Spring" });
    expect(made.data).toMatchObject({ name: "Campaign", description: "Spring", is_default: false });
    expect(made.data).toMatchObject({ has_custom_domain: false, created_via: "api" });
    const { project_id: projectId } = made.data;
    const code = { name: "Poster", type: "url", redirect_url: "https://example.com", project_id: projectId };
    const { status, body: created } = await client.post("/v1/qr-codes", code);
    expect([status, created.data.project_id, created.data.type]).toEqual([201, projectId, "url"]);
    expect(created.data.slug).toMatch(/^qr-[0-9a-z]{7}$/);
    for (const name of [created.data.id, created.data.slug]) {
      const { body } = await client.get(`/v1/qr-codes/${name}`);
      expect(body.data).toMatchObject({ id: created.data.id, slug: created.data.slug, name: "Poster" });
    }
  });

  it("names a code by its label, as the overview does", async () => {
    const { key } = await auth.newAccount();
    const client = await publishedClient(key);
    const body = { label: "Customer QR", type: "url", redirect_url: "https://example.com" };
    expect((await client.post("/v1/qr-codes", body)).body.data.name).toBe("Customer QR");
    const both = await client.post("/v1/qr-codes", { ...body, name: "Its name" });
    expect(both.body.data.name).toBe("Its name");
    const many = await client.post("/v1/qr-codes/batch", { qr_codes: [body, { ...body, label: "Another" }] });
    expect(many.body.items.map(({ name }: { name: string }) => name)).toEqual(["Customer QR", "Another"]);
    const neither = await client.post("/v1/qr-codes", { redirect_url: "no URL" });
    expect(neither.body.details.map(({ field }: { field: string }) => field).toSorted()).toEqual([
      "name",
      "redirect_url",
    ]);
  });

  it("lists codes and projects in pages", async () => {
    const { key } = await auth.newAccount();
    const client = await publishedClient(key);
    const projects = ["one", "two", "three", "Default"];
    for (const name of projects.slice(0, 3)) await client.post("/v1/projects", { name });
    const seen: string[] = [];
    let token: string | null = null;
    do {
      const { body }: Awaited<ReturnType<typeof client.get>> = await client.get(
        `/v1/projects?page_size=2${token ? `&next_page_token=${encodeURIComponent(token)}` : ""}`,
      );
      expect(body.items.length).toBe(2);
      seen.push(...body.items.map(({ name }: { name: string }) => name));
      token = body.next_page_token;
    } while (token !== null);
    expect(seen.toSorted()).toEqual(projects.toSorted());
  });

  it("gets 50 items for a page size that is none", async () => {
    const { key } = await auth.newAccount();
    const client = await publishedClient(key);
    const code = { name: "n", redirect_url: "https://example.com/" };
    await client.post("/v1/qr-codes/batch", { qr_codes: Array.from({ length: 55 }, () => code) });
    for (const query of ["", "?page_size=0", "?page_size=101", "?page_size=-1", "?page_size=abc", "?page_size="]) {
      const { status, body } = await client.get(`/v1/qr-codes${query}`);
      expect([query, status, body.items?.length]).toEqual([query, 200, 50]);
    }
    expect((await client.get("/v1/qr-codes?page_size=55")).body.items).toHaveLength(55);
  });

  it("renames any project, the default one too", async () => {
    const { key } = await auth.newAccount();
    const client = await publishedClient(key);
    const { items } = (await client.get("/v1/projects")).body;
    const { status, body } = await client.patch(`/v1/projects/${items[0].project_id}`, { name: "Shop" });
    expect([status, body.data.name, body.data.is_default]).toEqual([200, "Shop", true]);
    const described = await client.patch(`/v1/projects/${items[0].project_id}`, { description: "All of it" });
    expect(described.body.data).toMatchObject({ name: "Shop", description: "All of it" });
    expect((await client.patch(`/v1/projects/${items[0].project_id}`, { name: " " })).body.code).toBe(
      "invalid_payload",
    );
    expect((await client.patch(`/v1/projects/${"0".repeat(20)}`, { name: "x" })).body.code).toBe("not_found");
  });

  it("gets no picture of an archived code", async () => {
    const { key } = await auth.newAccount();
    const client = await publishedClient(key);
    const { id } = (await client.post("/v1/qr-codes", { name: "n", redirect_url: "https://example.com/" })).body.data;
    await client.patch(`/v1/qr-codes/${id}`, { status: "archived" });
    const { status, body } = await client.get(`/v1/qr-codes/${id}/image`);
    expect([status, body.code]).toEqual([409, "resource_archived"]);
  });
});
