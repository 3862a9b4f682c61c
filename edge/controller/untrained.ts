/** Architectures that are scored without training before anything else, and what a search then starts from. */

import { type Code, codeOfText, textOf } from "../../shared/code.ts";
import { networkSizeOf } from "../../shared/networkCosts.ts";
import type { ScoreReport, ScoreTask } from "../../shared/protocol.ts";
import { Random } from "../../shared/random.ts";
import { scoredFirst } from "../../shared/specification.ts";
import { scoredSize } from "../../shared/trainingCost.ts";
import { everyScore, joined, type UntrainedScores } from "../../shared/untrained.ts";
import type { Context } from "./context.ts";
import { taskIdOf } from "./nextRound.ts";
import { seedOf } from "./policy.ts";
import type { ControllerState } from "./state.ts";
import { bestOf, lonelyFirst, type Member, memberOf } from "./strategies/members.ts";
import { type Goal, isEligible, type Problem, randomCode } from "./strategies/strategy.ts";

/** Images of noise that each architecture sees. */
const images = 32;
/** Twice as many architectures are worth more than a second set of start weights, up to so many. */
const scoredTwiceFrom = 800;
/** Draws in a row that give nothing new within the limits before what there is suffices, and in all for each that is wanted. */
const mostInVain = 500;
const drawsEach = 20;
/** The best of them that a search remembers, at most. */
export const scoredKept = 24;

/** What a runner scores first: random architectures within the limits; null where none are asked for, or found. */
export function scoreTask(state: ControllerState, context: Context): ScoreTask | null {
  const { specification } = context;
  const wanted = scoredFirst(specification);
  if (wanted === 0) return null;
  const problem = context.problem(state.choices, state.stage);
  const random = new Random(seedOf(state.seed, "untrained", 0));
  const codes = new Set<string>();
  for (
    let draw = 0, inVain = 0;
    codes.size < wanted && draw < drawsEach * wanted && inVain < mostInVain;
    draw++
  ) {
    const code = randomCode(problem, random);
    const before = codes.size;
    if (isEligible(problem, code, problem.known(code))) codes.add(textOf(code));
    inVain = codes.size > before ? 0 : inVain + 1;
  }
  if (codes.size === 0) return null;
  const weightSeeds = wanted < scoredTwiceFrom ? 1 : 2;
  const { channels, layers } = scoredSize(specification);
  return {
    kind: "score",
    taskId: taskIdOf(state),
    searchId: state.searchId,
    round: state.round,
    dataset: specification.dataset.name,
    space: specification.space,
    stem: networkSizeOf(specification).stem ?? "cifar",
    channels,
    layers,
    codes: [...codes],
    seeds: Array.from({ length: weightSeeds }, (_, index) => seedOf(state.seed, "untrained", index + 1)),
    images,
    candidates: [],
  };
}

/** The report of a task that nobody can do: the search starts from nothing that was scored. */
export const unscored = ({ codes }: ScoreTask, leaseId: string): ScoreReport => ({
  kind: "score",
  leaseId,
  scores: codes.map(() => null),
  measurements: [],
  digest: "",
  seconds: { train: 0, evaluate: 0, idle: 0 },
});

/**
 * The best of what was scored, the best first: front after front of joined scores and what is known of other objectives,
 * the lonely first.
 *
 * @throws RangeError where there are not as many scores as architectures
 */
export function bestScored(task: ScoreTask, report: ScoreReport, problem: Problem): Code[] {
  const { codes } = task;
  if (report.scores.length !== codes.length)
    throw new RangeError(
      `round ${task.round} has ${codes.length} architectures to score, not ${report.scores.length}`,
    );
  const scored = report.scores.flatMap((scores, index) => {
    const code = codeOfText(codes[index] ?? "");
    return scores === null ? [] : [{ code, scores }];
  });
  const order = joined(
    scored.map(({ scores }) => scores),
    everyScore,
  );
  let rest = membersOf(scored, order, problem);
  const best: Code[] = [];
  while (rest.length > 0 && best.length < scoredKept) {
    const layer = new Set(bestOf(rest));
    best.push(...lonelyFirst([...layer]).map(({ code }) => code));
    rest = rest.filter((member) => !layer.has(member));
  }
  return best.slice(0, scoredKept);
}

interface Scored {
  code: Code;
  scores: UntrainedScores;
}

/**
 * Architectures with their scores for accuracy. A cost of which nothing is known yet, or the same of all, is taken to grow
 * with multiply-adds, without a limit.
 */
function membersOf(scored: readonly Scored[], order: ArrayLike<number>, problem: Problem): Member[] {
  const known = scored.map(({ code }) => problem.known(code));
  const isTold = problem.goals.map((_, goal) =>
    known.some((values) => values[goal] != null && values[goal] !== known[0]?.[goal]),
  );
  const goals = problem.goals.map(
    (goal, index): Goal => (index === 0 || isTold[index] ? goal : { ...goal, limit: undefined }),
  );
  return scored.flatMap(({ code, scores: { macs } }, index) => {
    const measured = goals.map(({ goal }, at) => {
      if (at === 0) return order[index] ?? 0;
      if (isTold[at]) return known[index]?.[at] ?? null;
      return goal === "minimize" ? macs : 0;
    });
    return memberOf({ code, measured, round: 0 }, { ...problem, goals }) ?? [];
  });
}
