import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { packagesAreReady } from "./packages.mjs";

let root = "";
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), "nasturtium-packages-"));
  mkdirSync(path.join(root, "node_modules"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function writeLock(file: string, packages: Record<string, { version: string; optional?: boolean }>) {
  writeFileSync(path.join(root, file), JSON.stringify({ packages }));
}

test("a matching install is ready, optional packages of other platforms left out", () => {
  writeLock("package-lock.json", {
    "node_modules/a": { version: "1.0.0" },
    "node_modules/b": { version: "1.0.0", optional: true },
  });
  writeLock("node_modules/.package-lock.json", { "node_modules/a": { version: "1.0.0" } });
  expect(packagesAreReady(root)).toBe(true);
});

test("an install that npm did not finish is not ready", () => {
  writeLock("package-lock.json", { "node_modules/a": { version: "1.0.0" } });
  expect(packagesAreReady(root)).toBe(false);
});

test("an install of another version is not ready", () => {
  writeLock("package-lock.json", { "node_modules/a": { version: "1.0.1" } });
  writeLock("node_modules/.package-lock.json", { "node_modules/a": { version: "1.0.0" } });
  expect(packagesAreReady(root)).toBe(false);
});

test("a missing package-lock.json is an error, not an install", () => {
  expect(() => packagesAreReady(root)).toThrow("package-lock.json is missing");
});
