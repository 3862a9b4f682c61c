/** What is deployed from this checkout: wrangler.toml, the migrations, and a digest of the Worker that comes of them. */

import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { ensureDashboard } from "../../setup/dashboard.mjs";
import { MINIMUM_NODE, rootDir } from "../../setup/node.mjs";
import { capture } from "../../setup/progress.mjs";
import { CliError } from "../errors.ts";
import { type Workspace, WRANGLER_DIR, wranglerFailure } from "./wrangler.ts";

const DIGEST_CHARACTERS = 16;

/** Of wrangler.toml, what a deployment fills in; the rest goes as it is. */
const rawSchema = z.looseObject({
  main: z.string(),
  triggers: z.looseObject({ crons: z.array(z.string()) }).optional(),
  vars: z.record(z.string(), z.string()).optional(),
  assets: z.looseObject({ directory: z.string().optional() }).optional(),
  d1_databases: z.tuple([z.looseObject({ binding: z.string(), migrations_dir: z.string() })]),
  r2_buckets: z.tuple([z.looseObject({ binding: z.string() })]),
});
export type RawConfiguration = z.infer<typeof rawSchema>;

export interface Target {
  name: string;
  databaseName: string;
  databaseId: string;
  bucket: string;
  vars: Record<string, string>;
}

/** wrangler.toml as wrangler reads it, with what it names: the pages are built where they are not. */
export async function readConfiguration(): Promise<RawConfiguration> {
  if (!existsSync(WRANGLER_DIR)) {
    throw new CliError(
      "wrangler is not installed here.",
      `Run \`npm ci\` with Node ${MINIMUM_NODE} or newer.`,
    );
  }
  const script =
    "const [, wrangler, config] = process.argv;" +
    "console.log(JSON.stringify(require(wrangler).experimental_readRawConfig({ config }).rawConfig));";
  const file = path.join(rootDir, "wrangler.toml");
  const { ok, output } = await capture(process.execPath, ["-e", script, WRANGLER_DIR, file]);
  if (!ok) throw new CliError(`wrangler.toml cannot be read: ${output}`, "Check out the release's own.");
  await ensureDashboard();
  const json = output.split("\n").findLast((line) => line.startsWith("{"));
  return rawSchema.parse(JSON.parse(json ?? "null"));
}

/** The configuration of one deployment, as JSON that works from any folder. */
export function configurationFor(raw: RawConfiguration, target: Target): string {
  const [database] = raw.d1_databases;
  const [bucket] = raw.r2_buckets;
  return JSON.stringify({
    ...raw,
    ...(raw.assets?.directory === undefined
      ? {}
      : { assets: { ...raw.assets, directory: path.join(rootDir, raw.assets.directory) } }),
    name: target.name,
    main: path.join(rootDir, raw.main),
    workers_dev: true,
    preview_urls: false,
    d1_databases: [
      {
        ...database,
        database_name: target.databaseName,
        database_id: target.databaseId,
        migrations_dir: path.join(rootDir, database.migrations_dir),
      },
    ],
    r2_buckets: [{ ...bucket, bucket_name: target.bucket }],
    vars: target.vars,
  });
}

/** Names of the migrations, in their order. */
export const migrationNames = (raw: RawConfiguration): string[] =>
  readdirSync(path.join(rootDir, raw.d1_databases[0].migrations_dir))
    .filter((name) => name.endsWith(".sql"))
    .sort();

/**
 * Bundles the Worker without uploading it.
 *
 * @returns a digest that changes with its code and configuration, and not with the machine that it is built on
 */
export async function buildDigest(workspace: Workspace, raw: RawConfiguration): Promise<string> {
  const target = { name: "digest", databaseName: "digest", databaseId: "digest", bucket: "digest", vars: {} };
  const config = workspace.write("digest.json", configurationFor(raw, target));
  const folder = path.join(workspace.folder, "bundle");
  // Minified, because comments name the paths of this machine.
  const args = ["deploy", "--dry-run", "--minify", "--outdir", folder, "--config", config];
  const run = await workspace.wrangler(args);
  if (!run.ok) throw wranglerFailure("Building the Worker", run);
  const hash = createHash("sha256").update(JSON.stringify(raw));
  for (const file of filesUnder(folder, (name) => !/\.(map|md)$/.test(name))) hash.update(readFileSync(file));
  const assets = raw.assets?.directory;
  for (const file of assets === undefined ? [] : filesUnder(path.join(rootDir, assets), () => true)) {
    hash.update(path.relative(rootDir, file)).update(readFileSync(file));
  }
  return hash.digest("hex").slice(0, DIGEST_CHARACTERS);
}

const filesUnder = (folder: string, isWanted: (name: string) => boolean): string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter(isWanted)
    .map((name) => path.join(folder, name))
    .filter((file) => statSync(file).isFile())
    .sort();
