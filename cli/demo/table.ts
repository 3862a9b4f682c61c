/** What each length of the demo does: fixed rows, never derived from measured speed, so that equal seeds agree. */

import type { SpecificationInput } from "../../shared/specification.ts";

interface DemoRow {
  preset: string;
  /** Network that is counted, and trained in the end. */
  channels: number;
  layers: number;
  /** Of parameters. */
  target: number;
  finalSteps: number;
}

/** By `--minutes`, on two cores with native TensorFlow. */
export const demoTable: Readonly<Record<string, DemoRow>> = {
  3: { preset: "demo-3", channels: 8, layers: 5, target: 55_000, finalSteps: 260 },
  5: { preset: "demo-3", channels: 8, layers: 5, target: 60_000, finalSteps: 600 },
  10: { preset: "demo-10", channels: 8, layers: 5, target: 90_000, finalSteps: 750 },
};

export const DEFAULT_MINUTES = 10;

/** @throws RangeError for minutes without a row */
export function demoSpecification(minutes: number, seed: number): SpecificationInput {
  const row = demoTable[minutes];
  if (row === undefined) throw new RangeError(`The demo has no schedule of ${minutes} minutes.`);
  return {
    name: `demo of ${minutes} minutes`,
    // So young a supernet flatters small networks, and the default strategy would find them.
    strategy: { name: "tnd-nas" },
    dataset: { name: "fashion-mnist" },
    evaluation: { kind: "supernet", network: { stem: "cifar", channels: row.channels, layers: row.layers } },
    objectives: [
      { name: "accuracy", goal: "maximize" },
      { name: "parameters", goal: "minimize", target: row.target },
    ],
    schedule: { preset: row.preset },
    finalTraining: { preset: "demo", steps: row.finalSteps, top: 1 },
    seed,
  };
}
