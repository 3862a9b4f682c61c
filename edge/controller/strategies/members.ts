/**
 * Architectures as a population keeps them: what they cost in each objective, by how much they break limits, and which
 * of two is better. The baselines share these; none of them looks at anything else.
 */

import type { Code } from "../../../shared/code.ts";
import { dominates } from "../../../shared/pareto.ts";
import { excessOf, type Observation, type Problem } from "./strategy.ts";

export interface Member {
  code: Code;
  /** By goal, to be minimised: what is maximised is negated. */
  costs: readonly number[];
  /** How far it is beyond limits, each as a share of the limit, in sum, and 1 where it is not connected; 0 where it is feasible. */
  violation: number;
}

/** Undefined where an objective was not measured and is not known either. */
export function memberOf({ code, measured }: Observation, problem: Problem): Member | undefined {
  const { goals, known, isConnected } = problem;
  const foreknown = known(code);
  const values: number[] = [];
  for (const index of goals.keys()) {
    const value = measured[index] ?? foreknown[index];
    if (value === null || value === undefined || !Number.isFinite(value)) return undefined;
    values.push(value);
  }
  const costs = goals.map(({ goal }, index) => (goal === "minimize" ? 1 : -1) * (values[index] as number));
  return { code, costs, violation: excessOf(goals, values) + (isConnected(code) ? 0 : 1) };
}

/** The members of a round; of those of one architecture the last. */
export function membersOf(observations: readonly Observation[], problem: Problem): Member[] {
  return unique(observations.flatMap((observation) => memberOf(observation, problem) ?? []));
}

/** Of members of the same architecture the last, which where measuring is noisy is the newest. */
export function unique<M extends Member>(members: readonly M[]): M[] {
  return [...new Map(members.map((member) => [member.code.join(), member])).values()];
}

/** Domination with constraints (Deb 2002): the feasible one, the one that breaks limits less, the one that dominates. */
export function isBetter(left: Member, right: Member): boolean {
  if (left.violation !== right.violation) return left.violation < right.violation;
  return left.violation === 0 && dominates(left.costs, right.costs);
}

/** Members that no other is better than. */
export function bestOf<M extends Member>(members: readonly M[]): M[] {
  return members.filter((member) => !members.some((other) => isBetter(other, member)));
}

/** The members in layers: those that no other is better than, those of the rest, and so on. */
export function layersOf<M extends Member>(members: readonly M[]): M[][] {
  const layers: M[][] = [];
  for (let rest = members; rest.length > 0; ) {
    const layer = new Set(bestOf(rest));
    layers.push([...layer]);
    rest = rest.filter((member) => !layer.has(member));
  }
  return layers;
}

/**
 * How lonely each member of a layer is: the sum over the objectives of the distance between its two neighbours, as a
 * share of the layer's range; infinite at the ends (Deb 2002).
 */
export function crowdingOf(layer: readonly Member[]): number[] {
  const distances = layer.map(() => 0);
  for (let goal = 0; goal < (layer[0]?.costs.length ?? 0); goal++) {
    const cost = (index: number) => layer[index]?.costs[goal] ?? Number.NaN;
    const order = [...layer.keys()].sort((left, right) => cost(left) - cost(right));
    const [first = 0, last = 0] = [order[0], order.at(-1)];
    const range = cost(last) - cost(first) || 1;
    for (const [place, index] of order.entries()) {
      const [before, after] = [order[place - 1], order[place + 1]];
      const isInside = before !== undefined && after !== undefined;
      const gap = isInside ? (cost(after) - cost(before)) / range : Number.POSITIVE_INFINITY;
      distances[index] = (distances[index] ?? 0) + gap;
    }
  }
  return distances;
}

/** The members of a layer, the lonely first. */
export function lonelyFirst<M extends Member>(layer: readonly M[]): M[] {
  const crowding = crowdingOf(layer);
  const order = [...layer.keys()].sort((left, right) => {
    const [one = 0, two = 0] = [crowding[left], crowding[right]];
    return one === two ? 0 : two - one; // infinite ones are alike
  });
  return order.map((index) => layer[index] as M);
}
