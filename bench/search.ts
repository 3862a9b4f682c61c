/**
 * Runs search strategies on a table of known architectures and scores the fronts that they find: bench/search/regret.ts
 * says how. A strategy pays for each architecture that it evaluates, ten a round.
 *
 *     npm run -s bench:search -- --table FILE --reward COLUMN --score COLUMN --cost COLUMN
 *         [--space nas-bench-201|JSON|FILE] [--architecture arch]
 *         [--evaluations 100,300,1000] [--seeds 10] [--strategy NAME ...] [--workers CORES] [--json]
 *     npm run -s bench:search -- --problem P1[,P2 ...]|all [the rest as above]
 *
 * A table is any CSV, gzipped or not, with a column of architectures and columns of numbers. The space is a name, a space
 * as in a specification, `{"positions": 8, "operations": ["thin", "wide"]}`, or a JSON or YAML file of either.
 * `bench/search/problems.ts` lists the problems that have a name.
 */

import { compare } from "./search/compare.ts";
import { runJobs } from "./search/pool.ts";
import { strategies } from "./search/strategies.ts";

await compare(import.meta.filename, "strategy", Object.keys(strategies), async ({ options, jobs, start }) => {
  const evaluations = options.checkpoints.at(-1) ?? 0;
  const data = { searches: options.searches, evaluations };
  return { runs: await runJobs(jobs, data, options.workers, start()) };
});
