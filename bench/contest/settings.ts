/** What the product is told in the contest: its defaults, with lengths in proportion to the hours that it gets. */

import { datasetFacts } from "../../shared/datasets.ts";
import { schedulePresets } from "../../shared/schedule.ts";
import type { SpecificationInput, StrategyName } from "../../shared/specification.ts";
import type { ContestDataset, SpaceName } from "./arena.ts";

export const ownContestants = ["default", "tnd-nas", "training"] as const;
export type OwnContestant = (typeof ownContestants)[number];

/** The network whose parameters are counted and that candidates are trained as. */
export const network = { stem: "cifar", channels: 8, layers: 5 } as const;

/**
 * Lengths for one processor hour, by data set and space: weight steps of each of the two stages of a supernet, and
 * architectures and the steps of the three rungs of a search by training.
 */
export interface HourlyLengths {
  stage: { steps: number; warmupSteps: number; drop: Record<string, number> };
  training: { architectures: number; rungs: readonly number[] };
}

/** Part A, measured on two cores; the short trainings that follow a supernet are sized by the product. */
export const benchmarkLengths: HourlyLengths = {
  stage: { steps: 10_500, warmupSteps: 4200, drop: { normal: 2 } },
  training: { architectures: 32, rungs: [200, 600, 1800] },
};

/** Part B, on images of CIFAR-10, measured on two cores. */
export const spaceLengths: Record<SpaceName, HourlyLengths> = {
  "tnd-nas": {
    stage: { steps: 1500, warmupSteps: 600, drop: { normal: 4, reduction: 2 } },
    training: { architectures: 24, rungs: [60, 180, 540] },
  },
  darts: {
    stage: { steps: 1500, warmupSteps: 600, drop: { normal: 3, reduction: 3 } },
    training: { architectures: 24, rungs: [60, 180, 540] },
  },
};

/** Those of a data set, in proportion to the pixels of its images. */
export function lengthsOf(space: SpaceName, dataset: ContestDataset): HourlyLengths {
  const pixelsOf = ({ height, width }: { height: number; width: number }) => height * width;
  const more = pixelsOf(datasetFacts.cifar10.image) / pixelsOf(datasetFacts[dataset].image);
  const { stage, training } = spaceLengths[space];
  return {
    stage: {
      ...stage,
      steps: Math.round(stage.steps * more),
      warmupSteps: Math.round(stage.warmupSteps * more),
    },
    training: { ...training, rungs: training.rungs.map((steps) => steps * more) },
  };
}

/** Share of the training images that a search by training measures on; the product's default. */
export const validationFraction = 0.1;

/** Everything but the name, the data and the space. */
export function ownSpecification(
  contestant: OwnContestant,
  { hours, seed, lengths }: { hours: number; seed: number; lengths: HourlyLengths },
): Omit<SpecificationInput, "name"> {
  const common = { finalTraining: { preset: "demo", epochs: 12, top: 0 }, seed } as const;
  if (contestant === "training") return { ...common, evaluation: byTraining(lengths, hours) };
  const strategy: StrategyName = contestant;
  return {
    ...common,
    strategy: { name: strategy },
    evaluation: { kind: "supernet", network },
    schedule: scheduleOf(lengths, hours),
  };
}

/** The default schedule, longer or shorter. */
function scheduleOf({ stage }: HourlyLengths, hours: number): SpecificationInput["schedule"] {
  const { layers, channels } = network;
  const steps = Math.max(2, Math.round(stage.steps * hours));
  const warmupSteps = Math.max(1, Math.round(stage.warmupSteps * hours));
  const length = { layers, channels, steps, warmupSteps, skipDropout: 0.1 };
  const kept = Object.fromEntries(Object.keys(stage.drop).map((kind) => [kind, 0]));
  return {
    ...schedulePresets["demo-10"],
    stages: [
      { ...length, drop: stage.drop },
      { ...length, drop: kept },
    ],
  };
}

/** Twice the hours give 1.4 times as many architectures, each trained 1.4 times as long. */
function byTraining(lengths: HourlyLengths, hours: number) {
  return {
    kind: "training",
    network,
    architectures: Math.max(4, Math.round(lengths.training.architectures * Math.sqrt(hours))),
    rungs: rungSteps(lengths, hours).map((steps) => ({ steps })),
    validationFraction,
  } as const;
}

/** Weight steps of each rung. */
export const rungSteps = ({ training }: HourlyLengths, hours: number): number[] =>
  training.rungs.map((steps) => Math.max(2, Math.round(steps * Math.sqrt(hours))));
