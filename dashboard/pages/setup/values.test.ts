/** What is typed as a value. */

import { expect, test } from "vitest";
import { typedValue } from "./values.ts";

test("numbers and truths are such, quotes make them texts, everything else is text as it is", () => {
  for (const [text, value] of [
    ["7", 7],
    ["true", true],
    ['"7"', "7"],
    ["refs/heads/main", "refs/heads/main"],
    ["", ""],
    ["null", "null"],
    ["[1]", "[1]"],
  ] as const)
    expect(typedValue(text)).toBe(value);
});
