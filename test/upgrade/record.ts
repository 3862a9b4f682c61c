/**
 * Records what this version leaves in database and bucket in the middle of two searches, one on a table and one with a
 * supernet, each of which lost its runner: what later versions must go on with. Run by hand before a release.
 *
 *     npm run upgrade:record
 */

import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { rootDir } from "../../setup/node.mjs";
import { smallSearch, TestEdge } from "../wholeSearch.ts";
import { type Recorded, recordsDir, stateOf } from "./records.ts";
import { pushTable, tableSearch } from "./tableSearch.ts";

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

const { version } = JSON.parse(readFileSync(path.join(rootDir, "package.json"), "utf8")) as {
  version: string;
};
const edge = await TestEdge.start();
try {
  await pushTable(edge);
  const onTable = await edge.create(tableSearch);
  await edge.killAt(onTable, { kind: "report", nth: 3, moment: "answered" });
  const supernet = await edge.create(smallSearch("supernet"));
  await edge.killAt(supernet, { kind: "report", nth: 12, moment: "answered" });
  await edge.edge.stop();

  const { sql, objects } = await stateOf(edge.stateDir);
  const folder = path.join(recordsDir, version);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, "database.sql"), sql);
  const migrationsDir = path.join(rootDir, "schema", "migrations");
  const migrations = readdirSync(migrationsDir).filter((name) => name.endsWith(".sql"));
  const recorded: Recorded = {
    migrations: Object.fromEntries(
      migrations.sort().map((name) => [name, sha256(readFileSync(path.join(migrationsDir, name)))]),
    ),
    objects: Object.fromEntries([...objects.keys()].map((key, index) => [key, `object-${index + 1}.bin`])),
  };
  for (const [key, bytes] of objects) writeFileSync(path.join(folder, recorded.objects[key] ?? ""), bytes);
  writeFileSync(path.join(folder, "recorded.json"), `${JSON.stringify(recorded, null, 2)}\n`);
  process.stdout.write(`${path.relative(rootDir, folder)}\n`);
} finally {
  await edge.stop();
}
process.exit();
