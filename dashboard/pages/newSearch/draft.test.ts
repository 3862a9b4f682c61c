import { expect, test } from "vitest";
import { draftOf, edited, parsed, placeOf } from "./draft.ts";

const yaml = (text: string) => ({ format: "yaml" as const, text });

test("an edit by the form keeps comments and the order of what was typed", () => {
  const draft = yaml("# mine\nseed: 3 # lucky\nname: a\n");
  expect(edited(draft, ["name"], "b").text).toBe("# mine\nseed: 3 # lucky\nname: b\n");
  expect(edited(draft, ["seed"], 4).text).toBe("# mine\nseed: 4 # lucky\nname: a\n");
  expect(edited(draft, ["budget", "usd"], 5).text).toBe(
    "# mine\nseed: 3 # lucky\nname: a\nbudget:\n  usd: 5\n",
  );
});

test("what is removed takes the mappings along that it leaves empty", () => {
  const draft = yaml("name: a\nevaluation:\n  kind: supernet\n  network:\n    layers: 3\n");
  expect(parsed(edited(draft, ["evaluation", "network", "layers"], undefined)).value).toEqual({
    name: "a",
    evaluation: { kind: "supernet" },
  });
  expect(edited(draft, ["rental"], undefined).text).toBe(draft.text);
});

test("a value where a mapping has to be gives way", () => {
  expect(parsed(edited(yaml("budget: none\n"), ["budget", "usd"], 1)).value).toEqual({ budget: { usd: 1 } });
  expect(parsed(edited(yaml(""), ["name"], "a")).value).toEqual({ name: "a" });
});

test("items of a list are edited, added and removed where they are", () => {
  const draft = draftOf({ objectives: [{ name: "accuracy" }, { name: "parameters" }] });
  const more = edited(draft, ["objectives", 2], { name: "macs" });
  expect(parsed(edited(more, ["objectives", 1], undefined)).value).toEqual({
    objectives: [{ name: "accuracy" }, { name: "macs" }],
  });
});

test("JSON stays JSON", () => {
  const draft = draftOf({ name: "a" }, "json");
  expect(JSON.parse(edited(draft, ["seed"], 2).text)).toEqual({ name: "a", seed: 2 });
});

test.each([
  ["yaml", "name: [", /line 1/],
  ["yaml", "- a\n- b", /keys and values/],
  ["yaml", "plain", /keys and values/],
  ["json", "{", /JSON/],
  ["json", "null", /keys and values/],
  [
    "yaml",
    `a: &a [x]\n${Array.from({ length: 9 }, (_, i) => `b${i}: &b${i} [${Array(9).fill(i ? `*b${i - 1}` : "*a")}]`).join("\n")}`,
    /alias/i,
  ],
  ["yaml", "x".repeat(300_000), /longer/],
] as const)("a text of %s that says nothing is told why: %.20s", (format, text, fault) => {
  expect(parsed({ format, text }).fault).toMatch(fault);
});

test("finds what a pointer names in the text, or what is around it", () => {
  const draft = yaml("name: a\nbudget:\n  usd: 12\n");
  expect(draft.text.slice(...(placeOf(draft, "/budget/usd") ?? [0, 0]))).toBe("12");
  expect(draft.text.slice(...(placeOf(draft, "/budget/gpuHours") ?? [0, 0]))).toBe("usd: 12\n");
  expect(placeOf(draft, "/rental")).toBeNull();
});
