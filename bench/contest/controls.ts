/** Random architectures of the sizes of answers, against which those have to prove that more than size was found. */

import { deriveSeed, Random } from "../../shared/random.ts";
import type { Architecture, Arena } from "./arena.ts";

/** A control's parameters are those of its architecture within this share. */
export const sizeTolerance = 0.03;
/** The smallest and the largest networks have fewer others of their size. */
const mostDraws = 5000;

export const isAlike = (control: number, parameters: number): boolean =>
  Math.abs(control / parameters - 1) <= sizeTolerance;

/**
 * Controls for architectures of these parameters: each has `count` within the tolerance, or as many as are found. One serves
 * all that it is alike. The same sizes always give the same.
 */
export function drawControls(arena: Arena, sizes: readonly number[], count: number): Architecture[] {
  const drawn = new Map<string, Architecture>();
  for (const parameters of [...new Set(sizes)].sort((left, right) => left - right)) {
    const random = new Random(deriveSeed("controls", arena.space, arena.dataset, parameters));
    const draw = arena.drawOfSize(parameters);
    let lacking = count - [...drawn.values()].filter((one) => isAlike(one.parameters, parameters)).length;
    for (let draws = 0; draws < mostDraws && lacking > 0; draws++) {
      const control = draw(random);
      if (control === undefined || !isAlike(control.parameters, parameters) || drawn.has(control.hash))
        continue;
      drawn.set(control.hash, control);
      lacking--;
    }
  }
  return [...drawn.values()];
}
