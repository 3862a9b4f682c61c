/** The measurements for people. */

import type { largeSearch } from "./large.ts";
import type { manyRunners } from "./many.ts";
import type { costOfRounds } from "./rounds.ts";
import type { scaling } from "./scaling.ts";
import type { trainingScaling } from "./training.ts";

interface Results {
  rounds?: Awaited<ReturnType<typeof costOfRounds>>;
  runners?: Awaited<ReturnType<typeof manyRunners>>;
  scaling?: Awaited<ReturnType<typeof scaling>>;
  training?: Awaited<ReturnType<typeof trainingScaling>>;
  large?: Awaited<ReturnType<typeof largeSearch>>;
}

interface Machine {
  cpu: string | undefined;
  cores: number;
  node: string;
}

export function printed(
  { rounds, runners, scaling: scaled, training, large }: Results,
  { cpu, cores, node }: Machine,
): string {
  const lines = [`${cpu}, ${cores} cores, Node ${node}`];
  if (rounds)
    lines.push(
      "",
      `${rounds.reports} reports of ${rounds.preset}: ${rounds.workerCpuMsPerReport} ms of workerd's CPU each; round trip ${rounds.roundTripMs.p50} ms (p99 ${rounds.roundTripMs.p99})`,
    );
  if (runners)
    lines.push(
      "",
      `${runners.runners} runners, ${runners.rounds} rounds: ${runners.roundsPerSecond} rounds/s; report ${runners.reportMs.p50} ms (p99 ${runners.reportMs.p99}); ${runners.queriesPerReport} queries and ${runners.rowsWrittenPerReport} rows written each`,
      `Rounds lost: ${runners.lostRounds}; counted twice: ${runners.doubledRounds}`,
    );
  if (scaled)
    lines.push(
      "",
      `Rounds of ${scaled.workMs} ms`,
      "| runners | rounds/min | of linear |",
      "| --: | --: | --: |",
      ...scaled.rows.map(
        ({ runners: count, roundsPerMinute, ofLinear }) => `| ${count} | ${roundsPerMinute} | ${ofLinear} |`,
      ),
    );
  if (training)
    lines.push(
      "",
      `One search by training, strategy ${training.strategy}, trainings of ${training.workMs} ms`,
      "| runners | trainings/min | of linear | report ms (p99) | trainings/s without work |",
      "| --: | --: | --: | --: | --: |",
      ...training.rows.map(
        ({ runners: count, trainingsPerMinute, ofLinear, reportMs, mostPerSecond }) =>
          `| ${count} | ${trainingsPerMinute} | ${ofLinear} | ${reportMs.p50} (${reportMs.p99}) | ${mostPerSecond} |`,
      ),
    );
  if (large)
    lines.push(
      "",
      `A search of ${large.candidates.toLocaleString("en-US")} candidates`,
      "| read | ms (p99) | kB |",
      "| --- | --: | --: |",
      ...Object.entries(large.answers).map(
        ([name, { milliseconds, bytes }]) =>
          `| ${name} | ${milliseconds.p50} (${milliseconds.p99}) | ${Math.round(bytes / 1000)} |`,
      ),
    );
  return lines.join("\n");
}
