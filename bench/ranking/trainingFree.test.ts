/** The benchmark's networks as they are scored, and the report of such scores. */

import { describe, expect, test } from "vitest";
import { countNetwork } from "../../shared/count.ts";
import { Random } from "../../shared/random.ts";
import type { UntrainedScores } from "../../shared/untrained.ts";
import { printed, reportOf } from "./report.ts";
import type { BenchmarkCell } from "./table.ts";
import { benchmarkNetwork, cellScores } from "./trainingFree.ts";

describe("a cell's network", () => {
  test("has the benchmark's parameters, and those of what is read where the rest is left out", () => {
    // From the table: |avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|
    expect(countNetwork(benchmarkNetwork([4, 2, 1, 2, 1, 1], 10, true)).parameters).toBe(129_306);
    // Edge 3 <- 2 is none, so nothing reads what leads to node 2.
    const unread = [1, 3, 3, 2, 1, 0];
    const whole = countNetwork(benchmarkNetwork(unread, 10, true)).parameters;
    const read = countNetwork(benchmarkNetwork(unread, 10, false)).parameters;
    expect(read).toBe(countNetwork(benchmarkNetwork([1, 0, 0, 2, 1, 0], 10, true)).parameters);
    expect(read).toBeLessThan(whole);
  });
});

const random = new Random(4);
const cells: BenchmarkCell[] = Array.from({ length: 40 }, (_, index) => ({
  index,
  selection: Array.from({ length: 6 }, () => random.integer(4) + 1),
  canonicalIndex: index,
  accuracy: index,
  twelveEpochs: random.uniform(),
  parameters: random.integer(5),
}));

const scoresOf = (value: number): UntrainedScores => ({
  expressivity: value,
  progressivity: value,
  trainability: value,
  macs: value,
  distinctPatterns: value,
});

describe("a report", () => {
  test("has scores without training beside counts and 12 epochs, and their differences, without a supernet", () => {
    const untrained = cells.map(({ accuracy }) => cellScores([scoresOf(accuracy), scoresOf(3 * accuracy)]));
    const report = reportOf(cells, { untrained }, { seed: 1, resamples: 20 });
    expect(report.rankers.azNas?.tau.value).toBe(1);
    expect(report.rankers.everything?.rhoWithin.value).toBeCloseTo(1, 9);
    expect(report.rankers.supernet).toBeUndefined();
    expect(report.differences.map(({ first, second }) => `${first} - ${second}`)).toEqual([
      "azNas - liveParameters",
      "everything - liveParameters",
      "everything - azNas",
      "everything - twelveEpochs",
      "after32 - everything",
      "after32 - liveParameters",
      "after32 - twelveEpochs",
    ]);
    expect(report.cells[3]).toMatchObject({ index: 3, expressivity: 6 });
    expect(printed(report)).toMatch(/\*\*AZ-NAS\*\* \| 1\.000/);
  });

  test("joins a supernet with them where there is one", () => {
    const untrained = cells.map(({ accuracy }) => scoresOf(accuracy));
    const supernet = cells.map(({ accuracy }) => ({ loss: 2 - accuracy / 100, accuracy }));
    const report = reportOf(cells, { supernet, untrained }, { seed: 1, resamples: 20 });
    expect(report.rankers.everything?.tau.value).toBe(1);
  });
});
