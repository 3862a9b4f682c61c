/**
 * Fits what predicts a space's networks on a device: the table of its operations, corrected by whole networks. A network
 * takes a constant, an overhead for each operation that it runs, and each operation's own time in the table times a
 * factor near one, since in a network operations share inputs, are fused and find caches warm. The correction is Bayesian
 * linear regression on relative errors (Rasmussen and Williams 2006, section 2.1), its prior the table as it is.
 */

import { Covariance, GaussianProcess } from "../gaussianProcess.ts";
import type { NetworkSize } from "../network.ts";
import type { Predictor } from "../predictor.ts";
import { kendall } from "../rankCorrelation.ts";
import type { SearchSpace, Selection } from "../space.ts";
import { countedAt, executedSelection, type Placements, placementsOf } from "./placements.ts";
import { calibrationSelections, emptyKey, networkSubject, operationKey } from "./subjects.ts";

/** Of networks that were left out of the fit, each in its turn. */
export interface Quality {
  kendallTau: number;
  medianErrorPercent: number;
  networks: number;
}

export interface Fitted {
  predictor: Predictor;
  quality: Quality;
}

/** A predictor that orders worse or errs more is not used: measuring is dearer and better. */
const leastKendallTau = 0.8;
const mostMedianErrorPercent = 15;
const fewestNetworks = 8;

/** Whether a predictor may be used. */
export const isGoodEnough = ({ kendallTau, medianErrorPercent, networks }: Quality): boolean =>
  networks >= fewestNetworks && kendallTau >= leastKendallTau && medianErrorPercent <= mostMedianErrorPercent;

/** How far operations' factors may differ from the common one, and how well a sum can describe a network: tried in turn. */
const factorDeviations = [0.03, 0.1, 0.3, 1];
const noiseDeviations = [0.01, 0.03, 0.1];

/** What a device takes for each operation at each place, without what measuring costs. */
type Table = Record<string, Record<string, number>[]>;

/**
 * @param results by subject's key, what was measured
 * @throws RangeError where an operation is missing, or too few networks are there
 */
export function fitPredictor(
  space: SearchSpace,
  size: NetworkSize,
  results: Readonly<Record<string, number>>,
  seed = 1,
): Fitted {
  const placements = placementsOf(space, size);
  const table = tableOf(space, placements, results);
  const features = new Features(space, placements, table);
  const rows = calibrationSelections(space, size, seed).flatMap((selection) => {
    const value = results[networkSubject(space, size, selection).key];
    return value !== undefined && Number.isFinite(value) && value > 0
      ? [{ x: features.of(selection), value }]
      : [];
  });
  if (rows.length < fewestNetworks)
    throw new RangeError(
      `${rows.length} whole networks were measured; a predictor needs ${fewestNetworks} at least`,
    );
  const { correction, quality } = bestOf(rows, features.length);
  return { predictor: features.predictor(correction), quality };
}

/** What the table alone says of a network: the sum of its operations. */
export function tableSums(
  space: SearchSpace,
  size: NetworkSize,
  results: Readonly<Record<string, number>>,
): (selection: Selection) => number {
  const placements = placementsOf(space, size);
  const features = new Features(space, placements, tableOf(space, placements, results));
  return (selection) => features.of(selection)[2] ?? 0;
}

function tableOf(
  space: SearchSpace,
  placements: Placements,
  results: Readonly<Record<string, number>>,
): Table {
  const missing = new Set<string>();
  const at = (key: string): number => {
    const value = results[key];
    if (value === undefined || !Number.isFinite(value)) missing.add(key);
    return value ?? 0;
  };
  const table: Table = {};
  for (const [kind, rows] of Object.entries(placements))
    table[kind] = rows.map((cells) =>
      Object.fromEntries(
        (space.cells[kind]?.operations ?? []).map((name) => [
          name,
          cells.reduce((sum, place) => {
            if (countedAt(name, place).isNone) return sum;
            return sum + Math.max(0, at(operationKey(name, place)) - at(emptyKey(place)));
          }, 0),
        ]),
      ),
    );
  if (missing.size > 0) throw new RangeError(`not measured: ${[...missing].join(", ")}`);
  return table;
}

interface Row {
  x: number[];
  value: number;
}

/** What a network is to the regression: a constant, its operations' count, and by operation the table's sum. */
class Features {
  readonly #space: SearchSpace;
  readonly #placements: Placements;
  readonly #table: Table;
  readonly #names: string[];

  constructor(space: SearchSpace, placements: Placements, table: Table) {
    this.#space = space;
    this.#placements = placements;
    this.#table = table;
    this.#names = [...new Set(Object.values(space.cells).flatMap(({ operations }) => operations))];
  }

  get length(): number {
    return 3 + this.#names.length;
  }

  of(selection: Selection): number[] {
    const x = new Array<number>(this.length).fill(0);
    x[0] = 1;
    for (const [kind, chosen] of Object.entries(executedSelection(this.#space, selection)))
      for (const [position, name] of chosen.entries())
        for (const [index, value] of this.#edge(kind, position, name).entries())
          x[index] = (x[index] ?? 0) + value;
    return x;
  }

  /** What one edge adds to the features, over all cells of its kind. */
  #edge(kind: string, position: number, name: string): number[] {
    const x = new Array<number>(this.length).fill(0);
    const cells = this.#placements[kind]?.[position] ?? [];
    x[1] = cells.filter((place) => !countedAt(name, place).isNone).length;
    const time = this.#table[kind]?.[position]?.[name] ?? 0;
    x[2] = time;
    x[3 + this.#names.indexOf(name)] = time;
    return x;
  }

  /** @param weights one for each feature */
  predictor(weights: readonly number[]): Predictor {
    const edges: Predictor["edges"] = {};
    for (const [kind, { operations }] of Object.entries(this.#space.cells))
      edges[kind] = (this.#placements[kind] ?? []).map((_, position) =>
        operations.map((name) => dot(this.#edge(kind, position, name), weights)),
      );
    return { base: weights[0] ?? 0, edges };
  }
}

const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0);

/** The regression whose predictions of networks left out are the best in relative terms. */
function bestOf(rows: readonly Row[], length: number): { correction: number[]; quality: Quality } {
  let best: { error: number; predicted: number[]; weigh: (rows: readonly Row[]) => number[] } | undefined;
  for (const factorDeviation of factorDeviations)
    for (const noiseDeviation of noiseDeviations) {
      const deviations = deviationsOf(rows, length, factorDeviation);
      const weigh = (some: readonly Row[]) => regressed(some, deviations, noiseDeviation);
      const predicted = rows.map(({ x }, left) => dot(x, weigh(rows.filter((_, index) => index !== left))));
      const error = rows.reduce(
        (sum, { value }, index) => sum + Math.abs((predicted[index] ?? 0) / value - 1),
        0,
      );
      if (best === undefined || error < best.error) best = { error, predicted, weigh };
    }
  if (best === undefined) throw new RangeError("there is nothing to fit");
  const { predicted, weigh } = best;
  const values = rows.map(({ value }) => value);
  const errors = values
    .map((value, index) => Math.abs((predicted[index] ?? 0) / value - 1))
    .sort((a, b) => a - b);
  return {
    correction: weigh(rows),
    quality: {
      kendallTau: kendall(predicted, values) ?? 0,
      medianErrorPercent: 100 * medianOf(errors),
      networks: rows.length,
    },
  };
}

const medianOf = (sorted: readonly number[]): number =>
  ((sorted[(sorted.length - 1) >> 1] ?? 0) + (sorted[sorted.length >> 1] ?? 0)) / 2;

/** How far each weight may be from its prior: the constant as far as a network, the overhead so that all add up to one. */
function deviationsOf(rows: readonly Row[], length: number, factorDeviation: number): number[] {
  const median = medianOf(rows.map(({ value }) => value).sort((a, b) => a - b));
  const operations = medianOf(rows.map(({ x }) => x[1] ?? 0).sort((a, b) => a - b));
  return Array.from({ length }, (_, index) => {
    if (index === 0) return median;
    if (index === 1) return median / Math.max(1, operations);
    return index === 2 ? 1 : factorDeviation;
  });
}

/** The prior: what the table says, and nothing else. */
const prior = (length: number): number[] => Array.from({ length }, (_, index) => (index === 2 ? 1 : 0));

/** Weights of the features, by relative errors. */
function regressed(rows: readonly Row[], deviations: readonly number[], noise: number): number[] {
  const before = prior(deviations.length);
  const scaled = rows.map(({ x, value }) =>
    x.map((feature, index) => (feature / value) * (deviations[index] ?? 0)),
  );
  const n = rows.length;
  const matrix = new Float64Array(n * n);
  for (const [i, a] of scaled.entries())
    for (const [j, b] of scaled.entries()) matrix[i * n + j] = dot(a, b) / noise ** 2;
  const targets = Float64Array.from(rows, ({ x, value }) => (1 - dot(x, before) / value) / noise);
  const process = new GaussianProcess(new Covariance(matrix, targets.length, 1), targets);
  return deviations.map((deviation, index) => {
    const row = Float64Array.from(scaled, (features) => (features[index] ?? 0) / noise);
    return (before[index] ?? 0) + deviation * process.mean(row);
  });
}
