/** The figures of bench/runner.ts and how they are printed. */

/** One side of a case. */
export interface Side {
  imagesPerSecond: number;
  /** Median of the timed steps. */
  stepMs: number;
  /** The timed steps, in order. */
  milliseconds: number[];
  /** From the start of the process to the end of its first step. */
  readySeconds: number;
  /** Largest anonymous resident memory; undefined outside of Linux. */
  peakMegabytes: number | undefined;
}

export interface CaseReport {
  name: string;
  title: string;
  batch: number;
  threads: number;
  /** Whether other programs were busy meanwhile, so that the times say little. */
  isDisturbed: boolean;
  ours: Side;
  peer: Side | undefined;
  /** Speed of ours by that of the peer. */
  ratio: number | undefined;
  /** Calls into the native library in one step of ours, by entry. */
  callsPerStep: Record<string, number>;
  /** How far the losses of a first and second step from the same weights are apart. */
  lossDifferences: number[];
}

export interface Report {
  date: string;
  machine: { cpu: string | undefined; cores: number };
  threads: number;
  layout: string;
  versions: Record<string, string>;
  cases: CaseReport[];
  /** Over the cases of the usual size; undefined where one of them was disturbed or has no peer. */
  geometricMeanRatio: number | undefined;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] as number) + (sorted[Math.ceil(middle)] as number)) / 2;
}

export function geometricMean(values: readonly number[]): number | undefined {
  if (values.length === 0) return undefined;
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

const columns: Record<string, (report: CaseReport) => string> = {
  "": ({ title }) => title,
  "images/s": ({ ours }) => digits(ours.imagesPerSecond),
  "PyTorch images/s": ({ peer }) => digits(peer?.imagesPerSecond),
  ratio: ({ ratio, isDisturbed }) => digits(ratio) + (isDisturbed ? " (busy)" : ""),
  "native calls/step": ({ callsPerStep }) =>
    String(Object.values(callsPerStep).reduce((sum, calls) => sum + calls, 0)),
  MB: ({ ours }) => digits(ours.peakMegabytes),
  "PyTorch MB": ({ peer }) => digits(peer?.peakMegabytes),
  "ready s": ({ ours }) => digits(ours.readySeconds),
  "PyTorch ready s": ({ peer }) => digits(peer?.readySeconds),
  "loss apart": ({ lossDifferences }) => lossDifferences[0]?.toExponential(0) ?? "",
};

/** What to say before the next case is measured. */
export function summaryLine({ name, ours, peer, ratio, isDisturbed }: CaseReport): string {
  const beside = peer && ` beside PyTorch's ${digits(peer.imagesPerSecond)}, ratio ${digits(ratio)}`;
  const warning = isDisturbed ? "; other programs were busy meanwhile, so this says little" : "";
  return `${name}: ${digits(ours.imagesPerSecond)} images/s${beside ?? ""}${warning}`;
}

/** For a terminal. */
export function printTable(report: Report): string {
  const rows = tableOf(report);
  const widths = Object.keys(columns).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] as string).length)),
  );
  const lines = rows.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] as number;
        return column === 0 ? cell.padEnd(width) : cell.padStart(width);
      })
      .join("  "),
  );
  return [machineLine(report), "", ...lines, "", meanLine(report)].join("\n");
}

export function printMarkdown(report: Report): string {
  const [head = [], ...rows] = tableOf(report);
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const rule = head.map((_, column) => (column === 0 ? "---" : "--:"));
  return [machineLine(report), "", ...[head, rule, ...rows].map(line), "", meanLine(report)].join("\n");
}

function tableOf({ cases }: Report): string[][] {
  return [
    Object.keys(columns),
    ...cases.map((report) => Object.values(columns).map((column) => column(report))),
  ];
}

function machineLine({ machine, threads, versions, layout, date }: Report): string {
  const listed = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const torch = versions.torch === undefined ? [] : [`PyTorch ${layout.replace("_", " ")}`];
  return [
    `${machine.cpu ?? "unknown processor"}, ${machine.cores} cores, ${threads} threads`,
    ...listed,
    ...torch,
    date.slice(0, 10),
  ].join("; ");
}

function meanLine({ geometricMeanRatio }: Report): string {
  const mean = digits(geometricMeanRatio) || "not known";
  return `Geometric mean of the ratios, the step of one image apart: ${mean}`;
}

/** Three significant ones. */
function digits(value: number | undefined): string {
  if (value === undefined) return "";
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}
