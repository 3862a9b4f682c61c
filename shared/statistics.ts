/** How sure a measurement is, and whether one front is really better than another. */

import { hypervolume } from "./hypervolume.ts";
import { Random } from "./random.ts";

/**
 * Standard error of an accuracy in percent that was measured on so many images, by the binomial distribution with
 * one image added to either side, so that 0 % and 100 % are not taken for certain; null without images, as in a table.
 */
export function accuracyStandardError(accuracy: number | null | undefined, images: number): number | null {
  if (accuracy === null || accuracy === undefined || images <= 0) return null;
  const share = ((accuracy / 100) * images + 1) / (images + 2);
  return 100 * Math.sqrt((share * (1 - share)) / (images + 2));
}

export interface UncertainPoint {
  /** By objective, to be minimised. */
  costs: readonly number[];
  /** By objective; 0 where the value is exact. */
  standardErrors: readonly number[];
}

export interface FrontComparison {
  /** Share of the box around both fronts that each dominates. */
  first: number;
  second: number;
  /** `first` - `second`, with its 95 % interval over what the measurements might have been. */
  difference: number;
  low: number;
  high: number;
  /** Two-sided; at least one over the number of draws. */
  pValue: number;
}

const draws = 2000;
const tail = 0.025;

/**
 * Compares the hypervolumes of two fronts by a parametric bootstrap (Efron and Tibshirani 1993): every measurement is
 * drawn again from the normal distribution of its standard error, in both fronts at once, and the difference is taken
 * of each draw. It says how far measurement noise explains the difference, not what another seed of a search would give.
 *
 * @throws RangeError when a front is empty
 */
export function compareFronts(
  first: readonly UncertainPoint[],
  second: readonly UncertainPoint[],
  seed: number,
): FrontComparison {
  if (first.length === 0 || second.length === 0)
    throw new RangeError("a front without points cannot be compared");
  const random = new Random(seed);
  const boxed = boxOf([...first, ...second]);
  const volume = (front: readonly UncertainPoint[], noise: () => number) =>
    hypervolume(
      front.map(({ costs, standardErrors }) =>
        boxed(costs.map((cost, index) => cost + (standardErrors[index] ?? 0) * noise())),
      ),
      first[0]?.costs.map(() => 1) ?? [],
    );
  const exact = () => 0;
  const normal = () => random.normal();
  const differences = Array.from({ length: draws }, () => volume(first, normal) - volume(second, normal));
  differences.sort((a, b) => a - b);
  const [ahead, behind] = [volume(first, exact), volume(second, exact)];
  const notAbove = differences.filter((difference) => difference <= 0).length / draws;
  const notBelow = differences.filter((difference) => difference >= 0).length / draws;
  return {
    first: ahead,
    second: behind,
    difference: ahead - behind,
    low: differences[Math.floor(draws * tail)] as number,
    high: differences[Math.ceil(draws * (1 - tail)) - 1] as number,
    pValue: Math.min(1, Math.max(1 / draws, 2 * Math.min(notAbove, notBelow))),
  };
}

/** Costs as shares of the box around all points, a tenth wider at its worst end, so that end points count. */
function boxOf(points: readonly UncertainPoint[]): (costs: readonly number[]) => number[] {
  const objectives = points[0]?.costs.length ?? 0;
  const ends = Array.from({ length: objectives }, (_, index) => {
    const values = points.map(({ costs }) => costs[index] as number);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    return { low, span: 1.1 * (high - low) || 1 };
  });
  return (costs) =>
    costs.map((cost, index) => {
      const { low, span } = ends[index] ?? { low: 0, span: 1 };
      return Math.max(0, (cost - low) / span);
    });
}
