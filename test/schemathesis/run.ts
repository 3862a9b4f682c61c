/**
 * Has schemathesis call the real Worker: every check, every operation, links between them; with an admin token and
 * without one.
 *
 *     npm run -s test:schemathesis -- [--examples N] [--seed N] [--only admin|anonymous]
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { z } from "zod";
import { newToken } from "../../cli/commands/dev.ts";
import { type LocalEdge, startLocalEdge } from "../../cli/localEdge.ts";
import { ensurePython } from "../../setup/python.ts";
import { makeWorld } from "./world.ts";

const limitMs = 1_800_000;
const fewestRequests = 5000;

/** Of schemathesis' own report. */
const reportSchema = z.looseObject({
  test_cases: z.looseObject({ generated: z.int(), unique_failures: z.int() }),
});

const { values: args } = parseArgs({
  options: {
    examples: { type: "string", default: "60" },
    seed: { type: "string", default: "1" },
    only: { type: "string" },
  },
});
const abort = new AbortController();
process.once("SIGINT", () => abort.abort());
process.once("SIGTERM", () => abort.abort());

const python = await ensurePython({
  name: "schemathesis",
  title: "schemathesis",
  requirements: [path.join(import.meta.dirname, "requirements.txt")],
  check: "import schemathesis",
  neededDiskGigabytes: 1,
});
const folder = mkdtempSync(path.join(tmpdir(), "nasturtium-schemathesis-"));
let failed = false;
let requests = 0;
try {
  for (const who of ["admin", "anonymous"] as const) {
    if (args.only !== undefined && args.only !== who) continue;
    const edge = await startLocalEdge({
      stateDir: path.join(folder, who),
      token: newToken(),
      port: 0,
      signal: abort.signal,
      vars: { NASTURTIUM_RATE_LIMIT: "0", NASTURTIUM_SECRET: "of this run" },
    });
    try {
      const run = await schemathesis(edge, who === "admin");
      requests += run.requests;
      failed ||= run.code !== 0;
      console.log(`${who}: exit ${run.code}, ${run.requests} requests, ${run.failures} failures`);
    } finally {
      await edge.stop();
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(`${requests} requests in all`);
const isWhole = args.only === undefined;
process.exitCode = failed || (isWhole && requests < fewestRequests) ? 1 : 0;

async function schemathesis(edge: LocalEdge, withToken: boolean) {
  const world = await makeWorld({ ...edge, signal: abort.signal, log: () => {} });
  const report = path.join(folder, "report.json");
  const child = spawn(
    python,
    [
      ...[
        "-c",
        "from schemathesis.cli import schemathesis; schemathesis()",
        "--config-file",
        path.join(import.meta.dirname, "schemathesis.toml"),
      ],
      ...["run", `${edge.url}/openapi.json`, "--url", edge.url, "--checks", "all", "--no-color"],
      ...["--max-examples", args.examples, "--seed", args.seed, "--continue-on-failure"],
      ...["--report", "json", "--report-json-path", report, "--generation-database", "none"],
      ...(withToken ? ["--header", `Authorization: Bearer ${edge.token}`] : []),
    ],
    {
      cwd: folder,
      stdio: ["ignore", "inherit", "inherit"],
      env: { ...process.env, ...world },
      signal: AbortSignal.any([abort.signal, AbortSignal.timeout(limitMs)]),
    },
  );
  const [code] = (await once(child, "exit")) as [number | null];
  const cases = reportSchema.parse(JSON.parse(readFileSync(report, "utf8"))).test_cases;
  return { code, requests: cases.generated, failures: cases.unique_failures };
}
