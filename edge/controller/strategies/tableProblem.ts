/** Accuracy against one cost, both looked up: the problem of a search on a table without its specification. */

import { allowedOf, positionsOf } from "../../../shared/code.ts";
import { fullChoices, type SearchSpace } from "../../../shared/space.ts";
import type { Problem } from "./strategy.ts";

/** For benchmarks and tests: all of the space, nothing known beforehand. */
export function tableProblem(space: SearchSpace): Problem {
  const positions = positionsOf(space);
  return {
    space,
    positions,
    allowed: allowedOf(positions, fullChoices(space)),
    goals: [
      { id: "accuracy", goal: "maximize" },
      { id: "cost", goal: "minimize" },
    ],
    noisy: false,
    known: () => [null, null],
    identityOf: (code) => Uint8Array.from(code),
    isConnected: () => true,
    reward: ([accuracy]) => accuracy ?? null,
  };
}
