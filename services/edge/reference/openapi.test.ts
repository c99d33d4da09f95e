import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { describe, expect, it } from "vitest";
import { routes } from "../api/routes/index.ts";
import { describeApi } from "./openapi.ts";

// biome-ignore lint/suspicious/noExplicitAny: the description is JSON of many shapes
type Any = any;
const api: Any = JSON.parse(JSON.stringify(describeApi(routes, "https://qr.example.com")));
const operations: [string, Any][] = Object.values<Any>(api.paths).flatMap((methods) =>
  Object.values<Any>(methods).map((operation): [string, Any] => [operation.operationId, operation]),
);
const responses = operations.flatMap(([operation, { responses: all }]) =>
  Object.entries<Any>(all).map(([status, response]): [string, Any] => [`${operation} ${status}`, response]),
);
const ajv = new Ajv2020({ strict: false, allErrors: true });
(addFormats as unknown as typeof addFormats.default)(ajv);
ajv.addSchema(api, "api");
const isValid = (schema: Any, value: unknown) => {
  const validate = ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"api#/')));
  expect(validate(value), JSON.stringify([value, validate.errors])).toBe(true);
};
const resolved = (schema: Any) => (schema.$ref ? api.components.schemas[schema.$ref.split("/").at(-1)] : schema);

/** Returns every schema within a value, with its path. */
function schemasIn(value: Any, path: string): [string, Any][] {
  if (typeof value !== "object" || value === null) return [];
  const own: [string, Any][] = value.properties ? [[path, value]] : [];
  const below = Object.entries(value).filter(([key]) => !["if", "then", "else", "example", "examples"].includes(key));
  return [...own, ...below.flatMap(([key, part]) => schemasIn(part, `${path}.${key}`))];
}
const objects = schemasIn(api, "");

describe("the description of the API", () => {
  it("describes every property, parameter, header, response and named schema", () => {
    const properties = objects.flatMap(([path, { properties: all }]) =>
      Object.entries<Any>(all).map(([name, schema]): [string, Any] => [`${path}.${name}`, schema]),
    );
    const parameters = operations.flatMap(([operation, { parameters: all = [] }]) =>
      all.map((one: Any): [string, Any] => [`${operation} ${one.name}`, one]),
    );
    const headers = responses.flatMap(([at, response]) =>
      Object.entries<Any>(response.headers).map(([name, header]): [string, Any] => [`${at} ${name}`, header]),
    );
    const all = [
      ...properties,
      ...parameters,
      ...headers,
      ...responses,
      ...Object.entries<Any>(api.components.schemas),
    ];
    expect(all.length).toBeGreaterThan(300);
    const silent = all.filter(([, one]) => !(one.description ?? resolved(one).description)?.trim());
    expect(silent.map(([at]) => at)).toEqual([]);
  });

  it("names every body and every JSON answer, and writes no object twice", () => {
    for (const [operation, { requestBody }] of operations) {
      if (requestBody) expect(requestBody.content["application/json"].schema.$ref, operation).toBeTruthy();
    }
    for (const [at, response] of responses) {
      const json = response.content?.["application/json"];
      if (json) expect(json.schema.$ref, at).toBeTruthy();
    }
    const unnamed = objects.filter(([path]) => path.split(".").length > 4);
    expect(unnamed.map(([path]) => path)).toEqual([]);
  });

  it("has an example of every answer, and of every error by its code, that its schema allows", () => {
    for (const [operation, { responses: all, requestBody }] of operations) {
      const done: Any = Object.entries<Any>(all).find(([status]) => status.startsWith("2"))?.[1];
      const json = done.content["application/json"];
      if (json) isValid(json.schema, json.example);
      else expect(operation).toBe("getQrCodeImage");
      if (requestBody)
        isValid(requestBody.content["application/json"].schema, requestBody.content["application/json"].example);
      for (const [status, { content }] of Object.entries<Any>(all).filter(([one]) => one >= "400")) {
        const { schema, examples } = content["application/json"];
        expect(Object.keys(examples).length, `${operation} ${status}`).toBeGreaterThan(0);
        for (const [code, { value }] of Object.entries<Any>(examples)) {
          expect(resolved(schema).properties.code.enum, `${operation} ${status}`).toContain(code);
          isValid(schema, value);
        }
      }
    }
    for (const [name, schema] of Object.entries<Any>(api.components.schemas)) {
      for (const example of schema.examples ?? []) isValid({ $ref: `#/components/schemas/${name}` }, example);
    }
  });

  it("takes no unknown field in bodies, and allows new ones in answers", () => {
    const closed = objects.filter(([, schema]) => schema.additionalProperties === false).map(([path]) => path);
    const requests = [
      "NewQrCode",
      "QrCodeBatch",
      "QrCodeChange",
      "NewProject",
      "ProjectChange",
      "StyleChange",
      "NewLogo",
    ];
    expect(closed.sort()).toEqual(requests.map((name) => `.components.schemas.${name}`).sort());
  });

  it("requires a name or a label of a new code, in words that generators do not take for a choice of types", () => {
    const validate = ajv.getSchema("api#/components/schemas/NewQrCode");
    const redirect_url = "https://example.com/";
    expect(validate?.({ redirect_url, label: "n" })).toBe(true);
    expect(validate?.({ redirect_url, name: "n" })).toBe(true);
    expect(validate?.({ redirect_url })).toBe(false);
    expect(api.components.schemas.NewQrCode.anyOf).toBeUndefined();
  });

  it("says where what was created is, and that pictures are bytes", () => {
    const of = (operation: string, status: number) =>
      operations.find(([name]) => name === operation)?.[1].responses[status];
    for (const one of ["createQrCode", "createProject"]) expect(of(one, 201).headers).toHaveProperty("Location");
    for (const [type, { schema }] of Object.entries<Any>(of("getQrCodeImage", 200).content)) {
      expect(schema, type).toEqual({ type: "string", format: "binary" });
    }
    const [size, margin] = ["size", "margin"].map((name) =>
      operations.find(([one]) => one === "getQrCodeImage")?.[1].parameters.find((one: Any) => one.name === name),
    );
    expect([size.schema.default, size.description]).toEqual([512, expect.stringContaining("pixels")]);
    expect([margin.schema.default, margin.description]).toEqual([4, expect.stringContaining("modules")]);
  });
});
