/** `nasturtium deploy` with the real wrangler; what needs many of its runs is in deploy.long.test.ts. */

import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { rootDir } from "../setup/node.mjs";
import {
  deploy,
  env,
  expectComplete,
  fake,
  folder,
  MIGRATIONS,
  planned,
  run,
  writeSecrets,
} from "./deploy.testing.ts";
import { startLocalEdge } from "./localEdge.ts";

const PROVIDER_KEY = "rp_$HOME'\"0123456789";

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

test("a Worker of the same name that is something else is left alone", async () => {
  await deploy();
  const version = fake.deployedVersion("nasturtium");
  if (version !== undefined) version.bindings = [];
  fake.requests.length = 0;
  const outcome = await deploy();
  expect(outcome).toMatchObject({ code: 2, stderr: expect.stringContaining("--name") });
  expect(fake.changes).toEqual([]);
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
