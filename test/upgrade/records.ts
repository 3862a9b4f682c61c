/** Database and bucket of a local edge as files, and back, while the edge does not run. */

import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { D1Database, R2Bucket } from "@cloudflare/workers-types";
import { getPlatformProxy } from "wrangler";
import { rootDir } from "../../setup/node.mjs";

/** A folder for each version that was recorded. */
export const recordsDir = fileURLToPath(new URL("versions", import.meta.url));
export const recordedVersions = (): string[] => readdirSync(recordsDir).sort();

/** `recorded.json` of a version. */
export interface Recorded {
  /** SHA-256 of each migration. */
  migrations: Record<string, string>;
  /** File of each object in the bucket, by key. */
  objects: Record<string, string>;
}

export const recordOf = (version: string): Recorded =>
  JSON.parse(readFileSync(path.join(recordsDir, version, "recorded.json"), "utf8")) as Recorded;

/** The statements that a recorded version's database is made by. */
export const statementsOf = (version: string): string[] =>
  readFileSync(path.join(recordsDir, version, "database.sql"), "utf8").split(breakpoint);

/** As in migrations. */
const breakpoint = "\n--> statement-breakpoint\n";

/** The database as SQL, and the bucket's objects by key. */
export function stateOf(stateDir: string): Promise<{ sql: string; objects: Map<string, Uint8Array> }> {
  return withBindings(stateDir, async ({ DB, BUCKET }) => {
    const sql = (await dump(DB)).join(breakpoint);
    const objects = new Map<string, Uint8Array>();
    for (const { key } of (await BUCKET.list()).objects) {
      const object = await BUCKET.get(key);
      if (object !== null) objects.set(key, new Uint8Array(await object.arrayBuffer()));
    }
    return { sql, objects };
  });
}

/** Triggers come last: rows that they wrote are there already. */
async function dump(db: D1Database): Promise<string[]> {
  const { results: schema } = await db
    .prepare(
      `SELECT type, name, sql FROM sqlite_master
       WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\'
       ORDER BY type = 'trigger', type = 'index', name`,
    )
    .all<{ type: string; name: string; sql: string }>();
  const rows: string[] = [];
  for (const { name } of schema.filter(({ type }) => type === "table")) {
    const { results: columns } = await db
      .prepare("SELECT name FROM pragma_table_info(?)")
      .bind(name)
      .all<{ name: string }>();
    const list = columns.map((column) => `"${column.name}"`).join(", ");
    const quoted = columns.map((column) => `quote("${column.name}")`).join(" || ', ' || ");
    const { results } = await db.prepare(`SELECT ${quoted} AS row FROM "${name}"`).all<{ row: string }>();
    rows.push(...results.map(({ row }) => `INSERT INTO "${name}" (${list}) VALUES (${row})`));
  }
  const sqlOf = (isTrigger: boolean) =>
    schema.filter(({ type }) => (type === "trigger") === isTrigger).map(({ sql }) => sql);
  return ["PRAGMA defer_foreign_keys = true", ...sqlOf(false), ...rows, ...sqlOf(true)];
}

/** Makes the state of a recorded version that of an edge that was never started. */
export function restore(version: string, stateDir: string): Promise<void> {
  return withBindings(stateDir, async ({ DB, BUCKET }) => {
    // Whatever the clock here says, the leases of then are over.
    const statements = [...statementsOf(version), "UPDATE leases SET expires_at = min(expires_at, 1)"];
    await DB.batch(statements.map((sql) => DB.prepare(sql)));
    for (const [key, file] of Object.entries(recordOf(version).objects))
      await BUCKET.put(key, readFileSync(path.join(recordsDir, version, file)));
  });
}

interface Bindings {
  DB: D1Database;
  BUCKET: R2Bucket;
}

async function withBindings<T>(stateDir: string, work: (bindings: Bindings) => Promise<T>): Promise<T> {
  const proxy = await getPlatformProxy<Bindings>({
    configPath: path.join(rootDir, "wrangler.toml"),
    // Where `wrangler dev --persist-to` keeps it.
    persist: { path: path.join(stateDir, "v3") },
  });
  try {
    return await work(proxy.env);
  } finally {
    await proxy.dispose();
  }
}
