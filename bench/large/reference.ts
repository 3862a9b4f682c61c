/** The front that searches are held against: coordinate ascent with the truth at hand, from many starts. */

import type { Code } from "../../shared/code.ts";
import { ParetoFront } from "../../shared/pareto.ts";
import { deriveSeed, Random } from "../../shared/random.ts";
import type { LargeObjective } from "./objectives.ts";

const weights = 41;
const starts = 3;
const drawn = 2000;

/** Score, cost. */
export type Point = readonly [number, number];

export interface Reference {
  /** Where hypervolume begins: the worst score and the highest cost that count. */
  worst: Point;
  /** Of the best front known. */
  volume: number;
}

export function referenceOf(objective: LargeObjective): Reference {
  const { problem, score, cost, options } = objective;
  const random = new Random(deriveSeed(options.seed, "reference"));
  const draw = () => problem.allowed.map((indices) => indices[random.integer(indices.length)] as number);
  const points = Array.from({ length: drawn }, (): Point => {
    const code = draw();
    return [score(code), cost(code)];
  });
  const quantile = (values: number[], share: number) =>
    values.sort((a, b) => a - b)[Math.floor(share * (values.length - 1))] as number;
  const scores = points.map(([value]) => value);
  const costs = points.map(([, value]) => value);
  const [low, high] = [quantile([...scores], 0.05), quantile([...scores], 0.95)];
  const [cheap, dear] = [quantile([...costs], 0.05), quantile([...costs], 0.95)];
  const all: Point[] = [...points];
  for (let weight = 0; weight < weights; weight++) {
    const share = weight / (weights - 1);
    for (let start = 0; start < starts; start++) {
      const merit = (code: Code) => {
        const point: Point = [score(code), cost(code)];
        all.push(point);
        const logScore = -Math.log(100 - point[0]) + Math.log(100 - low);
        const range = -Math.log(100 - high) + Math.log(100 - low) || 1;
        return (share * logScore) / range - ((1 - share) * (point[1] - cheap)) / (dear - cheap);
      };
      climb(draw(), problem.allowed, merit, random);
    }
  }
  const worst: Point = [low, dear + (dear - cheap)];
  return { worst, volume: volumeOf(all, worst) };
}

/** Changes one position at a time for the better until no change is one. */
function climb(
  code: number[],
  allowed: readonly (readonly number[])[],
  merit: (code: Code) => number,
  random: Random,
): void {
  let best = merit(code);
  for (let isBetter = true; isBetter; ) {
    isBetter = false;
    for (const position of random.shuffle([...allowed.keys()]))
      for (const index of allowed[position] ?? []) {
        const before = code[position] as number;
        if (index === before) continue;
        code[position] = index;
        const value = merit(code);
        if (value > best + 1e-12) {
          best = value;
          isBetter = true;
        } else code[position] = before;
      }
  }
}

/** Area between the front of the points and the worst point. */
export function volumeOf(points: Iterable<Point>, [worstScore, worstCost]: Point): number {
  const front = new ParetoFront<null>(2);
  for (const [score, cost] of points)
    if (score > worstScore && cost < worstCost) front.insert([cost, -score], null);
  const members = front.entries().map(({ vector }) => vector as [number, number]);
  members.sort((left, right) => left[0] - right[0]);
  let area = 0;
  for (const [index, [cost, negated]] of members.entries())
    area += ((members[index + 1]?.[0] ?? worstCost) - cost) * (-negated - worstScore);
  return area;
}
