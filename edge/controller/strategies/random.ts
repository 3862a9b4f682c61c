/** Draws architectures uniformly: the control that every other strategy must beat. */

import { Seen } from "./seen.ts";
import { eligibleDraw, randomCode, type Strategy } from "./strategy.ts";

export interface RandomState {
  seen: string;
}

export const randomStrategy: Strategy<RandomState> = {
  start: () => ({ seen: "" }),
  propose(state, problem, count, random) {
    const seen = Seen.of(state.seen, problem);
    const codes = seen.fresh(count, problem, random, () =>
      eligibleDraw(problem, () => randomCode(problem, random)),
    );
    return { codes, state: { seen: seen.text() } };
  },
  learn: ({ seen }, problem, observations) => ({ seen: Seen.barring(seen, problem, observations) }),
  logits: (_, problem) => problem.allowed.map((indices) => indices.map(() => 0)),
};
