/** What part B searches: a space at one size on one data set, with all that can be told of an architecture without training. */

import { positionsOf, selectionOf } from "../../shared/code.ts";
import { connectivity } from "../../shared/connected.ts";
import { type CostTable, costTable, selectionCost } from "../../shared/count.ts";
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
  /**
   * What draws those of about so many parameters often; of one size all are as likely. It may give one of another size,
   * and undefined where a network does not see its image.
   */
  drawOfSize(parameters: number): (random: Random) => Architecture | undefined;
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
    drawOfSize: (parameters) => {
      const draw = tiltedDraw(table, parameters);
      return (random) => {
        const selection = draw(random);
        return isConnected(selection) ? architectureOf(selection) : undefined;
      };
    },
  };
}

/** Far beyond what brings a draw's mean to the smallest or the largest network. */
const steepestTilt = 0.1;
const halvings = 60;

/**
 * Draws each edge by itself, an operation by exp(-tilt * its parameters), with the tilt that gives so many parameters on
 * average. As parameters add up over edges, a selection's chance follows from its size alone.
 */
function tiltedDraw({ base, edges }: CostTable, parameters: number): (random: Random) => Selection {
  const rows = Object.values(edges).flat();
  const meanAt = (tilt: number) =>
    base.parameters +
    rows.reduce((sum, row) => {
      const costs = Object.values(row).map((cost) => cost.parameters);
      const weights = weightsOf(costs, tilt);
      const total = weights.reduce((all, weight) => all + weight, 0);
      return sum + costs.reduce((all, cost, index) => all + cost * (weights[index] ?? 0), 0) / total;
    }, 0);
  let [low, high] = [-steepestTilt, steepestTilt];
  for (let step = 0; step < halvings; step++) {
    const middle = (low + high) / 2;
    if (meanAt(middle) > parameters) low = middle;
    else high = middle;
  }
  const tilted = Object.entries(edges).map(
    ([kind, ofKind]) =>
      [
        kind,
        ofKind.map((row) => {
          const costs = Object.values(row).map((cost) => cost.parameters);
          return { names: Object.keys(row), weights: weightsOf(costs, high) };
        }),
      ] as const,
  );
  return (random) =>
    Object.fromEntries(
      tilted.map(([kind, ofKind]) => [
        kind,
        ofKind.map(({ names, weights }) => names[random.categorical(weights)] as string),
      ]),
    );
}

/** The largest is 1, so that none overflows. */
function weightsOf(costs: readonly number[], tilt: number): number[] {
  const exponents = costs.map((cost) => -tilt * cost);
  const most = Math.max(...exponents);
  return exponents.map((exponent) => Math.exp(exponent - most));
}
