/** What bench/runner.ts measures: networks, paths and how many steps of each. */

import type { Path } from "../gpu-runner/executor/executor.ts";
import { pathAt } from "../gpu-runner/paths.ts";
import { genotypes } from "../shared/genotypes.ts";
import { buildSupernet, deriveNetwork, type Network, type NetworkSize } from "../shared/network.ts";
import { edgesOf, fullChoices, resolveSpace } from "../shared/space.ts";
import type { SetupRequest } from "./runnerProtocol.ts";

export interface Case {
  name: string;
  /** What it stands for, for people. */
  title: string;
  network: Network;
  batch: number;
  mode: "train" | "evaluate";
  /** Of step `step`. */
  path(step: number): Path;
  settings: SetupRequest["settings"];
  dropPath: number;
  movingStatistics: boolean;
  /** Fewer than the machine's. */
  threads?: number;
  /** Steps before anything is timed, the first one apart. */
  warmUpSteps: number;
  /** Timed steps on one side before it is the other's turn. */
  steps: number;
  /** Turns of each side. */
  repeats: number;
}

interface Size extends NetworkSize {
  batch: number;
}

const sizes = {
  usual: { channels: 16, layers: 8, classes: 10, image: { height: 32, width: 32, channels: 3 }, batch: 64 },
  small: { channels: 4, layers: 3, classes: 10, image: { height: 16, width: 16, channels: 3 }, batch: 4 },
} satisfies Record<string, Size>;

const space = resolveSpace("tnd-nas");
const genotype = "TND_NAS";
const seed = 1;
const settings = { learningRate: 0.025, momentum: 0.9, weightDecay: 3e-4, clipNorm: 5 };

/** By cell kind and edge, something made of the edge's number of operations. */
function everyEdge<T>(make: (operations: number) => T): Record<string, T[]> {
  const edges = edgesOf(space);
  return Object.fromEntries(
    Object.entries(space.cells).map(([kind, { operations }]) => [
      kind,
      edges.map(() => make(operations.length)),
    ]),
  );
}

const randomPath = (step: number): Path =>
  pathAt({ kind: "uniform", seed, sizes: everyEdge((operations) => operations), logits: {} }, step);

const evenMixture = (): Path =>
  pathAt({ kind: "mixture", seed, sizes: {}, logits: everyEdge((count) => new Array(count).fill(0)) }, 0);

/**
 * Every case, in the order in which they are measured.
 *
 * @param isSmall the size of a test that everything works, whose figures say nothing
 */
export function casesOf(isSmall: boolean): Case[] {
  const { batch, ...size } = isSmall ? sizes.small : sizes.usual;
  const supernet = buildSupernet({ space, choices: fullChoices(space), ...size });
  const search = {
    network: supernet,
    batch,
    mode: "train",
    settings,
    dropPath: 0,
    movingStatistics: false,
    path: randomPath,
    warmUpSteps: 3,
    steps: 3,
    repeats: 4,
  } as const;
  return [
    { ...search, name: "sampled", title: "training step, a new random path each" },
    {
      ...search,
      name: "mixture",
      title: "training step, all operations weighted",
      path: evenMixture,
      warmUpSteps: 1,
      steps: 1,
      repeats: 3,
    },
    {
      ...search,
      name: "evaluation",
      title: "evaluation, a new random path each",
      mode: "evaluate",
      steps: 4,
    },
    {
      ...search,
      name: "finalStep",
      title: "final training step",
      network: deriveNetwork({ genotype: namedGenotype(), auxiliary: true, ...size }),
      settings: { ...settings, auxiliaryWeight: 0.4 },
      dropPath: 0.2,
      movingStatistics: true,
      path: () => ({ kind: "only" }),
    },
    {
      ...search,
      name: "dispatch",
      title: "sampled step, 1 image, 4 channels, 1 thread",
      network: buildSupernet({ space, choices: fullChoices(space), ...size, channels: 4 }),
      batch: 1,
      threads: 1,
      warmUpSteps: 10,
      steps: 10,
    },
  ];
}

function namedGenotype() {
  const found = genotypes[genotype];
  if (found === undefined) throw new Error(`There is no genotype ${genotype}.`);
  return found;
}
