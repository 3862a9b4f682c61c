/** Predicted and measured latencies of networks that nothing was fitted to. */

import type { DeviceBackend } from "../../device/backend.ts";
import { type NodeBackendName, nodeBackends } from "../../device/backends/index.ts";
import { measureSubject } from "../../device/measure.ts";
import { besideReference } from "../../device/reference.ts";
import { costTable, selectionCost } from "../../shared/count.ts";
import {
  type MeasuringSettings,
  networkSettings,
  operationSettings,
  type Subject,
} from "../../shared/measuring.ts";
import type { NetworkSize } from "../../shared/network.ts";
import { fitPredictor, tableSums } from "../../shared/prediction/fit.ts";
import {
  calibrationSelections,
  calibrationSubjects,
  networkSubject,
} from "../../shared/prediction/subjects.ts";
import { predictedOf } from "../../shared/predictor.ts";
import { Random } from "../../shared/random.ts";
import { kendall } from "../../shared/rankCorrelation.ts";
import { randomSelection, type SearchSpace } from "../../shared/space.ts";

export interface Setting {
  backend: NodeBackendName;
  space: SearchSpace;
  size: NetworkSize;
  log: (line: string) => void;
}

/** Not the seed of any calibration. */
const testSeed = 77_003;
/** As many as one task of the edge's has. */
const together = 8;

export async function predictions({ backend, space, size, log }: Setting, networks: number) {
  const device = await nodeBackends[backend]({});
  const all = calibrationSubjects(space, size);
  log(`calibrating: ${all.length} subjects`);
  const parts = await timed(() => measured(device, all, log));
  const { predictor, quality } = fitPredictor(space, size, parts.value);
  log(
    `left-out tau ${quality.kendallTau.toFixed(3)}, median error ${quality.medianErrorPercent.toFixed(1)} %`,
  );

  const random = new Random(testSeed);
  const selections = Array.from({ length: networks }, () => randomSelection(space, random));
  const subjects = selections.map((selection, index) => ({
    ...networkSubject(space, size, selection),
    key: `test ${index}`,
  }));
  const real = await timed(() => measured(device, subjects, log));
  const truth = selections.map((_, index) => real.value[`test ${index}`] ?? Number.NaN);

  const fitted = calibrationSelections(space, size);
  const known = fitted.map(
    (selection) => parts.value[networkSubject(space, size, selection).key] ?? Number.NaN,
  );
  const costs = costTable(space, size);
  const macs = (list: typeof selections) => list.map((selection) => selectionCost(costs, selection).macs);
  const sums = tableSums(space, size, parts.value);
  return {
    calibrationSeconds: parts.seconds,
    leftOut: quality,
    networks,
    measuringSeconds: real.seconds,
    rangeMs: { smallest: Math.min(...truth), largest: Math.max(...truth) },
    predictor: compared(
      selections.map((one) => predictedOf(space, predictor, one)),
      truth,
    ),
    lineOverMacs: compared(line(macs(fitted), known)(macs(selections)), truth),
    lineOverTable: compared(line(fitted.map(sums), known)(selections.map(sums)), truth),
    tableAlone: compared(selections.map(sums), truth),
  };
}

async function timed<T>(work: () => Promise<T>): Promise<{ value: T; seconds: number }> {
  const startedAt = performance.now();
  return { value: await work(), seconds: (performance.now() - startedAt) / 1000 };
}

/** Medians by key, in the way of a device that works for an edge: beside its reference, at that one's first speed. */
async function measured(
  device: DeviceBackend,
  subjects: readonly Subject[],
  log: (line: string) => void,
): Promise<Record<string, number>> {
  const values: Record<string, number> = {};
  for (let first = 0; first < subjects.length; first += together) {
    const settings = networkSettings;
    const beside = await besideReference(
      device,
      { objectives: ["latency"], settings, referenceMs: nominalMs },
      {},
    );
    if (beside === null) throw new Error("the reference could not be measured");
    nominalMs ??= beside.measured.median;
    for (const subject of subjects.slice(first, first + together)) {
      const own: MeasuringSettings = subject.kind === "network" ? networkSettings : operationSettings;
      const { reference } = beside;
      const result = await measureSubject(device, subject, ["latency"], own, { reference });
      const { latency } = result.values;
      if (latency) values[subject.key] = latency.median;
      else log(`${subject.key}: ${result.failure}`);
    }
    log(`${Math.min(first + together, subjects.length)} of ${subjects.length}`);
  }
  return values;
}

let nominalMs: number | null = null;

/** Least squares of relative errors. */
function line(x: readonly number[], y: readonly number[]): (x: readonly number[]) => number[] {
  const weights = y.map((value) => 1 / value ** 2);
  const sum = (of: (index: number) => number) =>
    weights.reduce((total, weight, index) => total + weight * of(index), 0);
  const at = (list: readonly number[], index: number) => list[index] ?? 0;
  const total = sum(() => 1);
  const meanX = sum((index) => at(x, index)) / total;
  const meanY = sum((index) => at(y, index)) / total;
  const slope =
    sum((index) => (at(x, index) - meanX) * (at(y, index) - meanY)) /
    sum((index) => (at(x, index) - meanX) ** 2);
  return (list) => list.map((value) => meanY + slope * (value - meanX));
}

function compared(predicted: readonly number[], truth: readonly number[]) {
  const errors = truth
    .map((value, index) => 100 * Math.abs((predicted[index] ?? 0) / value - 1))
    .sort((a, b) => a - b);
  const at = (share: number) => errors[Math.floor(share * (errors.length - 1))] ?? Number.NaN;
  return {
    kendallTau: kendall(predicted, truth) ?? 0,
    medianErrorPercent: at(0.5),
    error90Percent: at(0.9),
  };
}
