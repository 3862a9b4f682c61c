/** Deployments that are cut off, of older builds and side by side. */

import { expect, test } from "vitest";
import type { FakeRequest } from "../test/fakes/cloudflare.ts";
import { deploy, expectComplete, fake, MIGRATIONS, planned, running } from "./deploy.testing.ts";

/** Changes that another run must be able to follow, and those that wrangler makes in passing. */
const cuts: [string, (request: FakeRequest) => boolean][] = [
  ["the database", ({ path: where }) => where.endsWith("/d1/database")],
  ["the bucket", ({ path: where }) => where.endsWith("/r2/buckets")],
  ["one migration", ({ path: where }) => where.endsWith("/query") && appliedCount() === 1],
  ["all migrations", ({ path: where }) => where.endsWith("/query") && appliedCount() === MIGRATIONS.length],
  ["the upload", ({ method, path: where }) => method === "PUT" && where.endsWith("/scripts/nasturtium")],
  ["the address", ({ method, path: where }) => method === "POST" && where.endsWith("/subdomain")],
];

function appliedCount(): number {
  const sqlite = fake.databases.get("nasturtium")?.sqlite;
  const table = sqlite?.prepare("SELECT name FROM sqlite_master WHERE name = 'd1_migrations'").all();
  if (sqlite === undefined || table?.length === 0) return 0;
  return Number(sqlite.prepare("SELECT count(*) AS count FROM d1_migrations").get()?.count);
}

test("cut off after each step, the next run goes on from there and completes it, and no token is lost", async () => {
  const printed: string[] = [];
  for (const [what, isCut] of cuts) {
    fake.isDown = false;
    fake.onChange = (request) => {
      if (!isCut(request)) return false;
      running?.kill("SIGTERM");
      return true;
    };
    const { code, stdout, stderr } = await deploy();
    expect({ what, code, stderr }).toMatchObject({ what, code: 143 });
    printed.push(stdout + stderr);
  }
  fake.isDown = false;
  fake.onChange = undefined;
  const last = await deploy();
  expect(last).toMatchObject({ code: 0 });
  expectComplete();
  expect(fake.changes.filter(({ path: where }) => /\/(database|buckets)$/.test(where))).toHaveLength(2);
  printed.push(last.stdout);
  const token = fake.bindings("nasturtium").NASTURTIUM_ADMIN_TOKEN ?? "?";
  expect(printed.filter((text) => text.includes(token))).toHaveLength(1);
});

test("a Worker of an older build gets its migrations before the new one, and keeps the database it is bound to", async () => {
  await deploy();
  const database = fake.databases.get("nasturtium");
  const worker = fake.deployedVersion("nasturtium");
  const build = worker?.bindings.find(({ name }) => name === "NASTURTIUM_BUILD");
  if (database === undefined || build === undefined) throw new Error("nothing was deployed");
  build.text = "older";
  fake.databases.delete("nasturtium");
  fake.databases.set("made-by-hand", database);
  database.sqlite.exec(
    `DROP INDEX blobs_importing; DELETE FROM d1_migrations WHERE name = '0002_imports.sql'`,
  );
  fake.requests.length = 0;
  const outcome = await deploy("--json");
  expect(planned(outcome)).toMatchObject({
    "database made-by-hand": "exists",
    "Worker nasturtium": "change",
  });
  const changes = fake.changes.map(({ path: where }) => where);
  const migration = changes.findLastIndex((where) => where.endsWith("/query"));
  expect(changes.findIndex((where) => where.endsWith("/versions"))).toBeGreaterThan(migration);
  expect(fake.bindings("nasturtium")).toMatchObject({ DB: database.id });
  expect(fake.databases.size).toBe(1);
});

test("two deployments of other names share an account and nothing else", async () => {
  await deploy();
  await deploy("--name", "staging");
  expectComplete();
  expectComplete("staging");
  expect(fake.bindings("staging").NASTURTIUM_SECRET).not.toBe(fake.bindings("nasturtium").NASTURTIUM_SECRET);
});
