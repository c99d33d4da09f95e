import { expect, it } from "vitest";
import { nameOfCode } from "./code-name.ts";

it("a code is named by its id, its slug, or its short URL as a report contains it", () => {
  for (const [typed, name] of [
    ["menu-1", "menu-1"],
    ["0mzq1k8v2aB3dE5fG7hJ", "0mzq1k8v2aB3dE5fG7hJ"],
    ["https://q.example.com/menu-1", "menu-1"],
    ["http://localhost:8080/MENU-1/?utm_source=mail", "menu-1"],
    ["https://q.example.com/menu-1).", "menu-1"],
    ["https://q.example.com/menu-1%20", "menu-1"],
    ["https://q.example.com/menu-1%zz", "menu-1"],
    ["https://q.example.com/", "https://q.example.com/"],
    ["javascript:alert(1)", "javascript:alert(1)"],
  ] as const) {
    expect(nameOfCode(typed)).toBe(name);
  }
});
