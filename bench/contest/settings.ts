/** What the product is told in the contest: its defaults, with lengths in proportion to the hours that it gets. */

import { schedulePresets } from "../../shared/schedule.ts";
import type { SpecificationInput, StrategyName } from "../../shared/specification.ts";

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
  stage: { steps: 2400, warmupSteps: 960, drop: { normal: 2 } },
  training: { architectures: 24, rungs: [150, 450, 1350] },
};

/** Everything but the name, the data and the space. */
export function ownSpecification(
  contestant: OwnContestant,
  { hours, seed, lengths }: { hours: number; seed: number; lengths: HourlyLengths },
): Omit<SpecificationInput, "name"> {
  const common = { finalTraining: { preset: "demo", top: 0 }, seed } as const;
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

/** Twice the hours give half as many architectures again, each trained so much longer. */
function byTraining({ training }: HourlyLengths, hours: number) {
  const factor = Math.sqrt(hours);
  return {
    kind: "training",
    network,
    architectures: Math.max(4, Math.round(training.architectures * factor)),
    rungs: training.rungs.map((steps) => ({ steps: Math.max(2, Math.round(steps * factor)) })),
  } as const;
}
