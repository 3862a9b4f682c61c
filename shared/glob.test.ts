import fc from "fast-check";
import { expect, test } from "vitest";
import { globMatches } from "./glob.ts";

test.each([
  ["refs/heads/main", "refs/heads/main", true],
  ["refs/heads/main", "refs/heads/main2", false],
  ["refs/heads/main", "refs/heads/mai", false],
  ["refs/tags/v*", "refs/tags/v1.2", true],
  ["refs/tags/v*", "refs/tags/v", true],
  ["refs/heads/*", "refs/heads/feature/a", false],
  ["refs/heads/**", "refs/heads/feature/a", true],
  ["*.ts", "a.ts", true],
  ["*.ts", "src/a.ts", false],
  ["**.ts", "src/a.ts", true],
  ["**/*.ts", "a.ts", true],
  ["**/*.ts", "src/deep/a.ts", true],
  ["src/**/a.ts", "src/a.ts", true],
  ["src/**/a.ts", "src/x/y/a.ts", true],
  ["src/**/a.ts", "src/xa.ts", false],
  ["v?.?", "v1.2", true],
  ["v?", "v/", false],
  ["a.b", "axb", false],
  ["[a]+", "[a]+", true],
  ["", "", true],
  ["", "a", false],
  ["*", "", true],
])("the pattern %j on %j: %j", (pattern, name, matches) => {
  expect(globMatches(pattern, name)).toBe(matches);
});

test("a pattern holds for what a regular expression of the same meaning holds for", () => {
  const part = fc.constantFrom("a", "b", "/", "*", "**", "?");
  const parts = fc.array(part, { maxLength: 6 }).map((list) => list.join(""));
  const name = fc.array(fc.constantFrom("a", "b", "/"), { maxLength: 8 }).map((list) => list.join(""));
  const meaning: Record<string, string> = {
    "**/": "(?:(?<=^|/)|.*/)",
    "**": ".*",
    "*": "[^/]*",
    "?": "[^/]",
  };
  fc.assert(
    fc.property(parts, name, (pattern, text) => {
      const source = pattern.replaceAll(/\*\*\/|\*\*|[*?]/g, (token) => meaning[token] ?? token);
      expect(globMatches(pattern, text)).toBe(new RegExp(`^${source}$`).test(text));
    }),
    { numRuns: 2000 },
  );
});

test("a pattern of many stars is decided at once", () => {
  expect(globMatches("*a".repeat(100), "a".repeat(99))).toBe(false);
});
