/** Random architectures of the sizes of answers, against which those have to prove that more than size was found. */

import { deriveSeed, Random } from "../../shared/random.ts";
import type { Architecture, Arena } from "./arena.ts";

/** A control's parameters are those of its architecture within this share. */
export const sizeTolerance = 0.03;
/** Sizes that random architectures hardly have get fewer controls. */
const mostDraws = 100_000;

export const isAlike = (control: number, parameters: number): boolean =>
  Math.abs(control / parameters - 1) <= sizeTolerance;

/**
 * Controls for architectures of these parameters: each has `count` within the tolerance, or as many as there are among many
 * random ones. One serves all that it is alike. The same sizes always give the same.
 */
export function drawControls(arena: Arena, sizes: readonly number[], count: number): Architecture[] {
  const sorted = [...new Set(sizes)].sort((left, right) => left - right);
  const lacking = new Map(sorted.map((parameters) => [parameters, count]));
  const isWanted = (parameters: number) =>
    [...lacking].some(([wanted, left]) => left > 0 && isAlike(parameters, wanted));
  const random = new Random(deriveSeed("controls", arena.space, arena.dataset));
  const drawn = new Map<string, Architecture>();
  for (let draws = 0; draws < mostDraws && lacking.size > 0; draws++) {
    const control = arena.randomOfSize(random, isWanted);
    if (control === undefined || drawn.has(control.hash)) continue;
    drawn.set(control.hash, control);
    for (const [wanted, left] of lacking) {
      if (!isAlike(control.parameters, wanted)) continue;
      if (left > 1) lacking.set(wanted, left - 1);
      else lacking.delete(wanted);
    }
  }
  return [...drawn.values()];
}
