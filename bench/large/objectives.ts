/**
 * Made-up objectives on spaces too large for a table, each drawn from a seed. What an architecture is worth follows
 * from one of four rules of a family; what it costs adds up over its operations, better ones being dearer on average.
 */

import type { Problem } from "../../edge/controller/strategies/strategy.ts";
import { tableProblem } from "../../edge/controller/strategies/tableProblem.ts";
import type { Code, Position } from "../../shared/code.ts";
import { operations as operationTable } from "../../shared/operations.ts";
import { deriveSeed, Random } from "../../shared/random.ts";
import { concatOf, edgesOf, resolveSpace, type SearchSpace, spaces } from "../../shared/space.ts";

/** Additive over positions; over edges on a path only; over paths, with diminishing returns; over pairs that meet. */
export const families = ["additive", "live", "paths", "pairs"] as const;
export type Family = (typeof families)[number];

export const largeSpaces: Readonly<Record<string, () => SearchSpace>> = {
  "tnd-nas": () => spaces["tnd-nas"] as SearchSpace,
  darts: () => spaces.darts as SearchSpace,
  "cells-28x4": () => {
    const four = ["none", "skip_connect", "sep_conv_3x3", "max_pool_3x3"];
    return resolveSpace({ normal: four, reduction: four, nodes: 4 });
  },
  "positions-28x8": () => blocks(28, 8),
  "positions-7x36": () => blocks(7, 36),
  "positions-8x3": () => blocks(8, 3),
};

function blocks(positions: number, kinds: number): SearchSpace {
  return resolveSpace({ positions, operations: Array.from({ length: kinds }, (_, kind) => `block${kind}`) });
}

export interface ObjectiveOptions {
  space: string;
  family: Family;
  /** Standard deviation of what a search sees, as a share of that of random architectures' scores. */
  noise: number;
  isCostKnown: boolean;
  seed: number;
}

export interface LargeObjective {
  options: ObjectiveOptions;
  problem: Problem;
  /** In percent; 100 cannot be reached. */
  score(code: Code): number;
  cost(code: Code): number;
  /** Standard deviation of what a search sees. */
  noise: number;
}

const calibration = 400;

export function objectiveOf(options: ObjectiveOptions): LargeObjective {
  const { space: name, family, isCostKnown, seed } = options;
  const space = largeSpaces[name]?.();
  if (space === undefined) throw new RangeError(`There is no space ${name}.`);
  const base = tableProblem(space);
  const { positions } = base;
  const random = new Random(deriveSeed(seed, name, family));
  const strengths = strengthsOf(positions, random);
  const cost = costOf(positions, strengths, random);
  const raw = rules[family](space, positions, strengths, random);
  const drawn = Array.from({ length: calibration }, () =>
    raw(positions.map(({ operations }) => random.integer(operations.length))),
  );
  const mean = drawn.reduce((sum, value) => sum + value, 0) / drawn.length;
  const deviation = Math.sqrt(drawn.reduce((sum, value) => sum + (value - mean) ** 2, 0) / drawn.length) || 1;
  const score = (code: Code) => 100 - 30 * Math.exp(-(raw(code) - mean) / deviation / 3);
  return {
    options,
    problem: { ...base, noisy: options.noise > 0, known: (code) => [null, isCostKnown ? cost(code) : null] },
    score,
    cost,
    noise: options.noise * 10,
  };
}

/** By kind of cell and operation, how much it is worth anywhere; `none` is worth nothing. */
function strengthsOf(positions: readonly Position[], random: Random): Map<string, number> {
  const strengths = new Map<string, number>();
  for (const { kind, operations } of positions)
    for (const operation of operations) {
      const key = `${kind} ${operation}`;
      if (!strengths.has(key)) strengths.set(key, isNone(operation) ? 0 : 0.2 + random.uniform());
    }
  return strengths;
}

const isNone = (operation: string): boolean => operationTable[operation]?.isNone ?? false;
const strengthOf = (strengths: Map<string, number>, { kind }: Position, operation: string): number =>
  strengths.get(`${kind} ${operation}`) ?? 0;

function costOf(
  positions: readonly Position[],
  strengths: Map<string, number>,
  random: Random,
): (code: Code) => number {
  const byKind = new Map(
    [...strengths].map(([key, strength]) => [key, strength * (0.4 + 1.2 * random.uniform())]),
  );
  const prices = positions.map(({ kind, operations }) => {
    const factor = 0.7 + 0.6 * random.uniform();
    return operations.map((operation) => 0.02 + factor * (byKind.get(`${kind} ${operation}`) ?? 0));
  });
  return (code) => total(code, prices);
}

/** Of the numbers of each position, the sum of those that the code chooses. */
function total(code: Code, table: readonly (readonly number[])[]): number {
  let sum = 0;
  for (let at = 0; at < code.length; at++) sum += table[at]?.[code[at] as number] ?? 0;
  return sum;
}

type Rule = (
  space: SearchSpace,
  positions: readonly Position[],
  strengths: Map<string, number>,
  random: Random,
) => (code: Code) => number;

const rules: Record<Family, Rule> = {
  additive(_space, positions, strengths, random) {
    const worth = worthOf(positions, strengths, random, 0.5);
    return (code) => total(code, worth);
  },

  live(space, positions, strengths, random) {
    const worth = worthOf(positions, strengths, random, 0.4);
    const livePositions = liveFinder(space, positions);
    return (code) => {
      let sum = 0;
      for (const at of livePositions(code)) sum += worth[at]?.[code[at] as number] ?? 0;
      return sum;
    };
  },

  paths(space, positions, strengths, random) {
    const worth = worthOf(positions, strengths, random, 0.2);
    const kinds = pathsOf(space, positions);
    return (code) => {
      let sum = 0;
      for (const paths of kinds) {
        let reached = 0;
        for (const path of paths) {
          let value = 0;
          for (const at of path) {
            const own = worth[at]?.[code[at] as number] ?? 0;
            if (isNone(positions[at]?.operations[code[at] as number] as string)) {
              value = 0;
              break;
            }
            value += own;
          }
          reached += Math.max(0, value) ** 1.5;
        }
        sum += Math.sqrt(reached);
      }
      return sum;
    };
  },

  pairs(space, positions, strengths, random) {
    const worth = worthOf(positions, strengths, random, 0.3);
    const pairs = meetingPairs(space, positions).map(([left, right]) => ({
      left,
      right,
      table: (positions[left] as Position).operations.map(() =>
        (positions[right] as Position).operations.map(() => 0.5 * random.normal()),
      ),
    }));
    return (code) => {
      let sum = total(code, worth);
      for (const { left, right, table } of pairs)
        sum += table[code[left] as number]?.[code[right] as number] ?? 0;
      return sum;
    };
  },
};

/** By position and operation: what the operation is worth anywhere, and by how much that differs here. */
function worthOf(
  positions: readonly Position[],
  strengths: Map<string, number>,
  random: Random,
  spread: number,
): number[][] {
  return positions.map((position) => {
    const weight = 0.5 + random.uniform();
    return position.operations.map((operation) =>
      isNone(operation) ? 0 : weight * strengthOf(strengths, position, operation) + spread * random.normal(),
    );
  });
}

/** By kind of cell, paths from an input to a node of the output; of blocks, pairs of neighbours. */
function pathsOf(space: SearchSpace, positions: readonly Position[]): number[][][] {
  if (space.skeleton === "positions") return [positions.slice(1).map((_, at) => [at, at + 1])];
  const edges = edgesOf(space);
  const ends = new Set(concatOf(space));
  return Object.keys(space.cells).map((kind) => {
    const first = positions.findIndex((position) => position.kind === kind);
    const found: number[][] = [];
    const walk = (node: number, path: number[]) => {
      if (ends.has(node) && path.length > 0) found.push(path);
      for (const edge of edges) if (edge.from === node) walk(edge.to, [...path, first + edge.position]);
    };
    for (let input = 0; input < space.inputs; input++) walk(input, []);
    return found;
  });
}

/** Positions on a path without `none`; of blocks, all but those after a block of the first kind. */
function liveFinder(space: SearchSpace, positions: readonly Position[]): (code: Code) => Iterable<number> {
  const kinds = pathsOf(space, positions);
  if (space.skeleton === "positions")
    return (code) => [...code.keys()].filter((at) => at === 0 || code[at - 1] !== 0);
  return (code) => {
    const live = new Set<number>();
    for (const path of kinds.flat()) {
      if (path.some((at) => isNone(positions[at]?.operations[code[at] as number] as string))) continue;
      for (const at of path) live.add(at);
    }
    return live;
  };
}

/** Edges of which one ends where the other begins; of blocks, neighbours. */
function meetingPairs(space: SearchSpace, positions: readonly Position[]): [number, number][] {
  if (space.skeleton === "positions") return positions.slice(1).map((_, at) => [at, at + 1]);
  const edges = edgesOf(space);
  return Object.keys(space.cells).flatMap((kind) => {
    const first = positions.findIndex((position) => position.kind === kind);
    return edges.flatMap((left) =>
      edges
        .filter((right) => left.to === right.from)
        .map((right): [number, number] => [first + left.position, first + right.position]),
    );
  });
}
