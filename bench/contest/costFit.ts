/** Processor seconds of a training by a network's size: a straight line through what was measured. */

import { mean } from "../search/samples.ts";

export interface CostPoint {
  /** Multiply-adds of the network for one image. */
  macs: number;
  processorSecondsPerImage: number;
}

/** Processor seconds of training one image: `perImage + perMac * macs`. */
export interface CostLine {
  perImage: number;
  perMac: number;
}

/**
 * Least squares of the relative errors, so that a small network counts as much as a large one.
 *
 * @throws RangeError of fewer than two sizes
 */
export function fitCost(points: readonly CostPoint[]): CostLine {
  if (new Set(points.map(({ macs }) => macs)).size < 2) throw new RangeError("A line needs two sizes.");
  const weighted = points.map(({ macs, processorSecondsPerImage: seconds }) => ({
    one: 1 / seconds,
    size: macs / seconds,
  }));
  const sum = (of: (point: { one: number; size: number }) => number) =>
    weighted.reduce((total, point) => total + of(point), 0);
  const [oneOne, oneSize, sizeSize] = [
    sum(({ one }) => one * one),
    sum(({ one, size }) => one * size),
    sum(({ size }) => size * size),
  ];
  const [one, size] = [sum((point) => point.one), sum((point) => point.size)];
  const determinant = oneOne * sizeSize - oneSize ** 2;
  return {
    perImage: (one * sizeSize - size * oneSize) / determinant,
    perMac: (oneOne * size - oneSize * one) / determinant,
  };
}

export const costOf = ({ perImage, perMac }: CostLine, macs: number): number => perImage + perMac * macs;

/** Mean of the line's relative errors, without signs. */
export const fitError = (line: CostLine, points: readonly CostPoint[]): number =>
  mean(
    points.map(({ macs, processorSecondsPerImage: seconds }) => Math.abs(costOf(line, macs) / seconds - 1)),
  );
