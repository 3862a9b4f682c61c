/**
 * Learns one objective from what was measured: a Gaussian process on the objective's own scale or a logarithmic
 * one, with one of several kernels and more or less noise, whichever makes the measurements most probable.
 */

import { Covariance, GaussianProcess } from "../../../../shared/gaussianProcess.ts";
import { standardise } from "./standardise.ts";

const noises = [1e-6, 0.003, 0.03, 0.2, 0.6];
/** Shares of the range by which logarithmic scales start before the best value. */
const margins = [0.15, 0.5];

/**
 * A strictly monotone change of scale. Logarithms and exponentials differ between engines in their last bits; single
 * precision makes them the same, and with them a search, wherever it runs.
 */
interface Scale {
  forward: (value: number) => number;
  inverse: (scaled: number) => number;
  /** Sum over values of the logarithm of the derivative. */
  logDerivative: (values: readonly number[]) => number;
}

/** The raw scale and the logarithmic ones, all relative to the measured range, so that the unit makes no difference. */
function scalesOf({ goal, all }: Learnt): Scale[] {
  const low = Math.min(...all);
  const range = Math.max(...all) - low || 1;
  const raw: Scale = {
    forward: (value) => Math.fround((value - low) / range),
    inverse: (scaled) => low + scaled * range,
    logDerivative: () => 0,
  };
  return [
    raw,
    ...margins.map((margin) =>
      goal === "maximize" ? logarithmic(1 + margin, 1, raw) : logarithmic(-margin, -1, raw),
    ),
  ];
}

/** Stretches values near `end`, which lies just beyond the best of them; `end` is on the scale `raw`. */
function logarithmic(end: number, sign: 1 | -1, raw: Scale): Scale {
  const logGap = (value: number) =>
    Math.fround(Math.log(Math.max(sign * (end - raw.forward(value)), Number.MIN_VALUE)));
  return {
    forward: (value) => -sign * logGap(value),
    inverse: (scaled) => raw.inverse(end - sign * Math.fround(Math.exp(-sign * scaled))),
    logDerivative: (values) => values.reduce((sum, value) => sum - logGap(value), 0),
  };
}

/** How an objective is modelled. */
export interface Fit {
  /** Index of the kernel that it follows. */
  kernel: number;
  scale: Scale;
  noise: number;
}

export class Surrogate {
  readonly #process: GaussianProcess;
  readonly #scale: Scale;
  readonly #noise: number;
  readonly #center: number;
  readonly #deviation: number;

  /**
   * @param matrix the kernel between all points, row by row, lower half
   * @param values what was measured, one per point
   * @param isNoisy whether noise is in the measuring; otherwise it belongs to each architecture and a prediction
   *   includes it
   */
  constructor(matrix: Float64Array, values: readonly number[], { scale, noise }: Fit, isNoisy: boolean) {
    const { scaled, center, deviation } = standardise(values.map(scale.forward));
    this.#scale = scale;
    this.#noise = isNoisy ? 0 : noise;
    this.#center = center;
    this.#deviation = deviation;
    this.#process = new GaussianProcess(new Covariance(matrix, scaled.length, noise), scaled);
  }

  /** The expected value, in the objective's unit, given the kernel between a point and all others. */
  mean(row: Float64Array): number {
    return this.#value(this.#process.mean(row));
  }

  /** A value for each draw from the standard normal distribution, in the objective's unit. */
  draws(row: Float64Array, self: number, normals: readonly number[]): number[] {
    const mean = this.#process.mean(row);
    const deviation = Math.sqrt(this.#process.variance(row, self) + this.#noise);
    return normals.map((normal) => this.#value(mean + deviation * normal));
  }

  #value(scaled: number): number {
    return this.#scale.inverse(scaled * this.#deviation + this.#center);
  }
}

/** What was measured of an objective. */
export interface Learnt {
  goal: "maximize" | "minimize";
  /** All that was measured. */
  all: readonly number[];
  /** Those by which a fit is judged. */
  some: readonly number[];
}

/**
 * By objective, kernel, scale and noise under which some of its measurements are most probable.
 *
 * @param parts by kernel, the kernel between these measurements, row by row, lower half
 */
export function bestFits(parts: readonly Float64Array[], objectives: readonly Learnt[]): Fit[] {
  const searches = objectives.map((learnt) => ({
    likelihood: Number.NEGATIVE_INFINITY,
    fit: { kernel: 0, scale: scalesOf(learnt)[0] as Scale, noise: noises[0] as number },
    scaled: scalesOf(learnt).map((scale) => {
      const { scaled, deviation } = standardise(learnt.some.map(scale.forward));
      const jacobian = scale.logDerivative(learnt.some) - learnt.some.length * Math.log(deviation);
      return { scale, scaled, jacobian };
    }),
  }));
  const count = objectives[0]?.some.length ?? 0;
  for (const [kernel, part] of parts.entries())
    for (const noise of noises) {
      const covariance = new Covariance(part, count, noise);
      for (const search of searches)
        for (const { scale, scaled, jacobian } of search.scaled) {
          const likelihood = covariance.logLikelihood(scaled) + jacobian;
          if (likelihood <= search.likelihood) continue;
          search.likelihood = likelihood;
          search.fit = { kernel, scale, noise };
        }
    }
  return searches.map(({ fit }) => fit);
}
