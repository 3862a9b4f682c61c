/**
 * Strategies and pymoo's NSGA-II on objectives that are made up on spaces too large for a table: by four families of
 * rules, with and without noise, with costs that are known beforehand or measured. An objective is drawn anew for each
 * seed. Regret is the share of the best known front's hypervolume that is missing (bench/large/reference.ts).
 *
 *     npm run -s bench:large -- [--space tnd-nas,darts,...] [--family additive,live,paths,pairs] [--noise 0,0.3]
 *         [--cost measured,known] [--contestant default,nsga2,local-search,pymoo-nsga2] [--evaluations 100,300]
 *         [--seeds 10] [--first-seed 1] [--workers CORES] [--state FILE] [--json]
 *
 * With --state, what is done is kept in the file and not done again.
 */

import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { createProgress, duration } from "../cli/progress.ts";
import { type LargeJob, runLargeJobs } from "./large/jobs.ts";
import { families, largeSpaces } from "./large/objectives.ts";
import { largeReport, printLarge } from "./large/report.ts";
import { ensureSearchPeers, peers } from "./peers/search.ts";
import { chosen, positive, UsageError, usageOf } from "./search/options.ts";
import { strategies } from "./search/strategies.ts";

const { values: options } = parseArgs({
  options: {
    space: { type: "string", default: Object.keys(largeSpaces).join() },
    family: { type: "string", default: families.join() },
    noise: { type: "string", default: "0,0.3" },
    cost: { type: "string", default: "measured,known" },
    contestant: { type: "string", default: "default,nsga2,local-search,pymoo-nsga2" },
    evaluations: { type: "string", default: "100,300" },
    seeds: { type: "string", default: "10" },
    "first-seed": { type: "string", default: "1" },
    workers: { type: "string", default: String(availableParallelism()) },
    state: { type: "string" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

function jobsOf(python: string | undefined): LargeJob[] {
  const all = (option: keyof typeof options, known: readonly string[]): string[] =>
    String(options[option])
      .split(",")
      .map((name) => chosen(name, option, known));
  const contestants = all("contestant", [...Object.keys(strategies), ...peers]);
  const marks = options.evaluations
    .split(",")
    .map((count) => positive("evaluations", count))
    .toSorted((left, right) => left - right);
  const first = positive("first-seed", options["first-seed"]);
  const seeds = Array.from({ length: positive("seeds", options.seeds) }, (_, index) => first + index);
  const noises = options.noise.split(",").map(Number);
  if (noises.some((noise) => !(noise >= 0))) throw new UsageError("--noise takes numbers from 0.");
  return seeds.flatMap((seed) =>
    all("space", Object.keys(largeSpaces)).flatMap((space) =>
      all("family", families).flatMap((family) =>
        noises.flatMap((noise) =>
          all("cost", ["measured", "known"]).map((cost): LargeJob => {
            const isCostKnown = cost === "known";
            const objective = {
              space,
              family: family as (typeof families)[number],
              noise,
              isCostKnown,
              seed,
            };
            return { objective, contestants, marks, python };
          }),
        ),
      ),
    ),
  );
}

async function main(): Promise<void> {
  if (options.help) return console.log(usageOf(import.meta.filename));
  const needsPeers = options.contestant.split(",").some((name) => peers.includes(name));
  jobsOf(undefined); // errors of usage before anything is installed
  const jobs = jobsOf(needsPeers ? await ensureSearchPeers() : undefined);
  const progress = createProgress()("Objectives", jobs.length);
  const startedAt = performance.now();
  let done = 0;
  const results = await runLargeJobs(jobs, positive("workers", options.workers), options.state, () => {
    done++;
    const seconds = (performance.now() - startedAt) / 1000;
    progress.update(done, `about ${duration((seconds / done) * (jobs.length - done))} left`);
  });
  progress.finish();
  const report = largeReport(results);
  console.log(options.json ? JSON.stringify(report) : printLarge(report));
}

try {
  await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
