import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ensureDashboard } from "./dashboard.mjs";
import { rootDir } from "./node.mjs";

let root: string;
const log = () => {};
const built = (...parts: string[]) => path.join(root, "dist", "dashboard", ...parts);

beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), "nasturtium-dashboard-"));
  for (const part of [
    "dashboard",
    "device",
    "gpu-runner",
    "shared",
    "package.json",
    "package-lock.json",
    "tsconfig.json",
    "edge/client.ts",
    "edge/tsconfig.json",
  ])
    cpSync(path.join(rootDir, part), path.join(root, part), { recursive: true });
  cpSync(path.join(rootDir, "setup", "dashboard.mjs"), path.join(root, "setup", "dashboard.mjs"));
  symlinkSync(path.join(rootDir, "node_modules"), path.join(root, "node_modules"));
});
afterEach(() => rmSync(root, { recursive: true }));

test("it builds once, and again only when something that the pages are made of is newer", async () => {
  expect(await ensureDashboard({ root, log })).toBe(true);
  expect(await ensureDashboard({ root, log })).toBe(false);
  const later = new Date(Date.now() + 60_000);
  utimesSync(path.join(root, "shared", "measuring.ts"), later, later);
  expect(await ensureDashboard({ root, log })).toBe(true);
});

test("builds at the same time leave whole pages and nothing else", async () => {
  await Promise.all([ensureDashboard({ root, log }), ensureDashboard({ root, log })]);
  expect(readdirSync(path.join(root, "dist"))).toEqual(["dashboard"]);
  expect(readdirSync(built())).toEqual(
    expect.arrayContaining(["_headers", "assets", "device.html", "index.html"]),
  );
});

test("what the page loads first is without TensorFlow.js, and nothing of it comes from elsewhere", async () => {
  await ensureDashboard({ root, log });
  const html = readFileSync(built("device.html"), "utf8");
  const addresses = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address = ""]) => address);
  expect(addresses.length).toBeGreaterThan(2);
  for (const address of addresses) expect(address).toMatch(/^\//);
  const scripts = addresses.filter((address) => address.endsWith(".js"));
  const text = scripts.map((script) => readFileSync(built(script), "utf8")).join("");
  expect(text).not.toContain("DepthwiseConv2dNative");
  expect(text.length).toBeLessThan(250_000);
});

test("both files of WebAssembly are among the assets", async () => {
  await ensureDashboard({ root, log });
  const files = readdirSync(built("assets")).filter((name) => name.endsWith(".wasm"));
  expect(files).toHaveLength(2);
});
