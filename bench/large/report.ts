/** Whether the default strategy is better than others on made-up objectives, group by group of objectives. */

import { availableParallelism, cpus } from "node:os";
import { textTable } from "../../cli/table.ts";
import { holm, mean, standardError, welch } from "../search/samples.ts";
import type { LargeResult } from "./jobs.ts";

const level = 0.05;
const own = "default";

interface Row {
  objective: string;
  evaluations: number;
  contestant: string;
  regretPercent: number;
  standardErrorPercent: number | null;
  /** Of the default strategy's mean being another, Holm's over all rows; null of the strategy itself. */
  adjustedP: number | null;
  verdict: "better" | "tied" | "worse" | null;
}

export interface LargeReport {
  date: string;
  machine: { cpu: string | undefined; cores: number };
  node: string;
  seeds: number[];
  rows: Row[];
  /** By contestant: on how many rows the default strategy is better, tied, worse. */
  verdicts: Record<string, { better: number; tied: number; worse: number }>;
  /** By contestant, mean over all objectives. */
  cpuMsPerRound: Record<string, number>;
}

export function largeReport(results: readonly LargeResult[]): LargeReport {
  const samples = new Map<
    string,
    { objective: string; contestant: string; mark: number; regrets: number[] }
  >();
  for (const { objective, contestant, marks, regrets } of results)
    for (const [index, mark] of marks.entries()) {
      const named = nameOf(objective);
      const key = [named, mark, contestant].join("/");
      const sample = samples.get(key) ?? { objective: named, contestant, mark, regrets: [] };
      sample.regrets.push(regrets[index] as number);
      samples.set(key, sample);
    }
  const list = [...samples.values()].sort(
    (a, b) => a.objective.localeCompare(b.objective) || a.mark - b.mark,
  );
  const mineOf = (objective: string, mark: number) => samples.get([objective, mark, own].join("/"));
  const tests = list.map(({ objective, mark, contestant, regrets }) => {
    const mine = mineOf(objective, mark);
    return mine === undefined || contestant === own || regrets.length < 2
      ? null
      : welch(mine.regrets, regrets);
  });
  const adjusted = holm(tests.flatMap((test) => test?.pValue ?? []));
  const rows = list.map(({ objective, mark, contestant, regrets }, index): Row => {
    const test = tests[index];
    const p = test ? (adjusted.shift() as number) : null;
    return {
      objective,
      evaluations: mark,
      contestant,
      regretPercent: mean(regrets),
      standardErrorPercent: standardError(regrets),
      adjustedP: p,
      verdict: !test || p === null ? null : p >= level ? "tied" : test.difference < 0 ? "better" : "worse",
    };
  });
  return {
    date: new Date().toISOString(),
    machine: { cpu: cpus()[0]?.model, cores: availableParallelism() },
    node: process.version,
    seeds: [...new Set(results.map(({ objective }) => objective.seed))].sort((a, b) => a - b),
    rows,
    verdicts: verdictsOf(rows),
    cpuMsPerRound: Object.fromEntries(
      [...new Set(results.map(({ contestant }) => contestant))].map((contestant) => [
        contestant,
        mean(results.filter((result) => result.contestant === contestant).map((r) => r.cpuMsPerRound)),
      ]),
    ),
  };
}

function nameOf({ space, family, noise, isCostKnown }: LargeResult["objective"]): string {
  return [
    space,
    family,
    noise > 0 ? `noise ${noise}` : "exact",
    `cost ${isCostKnown ? "known" : "measured"}`,
  ].join(", ");
}

function verdictsOf(rows: readonly Row[]): LargeReport["verdicts"] {
  const verdicts: LargeReport["verdicts"] = {};
  for (const { contestant, verdict } of rows) {
    if (verdict === null) continue;
    verdicts[contestant] ??= { better: 0, tied: 0, worse: 0 };
    verdicts[contestant][verdict]++;
  }
  return verdicts;
}

/** For a terminal: a line for each objective and number of evaluations. */
export function printLarge({
  rows,
  verdicts,
  cpuMsPerRound,
  seeds,
  machine,
  node,
  date,
}: LargeReport): string {
  const contestants = [...new Set(rows.map(({ contestant }) => contestant))];
  const lines = new Map<string, Record<string, string>>();
  for (const { objective, evaluations, contestant, regretPercent, verdict } of rows) {
    const key = `${objective}/${evaluations}`;
    const line = lines.get(key) ?? { objective, evaluations: String(evaluations) };
    const mark = { better: "", tied: " =", worse: " !" }[verdict ?? "better"];
    lines.set(key, { ...line, [contestant]: regretPercent.toFixed(1) + mark });
  }
  const table = textTable([...lines.values()], {
    objective: "OBJECTIVE",
    evaluations: "n",
    ...Object.fromEntries(contestants.map((contestant) => [contestant, contestant])),
  });
  const summary = Object.entries(verdicts).map(
    ([contestant, { better, tied, worse }]) =>
      `${own} against ${contestant}: better on ${better}, tied on ${tied}, worse on ${worse}`,
  );
  const times = Object.entries(cpuMsPerRound).map(
    ([contestant, ms]) => `${contestant} ${ms.toFixed(1)} ms a round`,
  );
  const head = `${machine.cpu ?? "unknown processor"}, ${machine.cores} cores; Node ${node}; ${date.slice(0, 10)}`;
  const legend = `regret in percent, mean of ${seeds.length} seeds; = tied, ! worse than the contestant (Welch, Holm over all)`;
  return [`${head}\n${legend}`, table, ...summary, times.join(", ")].join("\n\n");
}
