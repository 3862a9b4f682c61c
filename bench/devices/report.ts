/** The figures for people. */

import { textTable } from "../../cli/table.ts";

interface Compared {
  kendallTau: number;
  medianErrorPercent: number;
  error90Percent: number;
}

export function printed(results: Record<string, unknown>): string {
  const { prediction, repeatability, machine } = results as {
    prediction?: Record<string, Compared> & { networks: number; calibrationSeconds: number };
    repeatability?: { inside: number; of: number; minutes: number; interval: { low: number; high: number } };
    machine: object;
  };
  const lines: string[] = [];
  if (prediction !== undefined) {
    const rows = ["predictor", "lineOverMacs", "lineOverTable", "tableAlone"].map((what) => ({
      what,
      ...(prediction[what] as Compared),
    }));
    lines.push(
      `${prediction.networks} networks, calibrated in ${prediction.calibrationSeconds.toFixed(0)} s`,
      textTable(rows, {
        what: "",
        kendallTau: "KENDALL TAU",
        medianErrorPercent: "MEDIAN ERROR, %",
        error90Percent: "90 % ERR AT MOST, %",
      }),
    );
  }
  if (repeatability !== undefined) {
    const { inside, of, minutes, interval } = repeatability;
    lines.push(
      `${inside} of ${of} new measurements over ${minutes} minutes between ${interval.low.toPrecision(4)} and ${interval.high.toPrecision(4)} ms`,
    );
  }
  return [...lines, JSON.stringify(machine)].join("\n");
}
