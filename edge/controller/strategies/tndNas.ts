/**
 * TND-NAS as published (arXiv 2111.03892; blyucs/pdarts 2021): architectures are drawn from a softmax per edge, and
 * each round's rewards move it by one step of REINFORCE. It draws an architecture again whenever it likes.
 */

import { codeOf, selectionOf } from "../../../shared/code.ts";
import type { Schedule } from "../../../shared/schedule.ts";
import type { Choices } from "../../../shared/space.ts";
import { initialPolicy, type PolicyState, sampleSelection, updatePolicy } from "../policy.ts";
import { eligibleDraw, type Problem, type Strategy } from "./strategy.ts";

export interface TndNasState {
  policy: PolicyState;
}

export function tndNas(options: Schedule["policy"]): Strategy<TndNasState> {
  return {
    start: (problem, random) => ({
      policy: initialPolicy(choicesOf(problem), options.initialScale, random.integer(2 ** 32)),
    }),

    propose(state, problem, count, random) {
      const choices = choicesOf(problem);
      const draw = () => codeOf(problem.positions, sampleSelection(state.policy, choices, random));
      const codes = Array.from({ length: count }, () => eligibleDraw(problem, draw));
      return { codes, state };
    },

    learn(state, problem, observations) {
      const rewarded = observations.flatMap(({ code, measured, diverged = false }) => {
        const reward = diverged ? 0 : problem.reward(measured);
        return reward === null ? [] : [{ selection: selectionOf(problem.positions, code), reward }];
      });
      return { ...state, policy: updatePolicy(state.policy, choicesOf(problem), rewarded, options) };
    },

    logits: ({ policy }, { positions }) =>
      positions.map(({ kind, edge }) => policy.logits[kind]?.[edge] ?? []),
  };
}

function choicesOf({ positions, allowed }: Problem): Choices {
  const choices: Choices = {};
  for (const [index, { kind, operations }] of positions.entries()) {
    choices[kind] ??= [];
    choices[kind].push((allowed[index] ?? []).map((operation) => operations[operation] as string));
  }
  return choices;
}
