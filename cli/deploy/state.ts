/** What an account holds of a deployment. Read from Cloudflare every time: no local file says what exists. */

import { z } from "zod";
import { badInput } from "../errors.ts";
import type { Cloudflare } from "./cloudflare.ts";

/** Names a deployed Worker and the digest of its build, so that the same build is not uploaded again. */
export const BUILD_VARIABLE = "NASTURTIUM_BUILD";

const NO_SUCH_WORKER = [10007, 10090];
const NO_SUCH_BUCKET = [10006];
const NO_SUCH_DATABASE = [7404];
const MIGRATIONS_TABLE = "d1_migrations";

export interface DeployedWorker {
  vars: Record<string, string>;
  /** Names only: Cloudflare never shows a value. */
  secrets: string[];
  databaseId: string | null;
  bucket: string | null;
  crons: string[];
  /** Whether it answers at its workers.dev address. */
  workersDev: boolean;
}

export interface AccountState {
  /** Of the account's workers.dev addresses. */
  subdomain: string;
  database: { id: string | null; name: string };
  bucket: { exists: boolean; name: string };
  appliedMigrations: string[];
  worker: DeployedWorker | null;
}

const bindingSchema = z.looseObject({
  type: z.string(),
  name: z.string(),
  text: z.string().optional(),
  id: z.string().optional(),
  database_id: z.string().optional(),
  bucket_name: z.string().optional(),
});
type Binding = z.infer<typeof bindingSchema>;

const databaseSchema = z.looseObject({ uuid: z.string(), name: z.string() });
const nameRow = z.looseObject({ name: z.string() });

/** @throws CliError where the account is not ready for a deployment, or a Worker of that name is another's */
export async function readState(cloudflare: Cloudflare, name: string): Promise<AccountState> {
  const worker = await readWorker(cloudflare, name);
  const database = await readDatabase(cloudflare, worker?.databaseId ?? null, name);
  const bucketName = worker?.bucket ?? name;
  const bucket = await cloudflare.find(
    `/r2/buckets/${encodeURIComponent(bucketName)}`,
    nameRow,
    NO_SUCH_BUCKET,
  );
  const { subdomain } = await cloudflare.get("/workers/subdomain", z.looseObject({ subdomain: z.string() }));
  return {
    subdomain,
    database,
    bucket: { exists: bucket !== undefined, name: bucketName },
    appliedMigrations: database.id === null ? [] : await readMigrations(cloudflare, database.id),
    worker,
  };
}

/** A Worker that is bound to a database keeps it, whatever its name. */
async function readDatabase(
  cloudflare: Cloudflare,
  boundId: string | null,
  name: string,
): Promise<AccountState["database"]> {
  if (boundId !== null) {
    const bound = await cloudflare.find(`/d1/database/${boundId}`, databaseSchema, NO_SUCH_DATABASE);
    if (bound !== undefined) return { id: bound.uuid, name: bound.name };
  }
  const path = `/d1/database?name=${encodeURIComponent(name)}&per_page=100`;
  const found = (await cloudflare.get(path, z.array(databaseSchema))).find((row) => row.name === name);
  return { id: found?.uuid ?? null, name };
}

async function readMigrations(cloudflare: Cloudflare, databaseId: string): Promise<string[]> {
  const tables = `SELECT name FROM sqlite_master WHERE type = 'table' AND name = '${MIGRATIONS_TABLE}'`;
  if ((await cloudflare.query(databaseId, tables, nameRow)).length === 0) return [];
  const rows = await cloudflare.query(
    databaseId,
    `SELECT name FROM ${MIGRATIONS_TABLE} ORDER BY id`,
    nameRow,
  );
  return rows.map((row) => row.name);
}

const deploymentsSchema = z.looseObject({
  deployments: z.array(z.looseObject({ versions: z.array(z.looseObject({ version_id: z.string() })) })),
});
const versionSchema = z.looseObject({ resources: z.looseObject({ bindings: z.array(bindingSchema) }) });
const subdomainSchema = z.looseObject({ enabled: z.boolean() });
const schedulesSchema = z.looseObject({ schedules: z.array(z.looseObject({ cron: z.string() })) });

async function readWorker(cloudflare: Cloudflare, name: string): Promise<DeployedWorker | null> {
  const script = `/workers/scripts/${encodeURIComponent(name)}`;
  const found = await cloudflare.find(`${script}/deployments`, deploymentsSchema, NO_SUCH_WORKER);
  // The newest comes first. What was uploaded but not deployed does not count.
  const versionId = found?.deployments[0]?.versions[0]?.version_id;
  if (versionId === undefined) return null;
  const version = await cloudflare.get(`${script}/versions/${versionId}`, versionSchema);
  const { schedules } = await cloudflare.get(`${script}/schedules`, schedulesSchema);
  const { enabled } = await cloudflare.get(`${script}/subdomain`, subdomainSchema);
  const worker = workerOf(version.resources.bindings);
  const isOurs = worker.vars[BUILD_VARIABLE] !== undefined || (worker.databaseId && worker.bucket);
  if (!isOurs) {
    throw badInput(
      `The account has a Worker "${name}" that is not Nasturtium.`,
      "Choose another name with --name.",
    );
  }
  return { ...worker, crons: schedules.map(({ cron }) => cron), workersDev: enabled };
}

function workerOf(bindings: readonly Binding[]): Omit<DeployedWorker, "crons" | "workersDev"> {
  const named = (name: string) => bindings.find((binding) => binding.name === name);
  const database = named("DB");
  return {
    vars: Object.fromEntries(
      bindings.flatMap(({ type, name, text }) => (type === "plain_text" ? [[name, text ?? ""]] : [])),
    ),
    secrets: bindings.filter(({ type }) => type === "secret_text").map(({ name }) => name),
    databaseId: database?.database_id ?? database?.id ?? null,
    bucket: named("BUCKET")?.bucket_name ?? null,
  };
}
