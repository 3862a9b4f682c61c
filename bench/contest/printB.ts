/** Part B's report for a terminal. */

import { textTable } from "../../cli/table.ts";
import type { Interval } from "../ranking/statistics.ts";
import { mean } from "../search/samples.ts";
import type { Judged, ReportB } from "./reportB.ts";

const number = (value: number | null): string => (value === null ? "-" : value.toFixed(2));
const intervalText = ({ value, low, high }: Interval): string =>
  value === null ? "-" : `${number(value)} [${number(low)}, ${number(high)}]`;

export function printB(report: ReportB): string {
  const { space, missing } = report;
  return [
    `Space ${space}. Volume in percent of (test accuracy, log parameters); best test accuracy in percent below a limit.`,
    ...(missing > 0 ? [`${missing} trainings are missing; answers without theirs are left out.`] : []),
    answersTable(report),
    "Differences, mean over data sets and seeds with 95 % by bootstrap (pairs):",
    pairedTable(report),
    "Test accuracy less the mean of random architectures of the same size:",
    controlsTable(report),
  ].join("\n\n");
}

const limitHeads = ({ limits }: ReportB): Record<string, string> =>
  Object.fromEntries(limits.map((limit, index) => [`best${index}`, `<= ${limit.toLocaleString("en-US")}`]));

function answersTable(report: ReportB): string {
  const groups = Map.groupBy(report.judged, ({ dataset, contestant }) => `${dataset}/${contestant}`);
  const rows = [...groups.values()].map((bySeed) => {
    const [first] = bySeed as [Judged, ...Judged[]];
    return {
      dataset: first.dataset,
      contestant: first.contestant,
      seeds: bySeed.length,
      seconds: Math.round(mean(bySeed.map(({ processorSeconds }) => processorSeconds))),
      seen: Math.round(mean(bySeed.map(({ seen }) => seen))),
      architectures: number(mean(bySeed.map(({ architectures }) => architectures))),
      volume: number(mean(bySeed.map(({ volumePercent }) => volumePercent))),
      ...Object.fromEntries(report.limits.map((_, index) => [`best${index}`, bestText(bySeed, index)])),
    };
  });
  return textTable(rows, {
    dataset: "data set",
    contestant: "contestant",
    seeds: "seeds",
    seconds: "processor s",
    seen: "seen",
    architectures: "answer",
    volume: "volume",
    ...limitHeads(report),
  });
}

/** The mean of the seeds that have one; how many where not all do. */
function bestText(bySeed: readonly Judged[], index: number): string {
  const values = bySeed.flatMap(({ bestPercent }) => bestPercent[index] ?? []);
  if (values.length === 0) return "-";
  return values.length === bySeed.length
    ? number(mean(values))
    : `${number(mean(values))} (${values.length} of ${bySeed.length})`;
}

function pairedTable(report: ReportB): string {
  const rows = report.paired.map(({ product, other, differences }) => {
    const [volume, ...best] = differences.map(
      (difference) => `${intervalText(difference)} (${difference.pairs})`,
    );
    const bests = Object.fromEntries(best.map((text, index) => [`best${index}`, text]));
    return { pair: `${product} - ${other}`, volume: volume ?? "-", ...bests };
  });
  return textTable(rows, { pair: "", volume: "volume", ...limitHeads(report) });
}

function controlsTable({ aboveControls }: ReportB): string {
  const rows = aboveControls.map(({ contestant, architectures, interval }) => ({
    contestant,
    architectures,
    above: intervalText(interval),
  }));
  return textTable(rows, {
    contestant: "contestant",
    architectures: "architectures",
    above: "above controls",
  });
}
