/**
 * The architecture policy: independent softmax distributions, one per edge of each kind of cell, moved by REINFORCE
 * with a baseline, gradient clipping and Adam, as TND-NAS has it (arXiv 2111.03892; blyucs/pdarts 2021). Pure.
 */
import type { Logits } from "../../shared/protocol.ts";
import { deriveSeed, Random } from "../../shared/random.ts";
import type { Schedule } from "../../shared/schedule.ts";
import { softmax } from "../../shared/softmax.ts";
import type { Choices, Selection } from "../../shared/space.ts";

export interface PolicyState {
  logits: Logits;
  /** Adam's first and second moments, in the shape of the logits, and its step count. */
  firstMoment: Logits;
  secondMoment: Logits;
  updates: number;
  /** Null before the first update. */
  baseline: number | null;
}

export interface Rewarded {
  selection: Selection;
  reward: number;
}

const adamEpsilon = 1e-8;

const like = (choices: Choices, value: (kind: string, edge: number, index: number) => number): Logits =>
  Object.fromEntries(
    Object.entries(choices).map(([kind, edges]) => [
      kind,
      edges.map((operations, edge) => operations.map((_, index) => value(kind, edge, index))),
    ]),
  );

/** Logits drawn from `scale` x N(0, 1). */
export function initialPolicy(choices: Choices, scale: number, seed: number): PolicyState {
  const random = new Random(seed);
  return {
    logits: like(choices, () => scale * random.normal()),
    firstMoment: like(choices, () => 0),
    secondMoment: like(choices, () => 0),
    updates: 0,
    baseline: null,
  };
}

/** One operation per edge, drawn independently. */
export function sampleSelection(policy: PolicyState, choices: Choices, random: Random): Selection {
  return mapEdges(choices, (operations, kind, edge) => {
    const probabilities = softmax(at(policy.logits, kind, edge));
    return operations[random.categorical(probabilities)] as string;
  });
}

/**
 * One update: gradient = mean of (reward - baseline) x grad(-log p), clipped by its global norm, plus weight decay,
 * through Adam. The baseline follows the mean reward before it is used. Without rewards nothing moves.
 */
export function updatePolicy(
  policy: PolicyState,
  choices: Choices,
  rewarded: readonly Rewarded[],
  options: Schedule["policy"],
): PolicyState {
  if (rewarded.length === 0) return policy;
  const meanReward = rewarded.reduce((total, { reward }) => total + reward, 0) / rewarded.length;
  const baseline =
    policy.baseline === null
      ? meanReward
      : policy.baseline + options.baselineStep * (meanReward - policy.baseline);

  const gradient = like(choices, () => 0);
  for (const [kind, edges] of Object.entries(choices)) {
    edges.forEach((operations, edge) => {
      const probabilities = softmax(at(policy.logits, kind, edge));
      const row = at(gradient, kind, edge);
      for (const { selection, reward } of rewarded) {
        const chosen = operations.indexOf(selection[kind]?.[edge] ?? "");
        if (chosen < 0)
          throw new RangeError(`operation ${selection[kind]?.[edge]} is not on edge ${edge} of ${kind}`);
        const advantage = (reward - baseline) / rewarded.length;
        for (let index = 0; index < row.length; index++)
          row[index] =
            (row[index] as number) +
            advantage * ((probabilities[index] as number) - (index === chosen ? 1 : 0));
      }
    });
  }
  let squares = 0;
  for (const edges of Object.values(gradient))
    for (const row of edges) for (const value of row) squares += value * value;
  const clip = Math.min(1, options.clipNorm / (Math.sqrt(squares) + 1e-6));

  const updates = policy.updates + 1;
  const next: PolicyState = { logits: {}, firstMoment: {}, secondMoment: {}, updates, baseline };
  const correction1 = 1 - options.beta1 ** updates;
  const correction2 = 1 - options.beta2 ** updates;
  for (const [kind, edges] of Object.entries(gradient)) {
    const logits: number[][] = [];
    const first: number[][] = [];
    const second: number[][] = [];
    edges.forEach((row, edge) => {
      const theta = at(policy.logits, kind, edge);
      const g = row.map((value, index) => clip * value + options.weightDecay * (theta[index] as number));
      const m = at(policy.firstMoment, kind, edge).map(
        (value, i) => options.beta1 * value + (1 - options.beta1) * (g[i] as number),
      );
      const v = at(policy.secondMoment, kind, edge).map(
        (value, i) => options.beta2 * value + (1 - options.beta2) * (g[i] as number) ** 2,
      );
      first.push(m);
      second.push(v);
      logits.push(
        theta.map(
          (value, i) =>
            value -
            (options.learningRate * ((m[i] as number) / correction1)) /
              (Math.sqrt((v[i] as number) / correction2) + adamEpsilon),
        ),
      );
    });
    next.logits[kind] = logits;
    next.firstMoment[kind] = first;
    next.secondMoment[kind] = second;
  }
  return next;
}

/** Seed of everything a label names: paths, candidates, weights of a stage. */
export const seedOf = (seed: number, ...labels: (string | number)[]): number => deriveSeed(seed, ...labels);

export const round4 = (value: number): number => Math.round(value * 1e4) / 1e4;

function at(values: Logits, kind: string, edge: number): number[] {
  const row = values[kind]?.[edge];
  if (row === undefined) throw new RangeError(`no edge ${edge} in ${kind}`);
  return row;
}

function mapEdges<T>(
  choices: Choices,
  map: (operations: string[], kind: string, edge: number) => T,
): Record<string, T[]> {
  return Object.fromEntries(
    Object.entries(choices).map(([kind, edges]) => [
      kind,
      edges.map((operations, edge) => map(operations, kind, edge)),
    ]),
  );
}
