/** Part A's report for a terminal. */

import { textTable } from "../../cli/table.ts";
import { benchmarkRecipe } from "./benchmarkCost.ts";
import { costOf } from "./costFit.ts";
import type { OutsideReport, OwnReport, ProblemReportA, RegretAtHours, ReportA } from "./reportA.ts";

const percent = (value: number): string => value.toFixed(2);
const hoursText = (hours: number): string => `${Number(hours.toPrecision(3))} h`;

export function printA({ cost, problems }: ReportA): string {
  const sections = problems.map((problem) =>
    [titleOf(problem), ownTable(problem), outsideTable(problem), ...slowerTables(problem)]
      .filter((text) => text !== "")
      .join("\n\n"),
  );
  return [costText(cost), ...sections].join("\n\n");
}

function costText(cost: ReportA["cost"]): string {
  if (cost === undefined) return "The benchmark's trainings have no measured cost yet.";
  const { epochs, images } = benchmarkRecipe;
  const [least, most] = [cost.points.at(0), cost.points.at(-1)].map((point) =>
    point === undefined ? 0 : epochs * images * costOf(cost.line, point.macs),
  );
  const { perImage, perMac } = cost.line;
  return [
    `Training one image takes ${(1000 * perImage).toFixed(3)} ms + ${(1e12 * perMac).toFixed(2)} ps a multiply-add of processor time`,
    `(mean error ${(100 * cost.meanError).toFixed(1)} %); 12 epochs of a cell take ${Math.round(least ?? 0)} to ${Math.round(most ?? 0)} processor seconds.`,
  ].join("\n");
}

const titleOf = ({ name, reward, score, cost }: ProblemReportA): string =>
  `${name}: ${reward} -> ${score} against ${cost}; regret in percent by processor hours`;

function ownTable({ own }: ProblemReportA): string {
  if (own.length === 0) return "";
  const text = ({ meanPercent, bySeedPercent }: RegretAtHours) =>
    `${percent(meanPercent)} (${bySeedPercent.map(percent).join(", ")})`;
  const columns = (own[0] as OwnReport).at.map(({ processorHours }) => hoursText(processorHours));
  const rows = own.map(({ name, at, end, architectures }) => ({
    name,
    ...Object.fromEntries(at.map((value, index) => [`at${index}`, text(value)])),
    end: `${text(end)} after ${hoursText(end.processorHours)}`,
    architectures,
  }));
  const heads = Object.fromEntries(columns.map((head, index) => [`at${index}`, head]));
  return textTable(rows, { name: "own", ...heads, end: "end", architectures: "front" });
}

function outsideTable({ outside }: ProblemReportA): string {
  const [first] = outside;
  if (first === undefined) return "";
  const rows = outside.map(({ name, at, byEvaluations }) => ({
    name,
    ...Object.fromEntries(at.map(({ meanPercent }, index) => [`at${index}`, percent(meanPercent)])),
    ...Object.fromEntries(
      byEvaluations.map(({ evaluations, meanPercent, processorHours }) => [
        `n${evaluations}`,
        `${percent(meanPercent)} (${hoursText(processorHours)})`,
      ]),
    ),
  }));
  const columns = {
    name: `outside, ${first.seeds} seeds`,
    ...Object.fromEntries(
      first.at.map(({ processorHours }, index) => [`at${index}`, hoursText(processorHours)]),
    ),
    ...Object.fromEntries(
      first.byEvaluations.map(({ evaluations }) => [`n${evaluations}`, `n=${evaluations}`]),
    ),
  };
  return textTable(rows, columns);
}

/** One for each own contestant. */
function slowerTables({ own, outside }: ProblemReportA): string[] {
  return own.flatMap(({ name, at, end }) => {
    if (outside.length === 0) return [];
    const marks = [...at, end];
    const rows = outside.map((peer) => ({ name: peer.name, ...factorsOf(peer, name) }));
    const heads = marks.map(({ processorHours, meanPercent }, index) => [
      `at${index}`,
      `${percent(meanPercent)} % at ${hoursText(processorHours)}`,
    ]);
    return [textTable(rows, { name: `times as long as ${name}`, ...Object.fromEntries(heads) })];
  });
}

function factorsOf({ slower }: OutsideReport, own: string): Record<string, string> {
  const at = slower.find(({ than }) => than === own)?.at ?? [];
  return Object.fromEntries(
    at.map(({ factor, isLowerBound }, index) => [
      `at${index}`,
      `${isLowerBound ? "> " : ""}${factor.toPrecision(3)}`,
    ]),
  );
}
