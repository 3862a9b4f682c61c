/** Which cell each training step uses: the runner's own ways of drawing, and some that only this measurement has. */

import type { Path } from "../../gpu-runner/executor/executor.ts";
import { type PathSource, pathAt } from "../../gpu-runner/paths.ts";
import { deriveSeed, Random } from "../../shared/random.ts";
import { edgesOf } from "../../shared/space.ts";
import type { TrainingSettings } from "./settings.ts";
import { isConnected, space } from "./table.ts";

const operations = space.cells.normal?.operations ?? [];
const sizes = { normal: edgesOf(space).map(() => operations.length) };
const isConvolution = operations.map((name) => name.startsWith("nor_conv"));

type Draw = (seed: number, step: number) => Path;

const runnersOwn =
  (kind: PathSource["kind"]): Draw =>
  (seed, step) =>
    pathAt({ kind, seed, sizes, logits: {} }, step);

const draws: Record<TrainingSettings["paths"], Draw> = {
  fair: runnersOwn("fair"),
  uniform: runnersOwn("uniform"),
  /** Uniform over the cells whose output depends on their input. */
  connected: (seed, step) => singlePath(firstConnected(seed, step)),
  /** The same, in turns with the one of four such cells that has most convolutions. */
  wide: (seed, step) =>
    singlePath(step % 2 === 0 ? firstConnected(seed, step) : mostConvolutions(seed, step)),
};

/** The path of a step. */
export const pathOf = ({ paths, seed }: Pick<TrainingSettings, "paths" | "seed">, step: number): Path =>
  draws[paths](seed, step);

export const singlePath = (selection: readonly number[]): Path => ({
  kind: "single",
  selection: { normal: selection },
});

function firstConnected(seed: number, step: number, draw = 0): number[] {
  const random = new Random(deriveSeed(seed, "connected", step, draw));
  for (;;) {
    const selection = sizes.normal.map((size) => random.integer(size));
    if (isConnected(selection)) return selection;
  }
}

function mostConvolutions(seed: number, step: number): number[] {
  const convolutions = (selection: readonly number[]): number =>
    selection.filter((operation) => isConvolution[operation]).length;
  return [0, 1, 2, 3]
    .map((draw) => firstConnected(seed, step, draw))
    .reduce((most, next) => (convolutions(next) > convolutions(most) ? next : most));
}
