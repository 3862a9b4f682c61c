/**
 * Upgrades: what an older version stored goes on under this one, and what this one stores under the next. The real
 * Worker in workerd with D1 and R2, wrangler's migrations, real runners in processes of their own.
 */

import { createHash } from "node:crypto";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { listSearches } from "../cli/api.ts";
import { startChild } from "../cli/children.ts";
import { exitCodes } from "../cli/errors.ts";
import { runCli } from "../cli/run.testing.ts";
import { rootDir } from "../setup/node.mjs";
import { protocolVersion } from "../shared/protocol.ts";
import { specificationSchema } from "../shared/specification.ts";
import { KillingProxy } from "./killingProxy.ts";
import { recordedVersions, recordOf, restore } from "./upgrade/records.ts";
import { pushTable, tableSearch } from "./upgrade/tableSearch.ts";
import { isFinished, SEARCH_LIMIT_MS, TestEdge } from "./wholeSearch.ts";

const MIGRATIONS = path.join(rootDir, "schema", "migrations");

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function folder(): string {
  const made = mkdtempSync(path.join(tmpdir(), "nasturtium-upgrade-"));
  cleanups.push(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

async function startEdge(stateDir: string, root = rootDir): Promise<TestEdge> {
  const edge = await TestEdge.start({}, { stateDir, root });
  cleanups.push(() => edge.stop());
  return edge;
}

async function searchBy(edge: TestEdge, evaluation: "tabular" | "supernet") {
  const searches = await listSearches(edge.client);
  const found = searches.find(({ specification }) => specification.evaluation.kind === evaluation);
  if (found === undefined) throw new Error(`no ${evaluation} search is stored`);
  const { id, specification } = found;
  return { id, specification: { ...specification, dataset: { name: specification.dataset.name } } };
}

/** Lets a runner end a search. @returns what it said */
async function finish(edge: TestEdge, id: string, options: Parameters<TestEdge["startRunner"]>[1] = {}) {
  const lines: string[] = [];
  const runner = edge.startRunner(id, { ...options, onLine: (line) => lines.push(line) });
  expect((await edge.until(id, runner, isFinished)).state).toBe("completed");
  await runner.stop();
  return lines;
}

/** A runner for tables: it trains nothing, so its backend may be the one that starts fastest, and has seen none. */
const forTables = (root = rootDir) => ({ backend: "wasm", root, env: { NASTURTIUM_CACHE: folder() } });

/** The sources of a version that comes after this one: another protocol, one more migration. */
function nextVersion(): string {
  const root = folder();
  const parts = [
    "cli",
    "device",
    "edge",
    "gpu-runner",
    "schema",
    "setup",
    "shared",
    "test/runner.ts",
    "dist/dashboard",
  ];
  for (const part of [...parts, "package.json", "tsconfig.json", "wrangler.toml"])
    cpSync(path.join(rootDir, part), path.join(root, part), { recursive: true });
  symlinkSync(path.join(rootDir, "node_modules"), path.join(root, "node_modules"));
  const protocol = path.join(root, "shared", "protocol.ts");
  const versions = /(export const (?:p|oldestP)rotocolVersion = )\d+;/g;
  const text = readFileSync(protocol, "utf8");
  expect(text.match(versions)).toHaveLength(2);
  writeFileSync(protocol, text.replaceAll(versions, `$1${protocolVersion + 1};`));
  const added =
    "ALTER TABLE searches ADD COLUMN note text;\nCREATE INDEX searches_by_note ON searches (note);\n";
  writeFileSync(path.join(root, "schema", "migrations", "9999_next.sql"), added);
  return root;
}

/** Versions whose default strategy proposed otherwise: their searches go on, but not as one from its start does. */
const otherProposals: readonly string[] = ["0.1.0"];

describe.each(recordedVersions())("what version %s stored", (version) => {
  test(
    "goes on under this version: the search on a table as if it had never stopped where its strategy is the same, the supernet from its checkpoint, no reported round lost or changed",
    async () => {
      const stateDir = folder();
      await restore(version, stateDir);
      const edge = await startEdge(stateDir);
      const onTable = await searchBy(edge, "tabular");
      const supernet = await searchBy(edge, "supernet");
      // A key with a default would be missing in what is stored: it has to be optional.
      for (const { specification } of [onTable, supernet])
        expect(specificationSchema.parse(specification)).toEqual(specification);
      const before = await edge.outcome(supernet.id);
      expect(before.rounds.length).toBeGreaterThan(3);

      const begun = await edge.outcome(onTable.id);
      await finish(edge, onTable.id, forTables());
      const whole = await edge.create(specificationSchema.parse(onTable.specification));
      await finish(edge, whole, forTables());
      const [continued, expected] = [await edge.outcome(onTable.id), await edge.outcome(whole)];
      if (!otherProposals.includes(version)) expect(continued).toEqual(expected);
      expect(begun.rounds.length).toBeGreaterThan(0);
      expect(continued.rounds.slice(0, begun.rounds.length)).toEqual(begun.rounds);
      expect(continued.rounds.length).toBe(expected.rounds.length);
      expect(continued.candidates.length).toBe(expected.candidates.length);

      const lines = await finish(edge, supernet.id);
      expect(lines.filter((line) => line.startsWith("Loaded the checkpoint after round"))).toHaveLength(1);
      expect(lines.filter((line) => line.includes("is of no use"))).toEqual([]);
      expect(lines.filter((line) => line.startsWith("Repeated round")).length).toBeGreaterThan(0);
      const after = await edge.outcome(supernet.id);
      expect(after.rounds.slice(0, before.rounds.length)).toEqual(before.rounds);
      expect(after.rounds.map(({ round }) => round)).toEqual(after.rounds.map((_, index) => index));
      expect(after.trained[0]?.testAccuracy).toBeGreaterThan(0);
    },
    SEARCH_LIMIT_MS,
  );

  test("came by migrations that are as they were", () => {
    for (const [name, digest] of Object.entries(recordOf(version).migrations)) {
      const bytes = readFileSync(path.join(MIGRATIONS, name));
      expect([name, createHash("sha256").update(bytes).digest("hex")]).toEqual([name, digest]);
    }
  });
});

test("migrations only add: what the Worker before them reads and writes stays, until it is replaced", () => {
  for (const name of readdirSync(MIGRATIONS).filter((file) => file.endsWith(".sql"))) {
    const sql = readFileSync(path.join(MIGRATIONS, name), "utf8");
    expect([name, sql.match(/\b(?:DROP\s+(?:TABLE|COLUMN)|RENAME)\b.*/i)?.[0]]).toEqual([name, undefined]);
  }
});

test(
  "a search that runs while Worker and database are upgraded to another protocol goes on under an upgraded runner to the same end; the old one is told what to do, gives its task back and ends",
  async () => {
    const stateDir = folder();
    const old = await startEdge(stateDir);
    await pushTable(old);
    const id = await old.create(tableSearch);
    const proxy = new KillingProxy(old.edge.url);
    const address = await proxy.listen();
    const env = { ...process.env, NASTURTIUM_TOKEN: old.runnerToken, NASTURTIUM_CACHE: folder() };
    const args = [path.join(rootDir, "cli", "main.ts"), "runner", "--edge", address, "--backend", "wasm"];
    const oldRunner = startChild(process.execPath, args, { cwd: rootDir, env });
    cleanups.push(() => oldRunner.stop());
    // The deployment is away for a while, from the moment that it has the third report.
    proxy.arm({ kind: "report", nth: 3, moment: "answered" }, { kill: () => void proxy.close() });
    await proxy.killed;
    await old.edge.stop();

    const root = nextVersion();
    const next = await startEdge(stateDir, root);
    const upgraded = new KillingProxy(next.edge.url);
    await upgraded.listen(Number(new URL(address).port));
    cleanups.push(() => upgraded.close());
    expect(await oldRunner.exited).toBe(exitCodes.protocolMismatch);
    expect(oldRunner.tail()).toMatch(/The runner is too old: update it/);
    expect(upgraded.count("release")).toBe(1);
    const again = await runCli(["runner", "--backend", "wasm", "--edge", next.edge.url], {
      env: { NASTURTIUM_TOKEN: next.runnerToken },
    });
    expect([again.code, again.stderr]).toEqual([
      exitCodes.protocolMismatch,
      expect.stringMatching(/The runner is too old: update it/),
    ]);

    const reported = (await next.outcome(id)).rounds.length;
    expect(reported).toBe(3);
    await finish(next, id, forTables(root));
    const whole = await next.create(tableSearch);
    await finish(next, whole, forTables(root));
    expect(await next.outcome(id)).toEqual(await next.outcome(whole));
  },
  SEARCH_LIMIT_MS,
);
