import { escapeHtml } from "../../../platform/escape-html.ts";

type Json = Record<string, unknown>;

interface Operation {
  operationId: string;
  summary: string;
  description: string;
  tags: string[];
  parameters?: { name: string; in: string; required: boolean; description?: string; schema: Json }[];
  requestBody?: { content: { "application/json": { schema: Json; example: unknown } } };
  responses: Record<string, { description: string; content?: Record<string, { schema: Json; example?: unknown }> }>;
}

interface ApiDescription {
  info: { title: string; version: string; description: string };
  servers: { url: string }[];
  tags: { name: string; description: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Json> };
}

/** Renders the OpenAPI description as one HTML page without external resources. */
export function referencePage(described: Json, warning?: string): string {
  const api = described as unknown as ApiDescription;
  const operations = Object.entries(api.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );
  const base = api.servers[0]?.url ?? "";
  const groups = api.tags.map(({ name, description }) => {
    const own = operations.filter(({ operation }) => operation.tags.includes(name));
    return { name, description, own };
  });
  const contents = groups
    .map(
      ({ name, own }) =>
        `<h2>${escapeHtml(name)}</h2><ul>${own
          .map(
            ({ method, path, operation }) =>
              `<li><a href="#${operation.operationId}"><b>${method}</b> ${escapeHtml(path)}</a></li>`,
          )
          .join("")}</ul>`,
    )
    .join("");
  const sections = groups
    .map(
      ({ name, description, own }) =>
        `<h2>${escapeHtml(name)}</h2><p>${escapeHtml(description)}</p>${own.map((one) => section(one, base)).join("")}`,
    )
    .join("");
  const shapes = Object.entries(api.components.schemas)
    .map(([name, schema]) => `<article id="shape-${name}"><h3>${escapeHtml(name)}</h3>${fields(schema)}</article>`)
    .join("");
  return page(
    `${api.info.title} API ${api.info.version}`,
    `<nav aria-label="Contents"><label>Search <input type="search" id="search" autocomplete="off"></label>
<p id="found" role="status"></p>${contents}<h2>Shapes</h2><ul>${Object.keys(api.components.schemas)
      .map((name) => `<li><a href="#shape-${name}">${escapeHtml(name)}</a></li>`)
      .join("")}</ul></nav>
<main><h1>${escapeHtml(api.info.title)} API</h1>${warning ? `<p role="note"><strong>${escapeHtml(warning)}</strong></p>` : ""}<p>${marked(api.info.description)}</p>
<p>Version ${escapeHtml(api.info.version)}. <a href="/openapi.json">openapi.json</a></p>${sections}<h2>Shapes</h2>${shapes}</main>`,
  );
}

function section(
  { path, method, operation }: { path: string; method: string; operation: Operation },
  base: string,
): string {
  const body = operation.requestBody?.content["application/json"];
  const responses = Object.entries(operation.responses).map(([status, response]) => {
    const schema = response.content?.["application/json"]?.schema;
    const files = Object.keys(response.content ?? {}).filter((type) => type !== "application/json");
    const shape = status.startsWith("2") && schema ? fields(schema) : "";
    return `<tr><th scope="row">${status}</th><td>${marked(response.description)}${files.map((type) => ` <code>${type}</code>`).join("")}${shape}</td></tr>`;
  });
  const answer = Object.values(operation.responses).find(({ content }) => content?.["application/json"]?.example)
    ?.content?.["application/json"]?.example;
  return `<article id="${operation.operationId}"><h3><b>${method}</b> <code>${escapeHtml(path)}</code></h3>
<p><strong>${escapeHtml(operation.summary)}.</strong> ${marked(operation.description)}</p>
${operation.parameters ? parameters(operation.parameters) : ""}
${body ? `<h4>Body</h4>${fields(body.schema)}` : ""}
<h4>Example</h4><pre><code>${escapeHtml(curl(method, base + path, body?.example))}</code></pre>
${answer ? `<pre><code>${escapeHtml(JSON.stringify(answer, undefined, 2))}</code></pre>` : ""}
<h4>Answers</h4><table><tbody>${responses.join("")}</tbody></table></article>`;
}

function curl(method: string, url: string, body: unknown): string {
  const verb = method === "GET" || method === "POST" ? "" : ` -X ${method}`;
  const data =
    body === undefined ? "" : ` \\\n  -H 'content-type: application/json' \\\n  -d '${JSON.stringify(body)}'`;
  return `curl${verb} ${url} \\\n  -H "x-api-key: $QRFORGE_KEY"${data}`;
}

function parameters(list: NonNullable<Operation["parameters"]>): string {
  const rows = list.map(
    ({ name, in: place, description = "", schema }) =>
      `<tr><th scope="row"><code>${escapeHtml(name)}</code></th><td>${place}</td><td>${typeOf(schema)}</td><td>${marked(description)}</td></tr>`,
  );
  return `<h4>Parameters</h4><table><tbody>${rows.join("")}</tbody></table>`;
}

/** Renders the fields of an object's schema as a table; for other schemas, the type. */
function fields(schema: Json): string {
  const { properties, required = [] } = schema as { properties?: Record<string, Json>; required?: string[] };
  if (!properties) return `<p>${typeOf(schema)}</p>`;
  const rows = Object.entries(properties).map(
    ([name, one]) =>
      `<tr><th scope="row"><code>${escapeHtml(name)}</code></th><td>${typeOf(one)}${required.includes(name) ? "" : " <i>optional</i>"}</td><td>${marked(String(one.description ?? ""))}${nested(one)}</td></tr>`,
  );
  return `<table><tbody>${rows.join("")}</tbody></table>`;
}

function nested(schema: Json): string {
  // Nested schemas are JSON of the same shape, here and below.
  const inner = (schema.items as Json | undefined) ?? schema;
  return inner.properties ? fields(inner) : "";
}

function typeOf(schema: Json): string {
  if (typeof schema.$ref === "string") {
    const name = schema.$ref.split("/").at(-1) ?? "";
    return `<a href="#shape-${name}">${escapeHtml(name)}</a>`;
  }
  if (Array.isArray(schema.anyOf)) return schema.anyOf.map((one) => typeOf(one as Json)).join(" or ");
  if (Array.isArray(schema.enum))
    return schema.enum.map((value) => `<code>${escapeHtml(String(value))}</code>`).join(" ");
  if (schema.const !== undefined) return `<code>${escapeHtml(String(schema.const))}</code>`;
  if (schema.type === "array") return `array of ${typeOf(schema.items as Json)}`;
  const bounds = [
    ...(schema.minimum === undefined ? [] : [`from ${schema.minimum}`]),
    ...(schema.maximum === undefined || schema.maximum === Number.MAX_SAFE_INTEGER ? [] : [`to ${schema.maximum}`]),
    ...(schema.default === undefined ? [] : [`(default ${schema.default})`]),
    ...(schema.maxLength === undefined ? [] : [`up to ${schema.maxLength} characters`]),
  ];
  const type = Array.isArray(schema.type) ? schema.type.join(" or ") : String(schema.type ?? "any");
  return escapeHtml([type, ...bounds].join(" "));
}

/** Renders text with its \`code\` and paragraphs as HTML. */
function marked(value: string): string {
  return escapeHtml(value)
    .replace(/`([^`]+)`/g, "<code>$1</code>")
    .replaceAll("\n\n", "<br>");
}

function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>
  :root { color-scheme: light dark; --line: light-dark(#ddd, #333); --soft: light-dark(#f6f6f6, #1c1c1c) }
  body { font: 1rem/1.5 system-ui, sans-serif; margin: 0; display: grid; grid-template-columns: 19rem minmax(0, 1fr) }
  nav { position: sticky; top: 0; height: 100vh; overflow: auto; padding: 1.5rem; box-sizing: border-box; border-right: 1px solid var(--line); font-size: .875rem }
  nav ul { list-style: none; padding: 0; margin: 0 } nav li { margin: .25rem 0; overflow-wrap: anywhere }
  nav h2 { font-size: .875rem; margin: 1.25rem 0 .25rem } input { font: inherit; width: 100%; box-sizing: border-box; padding: .375rem }
  main { padding: 2rem; max-width: 60rem } article { border-top: 1px solid var(--line); padding: 1rem 0 }
  a { color: light-dark(#0b57d0, #8ab4f8); text-decoration: none } a:hover { text-decoration: underline }
  [role=note] { background: light-dark(#fdf3e1, #2e2312); color: light-dark(#8a4b08, #f2bd6b); padding: .75rem 1rem; border-radius: .5rem }
  table { border-collapse: collapse; width: 100%; font-size: .9rem } th, td { text-align: left; vertical-align: top; padding: .375rem .75rem .375rem 0; border-top: 1px solid var(--line) }
  th { font-weight: 500 } main { overflow-wrap: anywhere } td:first-of-type { min-width: 8rem } pre { background: var(--soft); padding: 1rem; white-space: pre-wrap; border-radius: .5rem } code { font-size: .875em }
  @media (max-width: 50rem) { body { display: block } nav { position: static; height: auto; border: 0 } main { padding: 1rem }
    table, tbody, tr, th, td { display: block } tr { border-top: 1px solid var(--line); padding: .375rem 0 } th, td { border: 0; padding: 0 } td table { margin: .25rem 0 .25rem .75rem; width: auto } }
</style>
${body}
<script src="/docs/search.js"></script>
</html>
`;
}

/** Shows only the operations that contain every word of the search. */
export const searchScript = `const input = document.getElementById("search");
const found = document.getElementById("found");
const articles = [...document.querySelectorAll("article")];
input.addEventListener("input", () => {
  const words = input.value.toLowerCase().split(/\\s+/).filter(Boolean);
  let count = 0;
  for (const article of articles) {
    const shown = words.every((word) => article.textContent.toLowerCase().includes(word));
    article.hidden = !shown;
    for (const link of document.querySelectorAll('nav a[href="#' + article.id + '"]')) link.parentElement.hidden = !shown;
    if (shown) count++;
  }
  found.textContent = words.length === 0 ? "" : count + " found";
});
`;
