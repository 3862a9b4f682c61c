/** What the benches that search on tables have in common: tables read and checked, progress, the report. */

import { createProgress, duration } from "../../cli/progress.ts";
import { type Benchmark, loadBenchmark } from "./benchmark.ts";
import { asksForHelp, type SearchOptions, searchOptions, UsageError, usageOf } from "./options.ts";
import type { Job } from "./pool.ts";
import type { TabularSearch } from "./problems.ts";
import { type ProblemReport, printReport, problemReport, searchReport } from "./report.ts";
import type { Run } from "./run.ts";

export interface Comparison {
  options: SearchOptions;
  benchmarks: Benchmark[];
  jobs: Job[];
  /** Starts the clock; what it returns is to be called whenever a job is done. */
  start: () => () => void;
}

/** Runs every job. */
export type Runner = (comparison: Comparison) => Promise<{
  /** In the order of the jobs. */
  runs: Run[];
  versions?: Record<string, string>;
}>;

/**
 * Reads the command line, runs every contestant from every seed, and prints the report; with --help, how it is called.
 * Errors of usage end it with 2.
 *
 * @param file of the bench, which begins with how it is called
 */
export async function compare(
  file: string,
  contestantOption: string,
  contestants: readonly string[],
  run: Runner,
): Promise<void> {
  if (asksForHelp()) return console.log(usageOf(file));
  try {
    const options = searchOptions(contestantOption, contestants);
    const benchmarks = options.searches.map(load);
    checkSizes(options, benchmarks);
    const jobs = jobsOf(options);
    const start = () => counter(jobs.length);
    const { runs, versions = {} } = await run({ options, benchmarks, jobs, start });
    const report = searchReport(options.seeds, versions, reportsOf(options, benchmarks, jobs, runs));
    console.log(options.isJson ? JSON.stringify(report) : printReport(report));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(error.message);
    process.exitCode = 2;
  }
}

function load(search: TabularSearch): Benchmark {
  try {
    return loadBenchmark(search);
  } catch (error) {
    throw new UsageError(`${search.table}: ${(error as Error).message}`);
  }
}

/** Seeds outermost, so that the time that is left can be told early. */
function jobsOf({ searches, contestants, seeds }: SearchOptions): Job[] {
  return seeds.flatMap((seed) =>
    searches.flatMap((_, search) => contestants.map((contestant) => ({ search, contestant, seed }))),
  );
}

function checkSizes({ searches, checkpoints }: SearchOptions, benchmarks: readonly Benchmark[]): void {
  const evaluations = checkpoints.at(-1) ?? 0;
  for (const [index, { table }] of benchmarks.entries()) {
    const rows = table.codes.length;
    if (evaluations <= rows) continue;
    throw new UsageError(
      `${searches[index]?.table} has ${rows} architectures, fewer than ${evaluations} evaluations.`,
    );
  }
}

function counter(total: number): () => void {
  const progress = createProgress()("Searches", total);
  const startedAt = performance.now();
  let done = 0;
  return () => {
    done++;
    const seconds = (performance.now() - startedAt) / 1000;
    progress.update(done, `about ${duration((seconds / done) * (total - done))} left`);
    if (done === total) progress.finish();
  };
}

function reportsOf(
  { searches, contestants, checkpoints }: SearchOptions,
  benchmarks: readonly Benchmark[],
  jobs: readonly Job[],
  runs: readonly Run[],
): ProblemReport[] {
  return searches.flatMap((search, index) => {
    const benchmark = benchmarks[index];
    if (!benchmark) return [];
    const byContestant = contestants.map((contestant): [string, Run[]] => [
      contestant,
      runs.filter((_, job) => jobs[job]?.search === index && jobs[job]?.contestant === contestant),
    ]);
    return problemReport(search, benchmark, checkpoints, new Map(byContestant));
  });
}
