/** `nasturtium deploy` with the real wrangler against a Cloudflare that keeps state on this machine. */

import { type ChildProcess, spawn } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { rootDir } from "../setup/node.mjs";
import { FakeCloudflare, type FakeRequest } from "../test/fakes/cloudflare.ts";
import { startLocalEdge } from "./localEdge.ts";
import type { Outcome } from "./run.testing.ts";

const PROVIDER_KEY = "rp_$HOME'\"0123456789";
const MIGRATIONS = readdirSync(path.join(rootDir, "schema", "migrations"))
  .filter((name) => name.endsWith(".sql"))
  .sort();

let fake: FakeCloudflare;
let folder: string;
let env: NodeJS.ProcessEnv;
let running: ChildProcess | undefined;

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
const deploy = (...args: string[]): Promise<Outcome> =>
  run(["--var", `NASTURTIUM_URL=${fake.url}`, "--yes", ...args]);

function run(args: string[]): Promise<Outcome> {
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

function writeSecrets(text: string): string {
  const file = path.join(folder, "secrets");
  writeFileSync(file, text, { mode: 0o600 });
  return file;
}

const planned = (outcome: Outcome): Record<string, string> =>
  Object.fromEntries(
    (JSON.parse(outcome.stdout) as { plan: { what: string; name: string; state: string }[] }).plan.map(
      ({ what, name, state }) => [`${what} ${name}`, state],
    ),
  );

function expectComplete(name = "nasturtium"): void {
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

/** As deployments take it: by its digest. */
const image = `ghcr.io/acme/runner@sha256:${"0".repeat(64)}`;

test("from nothing it makes the database, the bucket, the tables, the secrets and the Worker, and prints the first token", async () => {
  const { code, stdout, stderr } = await deploy("--image", image);
  expect({ code, stderr }).toMatchObject({ code: 0 });
  expectComplete();
  const bindings = fake.bindings("nasturtium");
  expect(bindings.NASTURTIUM_IMAGE).toBe(image);
  expect(stdout.split(bindings.NASTURTIUM_ADMIN_TOKEN ?? "?")).toHaveLength(2);
  expect(stderr).not.toContain(bindings.NASTURTIUM_ADMIN_TOKEN);
  expect(stdout + stderr).not.toContain(bindings.NASTURTIUM_SECRET);
  expect(stdout).toContain(fake.url);
});

test("the Worker that was uploaded answers to the token that was printed, and to nobody else", async () => {
  const { adminToken } = JSON.parse((await deploy("--json")).stdout) as { adminToken: string };
  const { modules, mainModule, compatibilityDate } = fake.deployedVersion("nasturtium") ?? {};
  const root = path.join(folder, "uploaded");
  mkdirSync(root);
  for (const [name, text] of modules ?? []) writeFileSync(path.join(root, name), text);
  writeFileSync(
    path.join(root, "wrangler.toml"),
    `name = "uploaded"
main = "${mainModule}"
compatibility_date = "${compatibilityDate}"
d1_databases = [{ binding = "DB", database_id = "x", migrations_dir = "${path.join(rootDir, "schema/migrations")}" }]
r2_buckets = [{ binding = "BUCKET", bucket_name = "uploaded" }]
`,
  );
  const edge = await startLocalEdge({
    ...{ root, stateDir: path.join(folder, "state"), port: 0, signal: new AbortController().signal },
    token: fake.bindings("nasturtium").NASTURTIUM_ADMIN_TOKEN ?? "",
  });
  try {
    const answers = [adminToken, "nst_another"].map(async (token) => {
      const headers = { authorization: `Bearer ${token}` };
      return (await fetch(`${edge.url}/v1/tokens`, { headers })).status;
    });
    expect(await Promise.all(answers)).toEqual([200, 401]);
  } finally {
    await edge.stop();
  }
});

test("a second run finds everything and changes nothing", async () => {
  await deploy();
  const before = fake.changes.filter(({ path: where }) => !where.endsWith("/query")).length;
  const worker = structuredClone(fake.workers.get("nasturtium"));
  const second = await deploy();
  expect(second).toMatchObject({ code: 0, stdout: expect.stringContaining("Nothing was changed") });
  expect(fake.changes.filter(({ path: where }) => !where.endsWith("/query"))).toHaveLength(before);
  expect(fake.workers.get("nasturtium")).toEqual(worker);
  expect(second.stdout + second.stderr).not.toContain("nst_");
});

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

test("--plan lists every step in its order and changes nothing", async () => {
  const outcome = await run(["--plan", "--json"]);
  expect(outcome).toMatchObject({ code: 0 });
  expect(planned(outcome)).toEqual({
    "database nasturtium": "create",
    "bucket nasturtium": "create",
    [`migrations ${MIGRATIONS[0]} to ${MIGRATIONS.at(-1)}`]: "create",
    "secret NASTURTIUM_ADMIN_TOKEN": "create",
    "secret NASTURTIUM_SECRET": "create",
    "variable NASTURTIUM_URL": "create",
    "Worker nasturtium": "create",
    "schedule * * * * *": "create",
    "address https://nasturtium.acme.workers.dev": "create",
  });
  expect(JSON.parse(outcome.stdout)).toMatchObject({ url: "https://nasturtium.acme.workers.dev" });
  const calls = fake.requests.map(({ method, path: where }) => `${method} ${where}`);
  expect(calls.sort()).toEqual(
    [
      "d1/database",
      "r2/buckets/nasturtium",
      "workers/scripts/nasturtium/deployments",
      "workers/subdomain",
    ].map((where) => `GET /accounts/${fake.accountId}/${where}`),
  );
  expect(fake.databases.size + fake.buckets.size + fake.workers.size).toBe(0);
});

test("without a terminal and without --yes it says so and changes nothing", async () => {
  const outcome = await run([]);
  expect(outcome).toMatchObject({ code: 2, stderr: expect.stringContaining("Give --yes") });
  expect(fake.changes).toEqual([]);
});

describe("what stands in the way is named with its remedy, and nothing is made", () => {
  const obstacles: [string, () => void, string, number][] = [
    ["no token", () => delete env.CLOUDFLARE_API_TOKEN, "Set CLOUDFLARE_API_TOKEN", 4],
    [
      "a wrong token",
      () => Object.assign(env, { CLOUDFLARE_API_TOKEN: "wrong" }),
      "does not accept the token",
      4,
    ],
    ["no permission for D1", () => fake.permissions.delete("d1"), "Account > D1 > Edit", 4],
    ["no permission for R2", () => fake.permissions.delete("r2"), "Workers R2 Storage > Edit", 4],
    ["no permission for Workers", () => fake.permissions.delete("workers"), "Workers Scripts > Edit", 4],
    [
      "another account",
      () => Object.assign(env, { CLOUDFLARE_ACCOUNT_ID: "0".repeat(32) }),
      "check CLOUDFLARE_ACCOUNT_ID",
      4,
    ],
    [
      "no R2",
      () => {
        fake.r2Enabled = false;
      },
      "Enable it, once, at https://dash.cloudflare.com/",
      1,
    ],
    [
      "no workers.dev subdomain",
      () => {
        fake.subdomain = null;
      },
      "Register one, once, at https://dash.cloudflare.com/",
      1,
    ],
  ];
  test.each(obstacles)("%s", async (_what, arrange, remedy, code) => {
    arrange();
    const outcome = await deploy();
    expect(outcome).toMatchObject({ code, stderr: expect.stringContaining(remedy) });
    expect(fake.changes).toEqual([]);
    expect(outcome.stdout + outcome.stderr).not.toContain(fake.token);
  });
});

test("a permission that only writing needs is named, too", async () => {
  fake.onChange = ({ path: where }) => {
    if (where.endsWith("/d1/database")) fake.permissions.delete("r2");
    return false;
  };
  const outcome = await deploy();
  expect(outcome).toMatchObject({ code: 4, stderr: expect.stringContaining("Workers R2 Storage > Edit") });
});

test("without an account id the token's only account is taken", async () => {
  delete env.CLOUDFLARE_ACCOUNT_ID;
  expect(await deploy()).toMatchObject({ code: 0 });
  expectComplete();
});

test("secrets reach the Worker and appear in no output, no argument, no log and no file that others can read", async () => {
  const seen = new Set<string>();
  const modes = new Set<string>();
  fake.onChange = () => {
    for (const text of commandLines()) seen.add(text);
    for (const file of filesUnder(path.join(folder, "tmp"))) {
      const text = readFileSync(file, "utf8");
      const token = fake.bindings("nasturtium").NASTURTIUM_ADMIN_TOKEN ?? PROVIDER_KEY;
      if (!text.includes("rp_$HOME") && !text.includes(token)) continue;
      modes.add(`${path.basename(file)} ${(statSync(file).mode & 0o777).toString(8)}`);
    }
    return false;
  };
  const file = writeSecrets(
    `# keys\nRUNPOD_API_KEY=${PROVIDER_KEY}\nexport VAST_API_KEY="vast-0123456789"\n`,
  );
  const outcome = await deploy("--secrets-file", file);
  expect(outcome).toMatchObject({ code: 0 });
  const bindings = fake.bindings("nasturtium");
  expect(bindings).toMatchObject({ RUNPOD_API_KEY: PROVIDER_KEY, VAST_API_KEY: "vast-0123456789" });
  const secrets = [PROVIDER_KEY, "vast-0123456789", bindings.NASTURTIUM_SECRET ?? "?", fake.token];
  const said = [outcome.stdout, outcome.stderr, ...seen].join("\n");
  expect(said).toContain("wrangler");
  for (const secret of secrets) expect(said).not.toContain(secret);
  expect([...seen].join("\n")).not.toContain(bindings.NASTURTIUM_ADMIN_TOKEN);
  expect([...modes]).toEqual(["secrets.json 600"]);
  for (const left of filesUnder(path.join(folder, "home"))) {
    const text = readFileSync(left, "utf8");
    for (const secret of secrets) expect(text).not.toContain(secret);
  }
  expect(readdirSync(path.join(folder, "tmp"))).toEqual([]);
});

test("later runs keep secrets and variables, and change what they are told to", async () => {
  await deploy("--secrets-file", writeSecrets("RUNPOD_API_KEY=one\n"), "--var", "NASTURTIUM_INSTANCES=2");
  const first = fake.bindings("nasturtium");
  const changed = await deploy(
    "--var",
    "NASTURTIUM_INSTANCES=",
    "--var",
    "NASTURTIUM_RATE_LIMIT=100",
    "--json",
  );
  expect(planned(changed)).toMatchObject({
    "database nasturtium": "exists",
    "secret RUNPOD_API_KEY": "exists",
    "variable NASTURTIUM_INSTANCES": "remove",
    "variable NASTURTIUM_RATE_LIMIT": "create",
    "Worker nasturtium": "exists",
  });
  const { NASTURTIUM_INSTANCES: _, ...kept } = first;
  expect(fake.bindings("nasturtium")).toEqual({ ...kept, NASTURTIUM_RATE_LIMIT: "100" });
  const rotated = await deploy(
    "--new-admin-token",
    "--secrets-file",
    writeSecrets("RUNPOD_API_KEY=two\n"),
    "--json",
  );
  const now = fake.bindings("nasturtium");
  expect(now).toMatchObject({ RUNPOD_API_KEY: "two", NASTURTIUM_SECRET: first.NASTURTIUM_SECRET });
  expect(now.NASTURTIUM_ADMIN_TOKEN).not.toBe(first.NASTURTIUM_ADMIN_TOKEN);
  expect(JSON.parse(rotated.stdout)).toMatchObject({ adminToken: now.NASTURTIUM_ADMIN_TOKEN });
});

test("an admin token that was given is used and not printed", async () => {
  const own = `nst_${"a".repeat(48)}`;
  const outcome = await deploy("--secrets-file", writeSecrets(`NASTURTIUM_ADMIN_TOKEN=${own}\n`));
  expect(outcome).toMatchObject({ code: 0 });
  expect(fake.bindings("nasturtium").NASTURTIUM_ADMIN_TOKEN).toBe(own);
  expect(outcome.stdout + outcome.stderr).not.toContain("nst_");
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

test("a Worker of the same name that is something else is left alone", async () => {
  await deploy();
  const version = fake.deployedVersion("nasturtium");
  if (version !== undefined) version.bindings = [];
  fake.requests.length = 0;
  const outcome = await deploy();
  expect(outcome).toMatchObject({ code: 2, stderr: expect.stringContaining("--name") });
  expect(fake.changes).toEqual([]);
});

test("two deployments of other names share an account and nothing else", async () => {
  await deploy();
  await deploy("--name", "staging");
  expectComplete();
  expectComplete("staging");
  expect(fake.bindings("staging").NASTURTIUM_SECRET).not.toBe(fake.bindings("nasturtium").NASTURTIUM_SECRET);
});

describe("what cannot be right is refused before Cloudflare is asked", () => {
  test.each([
    ["a secret as a variable", () => ["--var", "RUNPOD_API_KEY=abc123"], "--secrets-file"],
    ["a variable without a name", () => ["--var", "abc123"], "KEY=VALUE"],
    ["a name that no host has", () => ["--name", "My_Search"], "lower-case"],
    ["a line without a name", () => ["--secrets-file", writeSecrets("A=1\nabc123\n")], "Line 2"],
    ["a file that is not there", () => ["--secrets-file", "/nowhere"], "Check --secrets-file"],
  ])("%s", async (_what, args, reason) => {
    const outcome = await deploy(...args());
    expect(outcome).toMatchObject({ code: 2, stderr: expect.stringContaining(reason) });
    expect(outcome.stderr).not.toContain("abc123");
    expect(fake.requests).toEqual([]);
  });

  test("a secrets file that others can read is remarked on", async () => {
    const file = writeSecrets("RUNPOD_API_KEY=abc123\n");
    chmodSync(file, 0o644);
    const outcome = await run(["--plan", "--secrets-file", file]);
    expect(outcome).toMatchObject({ code: 0, stderr: expect.stringContaining("chmod 600") });
  });
});

/** Of all processes of this machine. */
const commandLines = (): string[] =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((id) => {
      try {
        return [readFileSync(`/proc/${id}/cmdline`, "utf8").replaceAll("\0", " ")];
      } catch {
        return []; // it has ended
      }
    });

const filesUnder = (root: string): string[] =>
  readdirSync(root, { recursive: true, encoding: "utf8" })
    .map((name) => path.join(root, name))
    .filter((file) => statSync(file).isFile());
