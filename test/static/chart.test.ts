import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { Ajv } from "ajv";
import { beforeAll, describe, expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { settings as migrate } from "../../cli/migrate.ts";
import { operatorSettings as operator } from "../../cli/settings.ts";
import { natsAuthorization, natsClients } from "../../platform/messaging/users.ts";
import type { Settings } from "../../platform/process/config.ts";
import { serviceSettings } from "../../scripts/describe-settings.ts";
import { root, runProgram } from "../support/run.ts";
import { checkEnvironment } from "../support/settings.ts";

const chart = path.join(root, "charts/qrforge");
const read = (file: string) => readFileSync(path.join(chart, file), "utf8");
/** Values files to render; those of examples that are of other charts aside. */
const examples = ["small.yaml", "full.yaml", "public-tls.yaml"];
const kubernetes = "1.33";

/** Whatever a kind has. */
type Yaml = ReturnType<typeof parse>;

interface Container {
  name: string;
  args: string[];
  env: { name: string; value?: string; valueFrom?: { secretKeyRef: { name: string; key: string } } }[];
  ports?: { name: string; containerPort: number }[];
  securityContext: Record<string, unknown>;
  resources: { requests: object; limits: object };
  volumeMounts: { name: string; mountPath: string }[];
  [probe: string]: unknown;
}
interface PodSpec {
  securityContext: Record<string, unknown>;
  automountServiceAccountToken: boolean;
  terminationGracePeriodSeconds: number;
  containers: Container[];
  volumes: { name: string; emptyDir?: object; secret?: { secretName: string } }[];
  [field: string]: unknown;
}
interface Resource {
  kind: string;
  metadata: { name: string; labels: Record<string, string>; annotations?: Record<string, string> };
  spec: Yaml;
}

const components: Record<string, Settings> = { ...serviceSettings, operator, doctor: operator, migrate };

function podOf({ kind, spec }: Resource): PodSpec | undefined {
  if (kind === "Pod") return spec;
  return kind === "Deployment" || kind === "Job" ? spec.template.spec : undefined;
}

describe("values", () => {
  const validate = new Ajv({ allErrors: true, strict: false }).compile(JSON.parse(read("values.schema.json")));
  it("and all examples are as the schema says, which knows every one of them", () => {
    const values = parse(read("values.yaml"));
    validate(values);
    expect(validate.errors).toBeNull();
    for (const example of examples) {
      validate(parse(read(`examples/${example}`)));
      expect(validate.errors, example).toBeNull();
    }
    const schema = JSON.parse(read("values.schema.json"));
    expect(
      Object.keys(schema.properties)
        .filter((name) => name !== "global")
        .sort(),
    ).toEqual(Object.keys(values).sort());
  });

  it("that would do harm are refused", () => {
    for (const wrong of [
      { database: { url: "postgres://qrforge:secret@postgres/qrforge" } },
      { publicUrl: "https://qr.example.com/" },
      { shortUrlBase: "https://qr.example.com#" },
      { shortUrlBase: "https://QR.example.com" },
      { shortUrlBase: "https://qr.example.com." },
      { shortUrlBase: "https://ann@qr.example.com" },
      { services: { edge: { setings: {} } } },
      { preStopSeconds: 0 },
    ]) {
      expect(validate(wrong), JSON.stringify(wrong)).toBe(false);
    }
  });

  it("name the chart's version as the project's", () => {
    const { version } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
    expect(parse(read("Chart.yaml"))).toMatchObject({ version, appVersion: version });
  });
});

/** The chart's resources for each values file; undefined where helm is not installed. */
const rendered = new Map<string, Resource[]>();
let missing: string | undefined;

beforeAll(async () => {
  for (const example of examples) {
    const args = [
      "template",
      "r",
      chart,
      "--namespace",
      "ns",
      "--kube-version",
      kubernetes,
      "-f",
      `${chart}/examples/${example}`,
    ];
    const { code, output } = await runProgram("helm", args);
    if (code !== 0 && /ENOENT|EACCES/.test(output)) {
      missing = "helm is not installed";
      return;
    }
    expect(code, output).toBe(0);
    rendered.set(
      example,
      parseAllDocuments(output)
        .map((document) => document.toJS())
        .filter(Boolean),
    );
  }
}, 60_000);

describe.for(examples)("the chart with %s", (example) => {
  const all = () => rendered.get(example) as Resource[];
  const kind = (name: string) => all().filter((resource) => resource.kind === name);

  it("passes helm's lint", async ({ skip }) => {
    if (missing) return skip(missing);
    const { code, output } = await runProgram("helm", [
      "lint",
      "--strict",
      chart,
      "--kube-version",
      kubernetes,
      "-f",
      `${chart}/examples/${example}`,
    ]);
    expect(code, output).toBe(0);
  });

  it("passes kubeconform, where that and Kubernetes' schemas are at hand", async ({ skip }) => {
    const schemas = process.env.KUBERNETES_SCHEMAS;
    if (missing) return skip(missing);
    if (!schemas) return skip("KUBERNETES_SCHEMAS does not say where the schemas are: docs/operations.md");
    const { code, output } = await runProgram(
      "kubeconform",
      ["-strict", "-summary", "-schema-location", schemas, "-"],
      {
        input: all()
          .map((resource) => JSON.stringify(resource))
          .join("\n---\n"),
      },
    );
    expect(code, output).toBe(0);
  });

  it("gives each container only what it reads, and all that it must have", ({ skip }) => {
    if (missing) return skip(missing);
    const seen = new Set<string>();
    for (const resource of all()) {
      for (const { name, env, args } of podOf(resource)?.containers ?? []) {
        seen.add(name);
        const given = env.map((one) => [one.name, one.value ?? "from-a-secret"] as const);
        expect(new Set(given.map(([env]) => env)).size, `${name} twice`).toBe(given.length);
        const plain = given.map(([env, value]) => [
          env,
          env === "NATS_URL" && value === "from-a-secret" ? "nats://n" : value,
        ]);
        expect(checkEnvironment(components[name] as Settings, Object.fromEntries(plain)), name).toEqual([]);
        if (name in serviceSettings) expect(args).toEqual([`services/${name}/main.ts`]);
        else if (name !== "operator") expect(args).toEqual([`cli/${name}.ts`]);
      }
    }
    expect([...seen].sort()).toEqual(["auth", "doctor", "edge", "migrate", "operator", "qr", "quota"]);
  });

  it("gives each pod the passwords of its own users alone, and those of the owners to migrations and tools", ({
    skip,
  }) => {
    if (missing) return skip(missing);
    const { database, nats } = { ...parse(read("values.yaml")), ...parse(read(`examples/${example}`)) };
    const hasRoles = database.rolesSecret !== "";
    const hasUsers = !nats.urlSecret?.name;
    for (const resource of all()) {
      for (const { name, env } of podOf(resource)?.containers ?? []) {
        const secrets = env.flatMap(({ name: variable, valueFrom }) => (valueFrom ? [variable] : [])).sort();
        const roles = (names: string[]) => (hasRoles ? names.map((one) => `${one}_DATABASE_PASSWORD`) : []);
        const isTool = ["migrate", "operator", "doctor"].includes(name);
        const isOwner = isTool || (name !== "edge" && !hasRoles);
        const onNats = !["migrate", "quota"].includes(name);
        const own =
          name === "migrate" ? ["AUTH", "QR", "QUOTA"] : isTool || name === "edge" ? [] : [name.toUpperCase()];
        const expected = [
          ...(isOwner ? ["DATABASE_PASSWORD"] : []),
          ...roles(own),
          ...(onNats ? [hasUsers ? "NATS_PASSWORD" : "NATS_URL"] : []),
        ];
        expect([name, secrets]).toEqual([name, expected.sort()]);
      }
    }
  });

  it("has ports, probes and services that meet where the processes listen", ({ skip }) => {
    if (missing) return skip(missing);
    for (const name of Object.keys(serviceSettings)) {
      const deployment = kind("Deployment").find(({ metadata }) => metadata.name === `r-qrforge-${name}`) as Resource;
      const [container] = (podOf(deployment) as PodSpec).containers as [Container];
      const listens = (env: string) =>
        Number(
          container.env
            .find((one) => one.name === env)
            ?.value?.split(":")
            .at(-1),
        );
      const port = (of: string) => container.ports?.find((one) => one.name === of)?.containerPort;
      expect(port("metrics")).toBe(listens("METRICS_LISTEN_ADDRESS"));
      expect(port("health")).toBe(listens("HEALTH_LISTEN_ADDRESS"));
      expect(port(name === "edge" ? "http" : "grpc")).toBe(listens("LISTEN_ADDRESS"));
      if (name === "edge" && port("grpc")) expect(port("grpc")).toBe(listens("RPC_LISTEN_ADDRESS"));
      for (const probe of ["startupProbe", "readinessProbe", "livenessProbe"]) {
        expect(container[probe]).toMatchObject({ grpc: { port: port("health") } });
      }
      for (const service of kind("Service").filter(
        ({ metadata }) => metadata.labels["app.kubernetes.io/component"] === name,
      )) {
        for (const { targetPort } of service.spec.ports)
          expect(port(targetPort), service.metadata.name).toBeTypeOf("number");
        const labels = deployment.spec.template.metadata.labels;
        expect(labels).toMatchObject(service.spec.selector);
      }
      if (name !== "edge") {
        const service = kind("Service").find(({ metadata }) => metadata.name === `r-qrforge-${name}`) as Resource;
        expect(service.spec).toMatchObject({ clusterIP: "None", ports: [{ port: listens("LISTEN_ADDRESS") }] });
        const [ofEdge] = (
          podOf(kind("Deployment").find(({ metadata }) => metadata.name === "r-qrforge-edge") as Resource) as PodSpec
        ).containers as [Container];
        const address = ofEdge.env.find((one) => one.name === `${name.toUpperCase()}_ADDRESS`)?.value;
        expect(address).toBe(`dns:///r-qrforge-${name}.ns.svc:${listens("LISTEN_ADDRESS")}`);
      }
    }
  });

  it("gives a pod the time to linger and to drain before it is killed", ({ skip }) => {
    if (missing) return skip(missing);
    for (const deployment of kind("Deployment").filter(({ metadata }) => metadata.name !== "r-qrforge-operator")) {
      const pod = podOf(deployment) as PodSpec;
      const [container] = pod.containers as [Container];
      const drainMs = Number(container.env.find(({ name }) => name === "DRAIN_MS")?.value);
      const { preStop } = container.lifecycle as { preStop: { sleep: { seconds: number } } };
      expect(drainMs).toBeGreaterThanOrEqual(5_000);
      expect(pod.terminationGracePeriodSeconds * 1_000).toBeGreaterThan(preStop.sleep.seconds * 1_000 + drainMs);
    }
  });

  // https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
  it("keeps every pod to the restricted pod security standard, with a read-only root", ({ skip }) => {
    if (missing) return skip(missing);
    const pods = all().flatMap((resource) => podOf(resource) ?? []);
    expect(pods.length).toBe(7);
    for (const pod of pods) {
      expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } });
      expect(pod.securityContext.runAsUser).toBeGreaterThan(0);
      for (const field of ["hostNetwork", "hostPID", "hostIPC"]) expect(pod[field]).toBeUndefined();
      expect(pod.automountServiceAccountToken).toBe(false);
      for (const volume of pod.volumes) {
        const { name: _, ...source } = volume;
        expect(["emptyDir", "secret"]).toEqual(expect.arrayContaining(Object.keys(source)));
      }
      for (const { securityContext, resources } of pod.containers) {
        expect(securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ["ALL"] },
        });
        expect(resources).toMatchObject({
          requests: { cpu: expect.anything(), memory: expect.anything() },
          limits: {},
        });
      }
    }
  });

  it("mounts only secrets that it makes or that values name, and a certificate for whoever has its paths", ({
    skip,
  }) => {
    if (missing) return skip(missing);
    const values = { ...parse(read("values.yaml")), ...parse(read(`examples/${example}`)) };
    const made = kind("Certificate").map(({ spec }) => spec.secretName);
    for (const pod of all().flatMap((resource) => podOf(resource) ?? [])) {
      for (const { secret } of pod.volumes) {
        if (secret) expect([...made, values.edgeService?.tlsSecret]).toContain(secret.secretName);
      }
      for (const { env, volumeMounts } of pod.containers) {
        const paths = env.filter(({ name }) => name.endsWith("_FILE")).map(({ value = "" }) => path.dirname(value));
        expect(volumeMounts.map(({ mountPath }) => mountPath)).toEqual(expect.arrayContaining(paths));
      }
    }
  });

  it("routes every service of qrforge.api.v1, where it routes any", ({ skip }) => {
    if (missing) return skip(missing);
    for (const { spec } of kind("GRPCRoute")) {
      const routed = spec.rules[0].matches.map(({ method }: Yaml) => method.service);
      const protos = path.join(root, "proto/qrforge/api/v1");
      const all = readdirSync(protos).flatMap((file) =>
        [...readFileSync(path.join(protos, file), "utf8").matchAll(/^service (\w+)/gm)].map(
          ([, name]) => `qrforge.api.v1.${name}`,
        ),
      );
      expect(routed.sort()).toEqual(all.sort());
    }
  });

  it("lets only the edge and the operator reach the services, and all pods are under a policy", ({ skip }) => {
    if (missing) return skip(missing);
    const policies = kind("NetworkPolicy");
    const component = "app.kubernetes.io/component";
    for (const resource of all().filter((one) => podOf(one))) {
      const labels = resource.kind === "Pod" ? resource.metadata.labels : resource.spec.template.metadata.labels;
      const own = policies.filter(({ spec }) => spec.podSelector.matchLabels[component] === labels[component]);
      expect(
        own.map(({ spec }) => spec.policyTypes),
        resource.metadata.name,
      ).toEqual([["Ingress", "Egress"]]);
    }
    for (const name of ["auth", "quota", "qr"]) {
      const { spec } = policies.find(({ metadata }) => metadata.name === `r-qrforge-${name}`) as Resource;
      const toGrpc = spec.ingress.filter((rule: { ports: { port: number }[] }) =>
        rule.ports.some(({ port }) => port === 50051),
      );
      const callers = toGrpc.flatMap(({ from }: { from: Yaml[] }) =>
        from.map((peer) => peer.podSelector.matchLabels[component]),
      );
      expect(callers).toEqual(["edge", "operator"]);
    }
  });
});

it("NATS' own chart gets the users that the code needs, with passwords of the secret that this chart reads", () => {
  const { config, container } = parse(read("examples/nats-values.yaml"));
  const variableOf = (client: string) => `QRFORGE_${client.toUpperCase()}_PASSWORD`;
  expect(config.merge.authorization).toEqual(natsAuthorization((client) => `<< $${variableOf(client)} >>`));
  const { usersSecret: name } = parse(read("values.yaml")).nats;
  const secretOf = (key: string) => ({ valueFrom: { secretKeyRef: { name, key } } });
  expect(container.env).toEqual(
    Object.fromEntries(natsClients.map((client) => [variableOf(client), secretOf(client)])),
  );
});

it("every file among the examples is rendered here or is for another chart", () => {
  expect(readdirSync(path.join(chart, "examples")).sort()).toEqual(
    ["cloudnative-pg.yaml", "nats-values.yaml", ...examples].sort(),
  );
});
