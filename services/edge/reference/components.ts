import { z } from "zod";

export type Json = Record<string, unknown>;

/** The named schemas of the description, which grow while it is made. */
export interface Components {
  schemas: Record<string, Json>;
  /** Returns the JSON Schema of what clients send; of fields that it does not know, nothing is taken. */
  request(schema: z.ZodType): Json;
  /** Returns the JSON Schema of what clients get; a later version may add fields. */
  response(schema: z.ZodType): Json;
  /** Adds a schema under a name, and returns a reference to it. */
  add(name: string, schema: Json): Json;
}

export function createComponents(): Components {
  const schemas: Record<string, Json> = {};
  const add = (name: string, schema: Json) => {
    schemas[name] = schema;
    return { $ref: pointerTo(name) };
  };
  return {
    schemas,
    add,
    request: (schema) => convert(schema, "input", add),
    response: (schema) => convert(schema, "output", add),
  };
}

const pointerTo = (name: string) => `#/components/schemas/${name}`;

/** Returns a schema as JSON Schema; schemas with an id become components. */
function convert(schema: z.ZodType, io: "input" | "output", add: Components["add"]): Json {
  const {
    $defs = {},
    $schema: _,
    ...root
  } = z.toJSONSchema(schema, {
    io,
    unrepresentable: "any",
    target: "draft-2020-12",
    override({ jsonSchema }) {
      if (io === "output") delete jsonSchema.additionalProperties;
    },
  });
  const isName = (key: string, value: unknown) => key === "$ref" && typeof value === "string";
  const move = (value: Json): Json =>
    JSON.parse(
      JSON.stringify(value, (key, part) => (isName(key, part) ? pointerTo(part.replace("#/$defs/", "")) : part)),
    );
  for (const [name, definition] of Object.entries($defs)) {
    const { id: _id, ...described } = move(definition);
    add(name, described);
  }
  const { id, ...described } = move(root);
  return typeof id === "string" ? add(id, described) : described;
}

/** Returns the JSON Schema of each parameter of a query. */
export function queryJsonSchemas(query: z.ZodObject): Record<string, Json> {
  const { properties = {} } = z.toJSONSchema(query, { io: "input", unrepresentable: "any" });
  return Object.fromEntries(
    Object.entries(properties).map(([name, schema]) => {
      // Set by the schemas of queries; zod accepts metadata of any type.
      const parameter = unwrap(query.shape[name]).meta()?.parameter as Json | undefined;
      return [name, parameter ?? (typeof schema === "boolean" ? {} : schema)];
    }),
  );
}

function unwrap(schema: z.ZodType): z.ZodType {
  return schema instanceof z.ZodOptional || schema instanceof z.ZodDefault
    ? // zod types an unwrapped schema as its core type; every schema here is a full one.
      unwrap(schema.unwrap() as z.ZodType)
    : schema;
}
