/** What each length of the demo does: fixed rows, never derived from measured speed, so that equal seeds agree. */

import { type ScheduleInput, schedulePresets } from "../../shared/schedule.ts";
import type { SpecificationInput } from "../../shared/specification.ts";

interface DemoRow {
  preset: string;
  /** Weight steps of each of its two stages, where they are not the preset's. */
  stage?: { warmupSteps: number; steps: number };
  /** Network that is counted, and trained in the end. */
  channels: number;
  layers: number;
  /** Of parameters. */
  target: number;
  /** Short trainings, of which the front is made. */
  architectures: number;
  steps: number;
  finalSteps: number;
}

const network = { channels: 8, layers: 5, target: 50_000 };
/** By `--minutes`, on two cores with native TensorFlow. */
export const demoTable: Readonly<Record<string, DemoRow>> = {
  3: {
    ...network,
    preset: "demo-3",
    stage: { warmupSteps: 48, steps: 96 },
    architectures: 6,
    steps: 50,
    finalSteps: 260,
  },
  5: { ...network, preset: "demo-3", architectures: 8, steps: 80, finalSteps: 600 },
  10: {
    ...network,
    preset: "demo-10",
    stage: { warmupSteps: 80, steps: 200 },
    architectures: 10,
    steps: 140,
    finalSteps: 900,
  },
};

export const DEFAULT_MINUTES = 10;

/** Short trainings say more than a second measurement by shared weights, so that is short. */
const confirmation = { images: 500, architectures: 16 };
/** Of the training images, what measures short trainings: 3,000. */
const validationFraction = 0.05;

/** @throws RangeError for minutes without a row */
export function demoSpecification(minutes: number, seed: number): SpecificationInput {
  const row = demoTable[minutes];
  const preset = row && schedulePresets[row.preset];
  if (row === undefined || preset === undefined)
    throw new RangeError(`The demo has no schedule of ${minutes} minutes.`);
  const schedule: ScheduleInput = {
    ...preset,
    confirmation,
    stages: preset.stages.map((stage) => ({ ...stage, ...row.stage })),
  };
  return {
    name: `demo of ${minutes} minutes`,
    // So young a supernet flatters small networks, and the default strategy would propose little else.
    strategy: { name: "tnd-nas" },
    dataset: { name: "fashion-mnist" },
    evaluation: { kind: "supernet", network: { stem: "cifar", channels: row.channels, layers: row.layers } },
    objectives: [
      { name: "accuracy", goal: "maximize" },
      { name: "parameters", goal: "minimize", target: row.target },
    ],
    schedule,
    reranking: { architectures: row.architectures, rungs: [{ steps: row.steps }], validationFraction },
    finalTraining: { preset: "demo", steps: row.finalSteps, top: 1 },
    seed,
  };
}
