import { describe, expect, it } from "vitest";
import type { Style } from "./api.ts";
import { type CodeDraft, isSame, rebase } from "./code-draft.ts";

const style: Style = {
  foreground: "#000000",
  background: "#ffffff",
  module_shape: "square",
  finder_shape: "square",
  logo: null,
  logo_size: 20,
  caption: null,
};
const base: CodeDraft = { name: "Menu", redirect_url: "https://example.com/a", project_id: "p", style };

describe("a draft on top of what somebody else saved", () => {
  it("keeps what was entered here and takes what was changed there", () => {
    const mine = { ...base, name: "Our menu", style: { ...style, caption: "Menu" } };
    const theirs = { ...base, redirect_url: "https://example.com/b", style: { ...style, foreground: "#0f3d38" } };
    expect(rebase(base, mine, theirs)).toEqual({
      draft: {
        name: "Our menu",
        redirect_url: "https://example.com/b",
        project_id: "p",
        style: { ...style, caption: "Menu", foreground: "#0f3d38" },
      },
      changes: [
        { field: "redirect_url", before: base.redirect_url, theirs: "https://example.com/b", mine: undefined },
        { field: "style.foreground", before: "#000000", theirs: "#0f3d38", mine: undefined },
      ],
    });
  });

  it("keeps what was entered here where both changed a field, and says what each of them wrote", () => {
    const { draft, changes } = rebase(base, { ...base, name: "Mine" }, { ...base, name: "Theirs" });
    expect(draft.name).toBe("Mine");
    expect(changes).toEqual([{ field: "name", before: "Menu", theirs: "Theirs", mine: "Mine" }]);
  });

  it("has no conflict where both wrote the same", () => {
    const { draft, changes } = rebase(base, { ...base, name: "Same" }, { ...base, name: "Same" });
    expect(isSame(draft, { ...base, name: "Same" })).toBe(true);
    expect(changes).toEqual([{ field: "name", before: "Menu", theirs: "Same", mine: undefined }]);
  });

  it("keeps a field that was emptied here", () => {
    const captioned = { ...base, style: { ...style, caption: "Before" } };
    const { draft } = rebase(captioned, base, { ...captioned, name: "Theirs" });
    expect(draft).toEqual({ ...base, name: "Theirs" });
  });
});
