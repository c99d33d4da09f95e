import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { root } from "../support/run.ts";

const folder = path.join(root, "charts/qrforge/files");
const board = JSON.parse(readFileSync(path.join(folder, "grafana-board.json"), "utf8"));
const rules = parse(readFileSync(path.join(folder, "prometheus-rules.yaml"), "utf8"));

/** The metrics that the code makes, by the names that Prometheus sees. */
function madeMetrics(): Set<string> {
  const files = ["platform", "services"].flatMap((top) =>
    readdirSync(path.join(root, top), { recursive: true, encoding: "utf8" })
      .filter((name) => /(?<!\.test)\.ts$/.test(name))
      .map((name) => path.join(root, top, name)),
  );
  const made = new Set<string>();
  for (const file of files) {
    const text = readFileSync(file, "utf8");
    for (const [, kind, name] of text.matchAll(/metrics\s*\.(counter|gauge|duration)\(\s*[`"]([^`"]+)[`"]/g)) {
      // Some names are made for each of a few kinds.
      const names = (name as string).includes("$")
        ? ["api_requests", "scan_requests", "key", "slug"].map((one) => (name as string).replace(/\$\{\w+\}/, one))
        : [name as string];
      for (const one of names) {
        if (kind === "counter") made.add(`qrforge_${one}_total`);
        else if (kind === "gauge") made.add(`qrforge_${one}`);
        else for (const suffix of ["bucket", "count", "sum"]) made.add(`qrforge_${one}_seconds_${suffix}`);
      }
    }
  }
  return made;
}
const namesIn = (expression: string) => expression.match(/qrforge_\w+/g) ?? [];
const made = madeMetrics();

describe("the Grafana board", () => {
  it("shows only metrics that are made, and has something of every kind of them", () => {
    const expressions: string[] = board.panels.flatMap(({ targets }: { targets: { expr: string }[] }) =>
      targets.map(({ expr }) => expr),
    );
    const shown = new Set(expressions.flatMap(namesIn));
    for (const name of shown) expect(made).toContain(name);
    expect(shown.size).toBeGreaterThan(20);
  });

  it("has no panel over another", () => {
    const taken = new Set<string>();
    for (const { gridPos } of board.panels as { gridPos: { x: number; y: number; w: number; h: number } }[]) {
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(taken).not.toContain(`${x} ${y}`);
          taken.add(`${x} ${y}`);
        }
      }
    }
  });
});

describe("the alert rules", () => {
  it("are all explained in docs/operations.md, which explains no others", () => {
    const operations = readFileSync(path.join(root, "docs/operations.md"), "utf8");
    const explained = [...operations.matchAll(/^\| `(Qrforge\w+)` \|/gm)].map(([, name]) => name);
    const alerts = rules.groups.flatMap((group: { rules: { alert: string }[] }) =>
      group.rules.map(({ alert }) => alert),
    );
    expect(explained.sort()).toEqual(alerts.sort());
  });

  it("are on metrics that are made, and each says what is wrong and what to do", () => {
    for (const { rules: own } of rules.groups) {
      for (const { alert, expr, labels, annotations } of own) {
        expect(namesIn(expr).length, alert).toBeGreaterThan(0);
        for (const name of namesIn(expr)) expect(made).toContain(name);
        expect(["page", "warn"]).toContain(labels.severity);
        expect(annotations.summary.length).toBeGreaterThan(10);
        expect(annotations.description.length).toBeGreaterThan(20);
      }
    }
  });
});
