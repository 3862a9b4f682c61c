import { expect, test } from "vitest";
import { fnv1a64, hashText } from "./hash.ts";

test.each([
  ["", 0xcbf29ce4, 0x84222325],
  ["a", 0xaf63dc4c, 0x8601ec8c],
  ["foobar", 0x85944171, 0xf73967e8],
])("FNV-1a of %j is the published value", (text, high, low) => {
  expect(fnv1a64(new TextEncoder().encode(text))).toEqual({ high, low });
});

test("hash texts are 13 lower-case base32 characters and differ for 100,000 similar texts", () => {
  const seen = new Set<string>();
  for (let index = 0; index < 100_000; index++) seen.add(hashText(`architecture ${index}`));
  expect(seen.size).toBe(100_000);
  for (const text of [...seen].slice(0, 100)) expect(text).toMatch(/^[a-z2-7]{13}$/);
});
