/** How the baselines propose: what is to come first, then architectures made from others, none of them twice. */

import type { Code } from "../../../shared/code.ts";
import type { Random } from "../../../shared/random.ts";
import { Seen } from "./seen.ts";
import type { Problem, Proposal } from "./strategy.ts";

type Space = Pick<Problem, "allowed">;

/** What every baseline's state has. */
export interface Proposed {
  seen: string;
  /** Architectures to be proposed before any other. */
  first: readonly Code[];
}

/** @param drawer makes what draws an architecture; it may be one that is known */
export function proposal<S extends Proposed>(
  state: S,
  problem: Problem,
  count: number,
  random: Random,
  drawer: (seen: Seen) => () => Code,
): Proposal<S> {
  const seen = Seen.of(state.seen, problem);
  const first = [...state.first];
  const draw = drawer(seen);
  const codes = seen.fresh(count, problem, random, () => {
    const next = first.shift();
    return next ? repaired(next, problem, random) : draw();
  });
  return { codes, state: { ...state, seen: seen.text(), first } };
}

/** The code with operations that are no longer candidates drawn again. */
export function repaired(code: Code, { allowed }: Space, random: Random): number[] {
  return allowed.map((indices, position) => {
    const index = code[position] ?? -1;
    return indices.includes(index) ? index : other(indices, index, random);
  });
}

/** The code with another operation at each position with the given probability. */
export function mutated(code: Code, { allowed }: Space, rate: number, random: Random): number[] {
  return code.map((index, position) =>
    random.uniform() < rate ? other(allowed[position] ?? [], index, random) : index,
  );
}

/** Every allowed code that differs in one position. */
export function neighboursOf(code: Code, { allowed }: Space): number[][] {
  const isAllowed = allowed.map((indices, position) => indices.includes(code[position] ?? -1));
  return allowed.flatMap((indices, position) => {
    if (!isAllowed.every((allowedHere, other) => allowedHere || other === position)) return [];
    return indices.filter((index) => index !== code[position]).map((index) => code.with(position, index));
  });
}

/** Logits of how often codes have each operation, each counted once more than it occurs. */
export function frequencyLogits(codes: readonly Code[], { allowed }: Space): number[][] {
  return allowed.map((indices, position) =>
    indices.map((index) => Math.log(1 + codes.filter((code) => code[position] === index).length)),
  );
}

/** An allowed operation other than `index`, unless that is the only one. */
function other(indices: readonly number[], index: number, random: Random): number {
  const others = indices.filter((candidate) => candidate !== index);
  return others[random.integer(Math.max(1, others.length))] ?? index;
}
