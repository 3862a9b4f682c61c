/**
 * Budget-conditioned policies: each is a softmax per position and has a budget for every cost. They climb by
 * REINFORCE, TND-NAS's discrete policy gradient (arXiv 2111.03892), on what a surrogate predicts.
 */

import type { Code } from "../../../../shared/code.ts";
import type { Random } from "../../../../shared/random.ts";
import { softmax as exactSoftmax } from "../../../../shared/softmax.ts";
import type { Problem } from "../strategy.ts";
import { standardise } from "./standardise.ts";

/** In single precision, so that all engines agree on it. */
const softmax = (logits: readonly number[]): number[] => exactSoftmax(logits).map(Math.fround);

/** By position, logits over the allowed operations. */
export type Policy = number[][];

const learningRate = 0.4;
const entropyWeight = 0.05;
const cloningWeight = 0.3;

export const uniformPolicies = (count: number, { allowed }: Pick<Problem, "allowed">): Policy[] =>
  Array.from({ length: count }, () => allowed.map((indices) => indices.map(() => 0)));

/** The policy with fresh rows where other operations are left than it knew. */
export const fitted = (policy: Policy, { allowed }: Pick<Problem, "allowed">): Policy =>
  allowed.map((indices, position) => {
    const row = policy[position] ?? [];
    return row.length === indices.length ? row : indices.map(() => 0);
  });

/**
 * By policy and cost, the share of the cost's range that may be spent: for one cost 1/K to 1, squared because fronts
 * are dense at the cheap end; for several, points of an additive recurrence (Roberts 2018), squared likewise.
 */
export function budgetShares(policies: number, costs: number): number[][] {
  if (costs === 1) return Array.from({ length: policies }, (_, index) => [((index + 1) / policies) ** 2]);
  let ratio = 2;
  for (let step = 0; step < 30; step++) ratio = (1 + ratio) ** (1 / (costs + 1));
  return Array.from({ length: policies }, (_, index) =>
    Array.from({ length: costs }, (_, cost) => {
      const share = (0.5 + (index + 1) / ratio ** (cost + 1)) % 1;
      return (1 - share) ** 2;
    }),
  );
}

export function drawFrom(policy: Policy, { allowed }: Pick<Problem, "allowed">, random: Random): number[] {
  return allowed.map(
    (indices, position) => indices[random.categorical(softmax(policy[position] ?? []))] as number,
  );
}

/** The mean of the policies' distributions, as logits. */
export function mixtureLogits(
  policies: readonly Policy[],
  { allowed }: Pick<Problem, "allowed">,
): number[][] {
  return allowed.map((indices, position) => {
    const total = indices.map(() => 0);
    for (const policy of policies)
      for (const [index, probability] of softmax(policy[position] ?? []).entries())
        total[index] = (total[index] ?? 0) + probability / policies.length;
    return total.map((probability) => Math.fround(Math.log(Math.max(probability, 1e-9))));
  });
}

/**
 * The policy after a step: standardised rewards as advantages, an entropy term, and a pull towards the best
 * architecture that is known within its budgets.
 */
export function climbed(
  policy: Policy,
  { allowed }: Pick<Problem, "allowed">,
  rewarded: readonly { code: Code; reward: number }[],
  elite: Code | null,
): Policy {
  const { scaled: advantages } = standardise(rewarded.map(({ reward }) => reward));
  const rate = learningRate / Math.sqrt(rewarded.length || 1);
  return policy.map((row, position) => {
    const probabilities = softmax(row);
    const indices = allowed[position] as readonly number[];
    const entropy = -probabilities.reduce((sum, p) => sum + p * Math.log(p + 1e-12), 0);
    return row.map((logit, index) => {
      const p = probabilities[index] as number;
      let gradient = 0;
      for (const [sample, { code }] of rewarded.entries())
        gradient += (advantages[sample] as number) * ((code[position] === indices[index] ? 1 : 0) - p);
      const pull = elite === null ? 0 : (elite[position] === indices[index] ? 1 : 0) - p;
      const spread = -p * (Math.log(p + 1e-12) + entropy);
      return Math.fround(logit + rate * gradient + entropyWeight * spread + cloningWeight * pull);
    });
  });
}
