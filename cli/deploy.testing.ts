/** A deployment with the real wrangler against a Cloudflare that keeps state on this machine; one that is new for each test. */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect } from "vitest";
import { rootDir } from "../setup/node.mjs";
import { FakeCloudflare } from "../test/fakes/cloudflare.ts";
import type { Outcome } from "./run.testing.ts";

export const MIGRATIONS = readdirSync(path.join(rootDir, "schema", "migrations"))
  .filter((name) => name.endsWith(".sql"))
  .sort();

export let fake: FakeCloudflare;
export let folder: string;
export let env: NodeJS.ProcessEnv;
export let running: ChildProcess | undefined;

beforeEach(async () => {
  fake = await new FakeCloudflare().start();
  folder = mkdtempSync(path.join(tmpdir(), "nasturtium-deploy-test-"));
  for (const name of ["home", "tmp"]) mkdirSync(path.join(folder, name));
  env = {
    PATH: process.env.PATH,
    HOME: path.join(folder, "home"),
    TMPDIR: path.join(folder, "tmp"),
    ...fake.env,
  };
});

afterEach(async () => {
  running?.kill("SIGKILL");
  await fake.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The address is the fake's own, which answers /healthz; that of workers.dev cannot be reached from here. */
export const deploy = (...args: string[]): Promise<Outcome> =>
  run(["--var", `NASTURTIUM_URL=${fake.url}`, "--yes", ...args]);

export function run(args: string[]): Promise<Outcome> {
  const child = spawn(process.execPath, [path.join(rootDir, "cli", "main.ts"), "deploy", ...args], {
    cwd: folder,
    env,
  });
  running = child;
  const outcome: Outcome = { code: null, stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => {
    outcome.stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    outcome.stderr += chunk;
  });
  child.stdin.end();
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ ...outcome, code }));
  });
}

export function writeSecrets(text: string): string {
  const file = path.join(folder, "secrets");
  writeFileSync(file, text, { mode: 0o600 });
  return file;
}

export const planned = (outcome: Outcome): Record<string, string> =>
  Object.fromEntries(
    (JSON.parse(outcome.stdout) as { plan: { what: string; name: string; state: string }[] }).plan.map(
      ({ what, name, state }) => [`${what} ${name}`, state],
    ),
  );

export function expectComplete(name = "nasturtium"): void {
  const database = fake.databases.get(name);
  const tables = database?.sqlite.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all();
  expect(tables?.map((row) => row.name)).toEqual(expect.arrayContaining(["searches", "tokens", "webhooks"]));
  const applied = database?.sqlite.prepare("SELECT name FROM d1_migrations ORDER BY id").all();
  expect(applied?.map((row) => row.name)).toEqual(MIGRATIONS);
  expect(fake.buckets.has(name)).toBe(true);
  expect(fake.workers.get(name)).toMatchObject({ workersDev: true, previews: false, crons: ["* * * * *"] });
  expect(fake.bindings(name)).toMatchObject({
    DB: database?.id,
    BUCKET: name,
    NASTURTIUM_ADMIN_TOKEN: expect.stringMatching(/^nst_[0-9a-f]{48}$/),
    NASTURTIUM_SECRET: expect.stringMatching(/^[0-9a-f]{64}$/),
    NASTURTIUM_URL: fake.url,
  });
  expect(fake.deployedVersion(name)?.assets).toContain("/device.html");
  expect(readdirSync(path.join(folder, "tmp"))).toEqual([]);
}
