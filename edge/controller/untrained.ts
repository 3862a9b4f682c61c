/** Architectures that are scored without training before a search's first weight steps, and what it then starts from. */

import { type Code, codeOfText, textOf } from "../../shared/code.ts";
import type { RoundReport, RoundTask, TrainRoundTask } from "../../shared/protocol.ts";
import { Random } from "../../shared/random.ts";
import { everyScore, joined } from "../../shared/untrained.ts";
import type { Context } from "./context.ts";
import { seedOf } from "./policy.ts";
import type { ControllerState } from "./state.ts";
import { layersOf, lonelyFirst, type Member, memberOf } from "./strategies/members.ts";
import { eligibleDraw, type Problem, randomCode } from "./strategies/strategy.ts";

/** Start weights that each architecture is scored by, and images that they see. */
const weightSeeds = 2;
const images = 32;
/** Draws for each architecture that is wanted: a small space has fewer than were asked for. */
const drawsEach = 10;

/** What the runner scores in this round: random architectures within the limits, in a search's first round. */
export function toScore(state: ControllerState, context: Context): Pick<TrainRoundTask, "untrained"> {
  const { evaluation } = context.specification;
  const wanted = evaluation.kind === "supernet" ? evaluation.untrained?.architectures : undefined;
  if (wanted === undefined || state.round > 0 || state.phase !== "warmup") return {};
  const problem = context.problem(state.choices, state.stage);
  const random = new Random(seedOf(state.seed, "untrained", state.round));
  const codes = new Set<string>();
  for (let draw = 0; draw < drawsEach * wanted && codes.size < wanted; draw++)
    codes.add(textOf(eligibleDraw(problem, () => randomCode(problem, random))));
  const seeds = Array.from({ length: weightSeeds }, (_, index) => seedOf(state.seed, "untrained", index + 1));
  return { untrained: { codes: [...codes], seeds, images } };
}

/**
 * The best of what a round scored, at most so many: front after front of joined scores and what is known of other
 * objectives, the lonely first. Null where the round scored nothing.
 *
 * @throws RangeError where there are not as many scores as architectures
 */
export function bestScored(
  task: RoundTask,
  report: RoundReport,
  problem: Problem,
  count: number,
): Code[] | null {
  if (task.kind !== "trainRound" || report.kind !== "trainRound" || report.untrained === undefined)
    return null;
  const codes = task.untrained?.codes ?? [];
  if (report.untrained.length !== codes.length)
    throw new RangeError(
      `round ${task.round} has ${codes.length} architectures to score, not ${report.untrained.length}`,
    );
  const scored = report.untrained.flatMap((scores, index) => {
    const code = codeOfText(codes[index] ?? "");
    return scores === null ? [] : [{ code, scores }];
  });
  const order = joined(
    scored.map(({ scores }) => scores),
    everyScore,
  );
  const members = scored.flatMap(({ code }, index) => standIn(code, order[index] ?? 0, problem) ?? []);
  return layersOf(members)
    .flatMap(lonelyFirst)
    .slice(0, count)
    .map(({ code }) => code);
}

/** An architecture with its score for accuracy; what nobody knows yet is the same of all. */
function standIn(code: Code, score: number, problem: Problem): Member | undefined {
  const known = problem.known(code);
  const measured = problem.goals.map((_, index) => (index === 0 ? score : (known[index] ?? 0)));
  return memberOf({ code, measured, round: 0 }, problem);
}
