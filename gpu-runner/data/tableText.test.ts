import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { tableText } from "./tableText.ts";

test("a file is read whether it is gzipped or not", () => {
  const bytes = new TextEncoder().encode("arch,größe\n");
  expect(tableText(bytes, "a.csv")).toBe("arch,größe\n");
  expect(tableText(gzipSync(bytes), "a.csv")).toBe("arch,größe\n");
  expect(() => tableText(Uint8Array.of(0x1f, 0x8b, 0, 0), "a.csv")).toThrow(Error);
});
