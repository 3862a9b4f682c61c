/** What part B searches: a space at one size on one data set, with all that can be told of an architecture without training. */

import { positionsOf, selectionOf } from "../../shared/code.ts";
import { connectivity } from "../../shared/connected.ts";
import { costTable, selectionCost } from "../../shared/count.ts";
import { datasetFacts, trivialAccuracy } from "../../shared/datasets.ts";
import { canonicalHash, type Genotype } from "../../shared/genotype.ts";
import type { Random } from "../../shared/random.ts";
import { genotypeFromSelection, randomSelection, resolveSpace, type Selection } from "../../shared/space.ts";
import { network } from "./settings.ts";

export const spaceNames = ["tnd-nas", "darts"] as const;
export type SpaceName = (typeof spaceNames)[number];
export const contestDatasets = ["fashion-mnist", "cifar10"] as const;
export type ContestDataset = (typeof contestDatasets)[number];

export interface Architecture {
  hash: string;
  genotype: Genotype;
  parameters: number;
}

export interface Arena {
  space: SpaceName;
  dataset: ContestDataset;
  /** Operations at each position. */
  positions: ReturnType<typeof positionsOf>;
  /** In percent, of a network that does not see its image. */
  trivialAccuracy: number;
  architectureOf(selection: Selection): Architecture;
  architectureOfCode(code: readonly number[]): Architecture & { isConnected: boolean };
  /** Of those that see their image. */
  randomArchitecture(random: Random): Architecture;
  /** The same draw, but of one that has about so many parameters; undefined where it has not. */
  randomOfSize(random: Random, isSize: (parameters: number) => boolean): Architecture | undefined;
}

export function arenaOf(spaceName: SpaceName, dataset: ContestDataset): Arena {
  const space = resolveSpace(spaceName);
  const { image, classes } = datasetFacts[dataset];
  const size = { ...network, image, classes };
  const table = costTable(space, size);
  const isConnected = connectivity(space, size);
  const positions = positionsOf(space);
  const parametersOf = (selection: Selection) => selectionCost(table, selection).parameters;
  const architectureOf = (selection: Selection): Architecture => {
    const genotype = genotypeFromSelection(space, selection);
    return { hash: canonicalHash(genotype, space), genotype, parameters: parametersOf(selection) };
  };
  return {
    space: spaceName,
    dataset,
    positions,
    trivialAccuracy: trivialAccuracy({ name: dataset }),
    architectureOf,
    architectureOfCode: (code) => {
      const selection = selectionOf(positions, code);
      return { ...architectureOf(selection), isConnected: isConnected(selection) };
    },
    randomArchitecture: (random) => {
      for (;;) {
        const selection = randomSelection(space, random);
        if (isConnected(selection)) return architectureOf(selection);
      }
    },
    randomOfSize: (random, isSize) => {
      const selection = randomSelection(space, random);
      if (!isSize(parametersOf(selection)) || !isConnected(selection)) return undefined;
      return architectureOf(selection);
    },
  };
}
