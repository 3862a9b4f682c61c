/**
 * Which operations each training step of a supernet uses. A step's path follows from the seed and the step's
 * number alone, so that a run resumes anywhere.
 *
 * `fair` is the strict fairness of FairNAS (Chu et al. 2019): every operation of an edge is trained equally often.
 */

import type { Logits, TrainedSteps } from "../shared/protocol.ts";
import { deriveSeed, Random } from "../shared/random.ts";
import { softmax } from "../shared/softmax.ts";
import type { Path } from "./executor/executor.ts";

export type PathKind = "fair" | "uniform" | "policy" | "mixture";

/** What paths are drawn from. */
export interface PathSource {
  kind: PathKind;
  seed: number;
  /** By cell kind and edge, the number of operations. */
  sizes: Record<string, readonly number[]>;
  /** By cell kind, edge and operation: the distribution of `policy`, the weights of `mixture`. */
  logits: Logits;
}

type Draw = (source: PathSource, step: number, kind: string, edge: number, size: number) => number;

const draws: Record<Exclude<PathKind, "mixture">, Draw> = {
  /** Over every `size` consecutive steps a new order of the edge's operations. */
  fair({ seed }, step, kind, edge, size) {
    const order = Array.from({ length: size }, (_, index) => index);
    new Random(deriveSeed(seed, "fair", kind, edge, Math.floor(step / size))).shuffle(order);
    return order[step % size] as number;
  },
  uniform: ({ seed }, step, kind, edge, size) =>
    new Random(deriveSeed(seed, "uniform", kind, edge, step)).integer(size),
  policy: ({ seed, logits }, step, kind, edge) =>
    new Random(deriveSeed(seed, "policy", kind, edge, step)).categorical(softmax(logits[kind]?.[edge] ?? [])),
};

/**
 * The path of a step.
 *
 * @param step counted from the beginning of the stage
 * @example
 * const path = pathAt({ kind: "fair", seed: 7, sizes: { normal: [8, 8] }, logits: {} }, 12);
 */
export function pathAt(source: PathSource, step: number): Path {
  if (source.kind === "mixture")
    return { kind: "mixture", weights: mapEdges(source.logits, (logits) => softmax(logits)) };
  const draw = draws[source.kind];
  const selection = Object.fromEntries(
    Object.entries(source.sizes).map(([kind, sizes]) => [
      kind,
      sizes.map((size, edge) => draw(source, step, kind, edge, size)),
    ]),
  );
  return { kind: "single", selection };
}

/** No operation trained yet. */
export const untrained = (sizes: PathSource["sizes"]): TrainedSteps =>
  mapEdges(sizes, (size) => new Array<number>(size).fill(0));

/** One step more for every operation of the path; a mixture trains all. */
export function withStep(trained: TrainedSteps, path: Path): TrainedSteps {
  return mapEdges(trained, (operations, kind, edge) =>
    operations.map((steps, index) => {
      const isTrained = path.kind !== "single" || path.selection[kind]?.[edge] === index;
      return isTrained ? steps + 1 : steps;
    }),
  );
}

function mapEdges<T, U>(
  record: Record<string, readonly T[]>,
  map: (value: T, kind: string, edge: number) => U,
): Record<string, U[]> {
  return Object.fromEntries(
    Object.entries(record).map(([kind, edges]) => [kind, edges.map((value, edge) => map(value, kind, edge))]),
  );
}
