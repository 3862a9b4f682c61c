/**
 * The controller: a pure function from (state, measurements) to (state, next round). Its whole state is one JSON value.
 *
 * A search runs through stages; a stage is warm-up rounds (weights only), search rounds (weights, then candidates
 * drawn from the policy are measured and move it) and one confirmation round (the front is measured again on more
 * images). Then the weakest operations of every edge go and the next stage starts with a new supernet.
 */

import { extremesOf, spaceOf } from "../../shared/profile.ts";
import type { TrainRoundReport, TrainRoundTask } from "../../shared/protocol.ts";
import type { Stage } from "../../shared/schedule.ts";
import { fullChoices } from "../../shared/space.ts";
import { resolveSchedule, type Specification } from "../../shared/specification.ts";
import { type Archived, type Bounds, hypervolumeShare } from "./archive.ts";
import { Context } from "./context.ts";
import { candidatesOf, isMeasured, mergeArchive } from "./merge.ts";
import { withNextRound } from "./nextRound.ts";
import { initialPolicy, type Pruning, prune, round4, seedOf, updatePolicy } from "./policy.ts";
import { reward } from "./reward.ts";
import type { ControllerState, RoundOutcome } from "./state.ts";

/** The front is announced when its hypervolume has grown by this share. */
const announceGrowth = 0.01;

export function startSearch(specification: Specification, searchId: string): ControllerState {
  const choices = fullChoices(spaceOf(specification));
  const bounds: Bounds = { accuracy: [0, 100] };
  for (const [objective, { minimum, maximum }] of Object.entries(extremesOf(specification)))
    bounds[objective] = [minimum, maximum];
  const state: ControllerState = {
    version: 1,
    searchId,
    seed: specification.seed,
    round: 0,
    stage: 0,
    phase: "warmup",
    step: 0,
    choices,
    policy: initialPolicy(
      choices,
      resolveSchedule(specification).policy.initialScale,
      seedOf(specification.seed, "policy", 0),
    ),
    archive: [],
    task: null,
    evaluations: 0,
    searchRounds: 0,
    bounds,
    hypervolume: 0,
    announced: 0,
    prunings: [],
    finishing: false,
    amendments: 0,
  };
  return withNextRound(state, new Context(specification));
}

export const currentTask = (state: ControllerState): TrainRoundTask | null => state.task;

/** Takes a round's report. Throws RangeError when the report is not of the pending round's candidates. */
export function completeRound(
  state: ControllerState,
  specification: Specification,
  report: TrainRoundReport,
  options: { budgetExhausted?: boolean } = {},
): RoundOutcome {
  const { task } = state;
  if (task === null) throw new RangeError("the search has no round left");
  const context = new Context(specification);
  const stage = context.stage(state.stage);
  const candidates = candidatesOf(task, report, context, stage);
  const measured = candidates.filter((candidate) => isMeasured(candidate.values.accuracy));

  const policy =
    state.phase === "search" && specification.strategy.name !== "random"
      ? updatePolicy(
          state.policy,
          state.choices,
          measured.flatMap(({ selection, reward: value }) =>
            value === null ? [] : [{ selection, reward: value }],
          ),
          context.schedule.policy,
        )
      : state.policy;

  const { archive, front, changed } = mergeArchive(state, measured, task, context);
  const hypervolume =
    archive.length === 0 ? state.hypervolume : hypervolumeShare(front, specification, state.bounds);
  const events: RoundOutcome["events"] = [];
  if (state.round === 0) events.push({ type: "search.started", data: { seed: state.seed } });
  let announced = state.announced;
  if (hypervolume > announced * (1 + announceGrowth) && front.length > 0) {
    announced = hypervolume;
    events.push({
      type: "front.improved",
      data: { round: state.round, size: front.length, hypervolume: round4(hypervolume) },
    });
  }

  const evaluations = state.evaluations + measured.length;
  const finishing =
    state.finishing ||
    options.budgetExhausted === true ||
    evaluations >= (specification.budget.evaluations ?? Number.POSITIVE_INFINITY);
  let next: ControllerState = {
    ...state,
    policy,
    archive,
    evaluations,
    hypervolume,
    announced,
    finishing,
    round: state.round + 1,
    step: task.firstStep + task.steps,
    searchRounds: state.searchRounds + (state.phase === "search" ? 1 : 0),
    task: null,
    ...(report.halvedFrom === undefined ? {} : { halvedFrom: report.halvedFrom }),
  };

  let pruned: Pruning[] = [];
  let done = false;
  if (state.phase === "confirm") {
    const result = prune(policy, state.choices, stage.drop);
    pruned = result.pruned;
    events.push({
      type: "stage.completed",
      data: {
        stage: state.stage,
        round: state.round,
        front: front.length,
        hypervolume: round4(hypervolume),
        edgesPruned: pruned.length,
      },
    });
    next.prunings = [
      ...state.prunings,
      ...pruned.map((pruning) => ({ ...pruning, stage: state.stage, round: state.round })),
    ];
    done = finishing || state.stage + 1 >= context.schedule.stages.length;
    if (!done) {
      const { halvedFrom: _, ...kept } = next;
      next = {
        ...kept,
        stage: state.stage + 1,
        step: 0,
        searchRounds: 0,
        choices: result.choices,
        policy: initialPolicy(
          result.choices,
          context.schedule.policy.initialScale,
          seedOf(state.seed, "policy", state.stage + 1),
        ),
        archive: [],
        hypervolume: 0,
        announced: 0,
      };
    }
  }
  if (!done) {
    next = withNextRound(next, context);
  }
  return {
    state: next,
    record: {
      round: state.round,
      stage: state.stage,
      phase: state.phase,
      candidates,
      trainLoss: report.trainLoss,
      hypervolume: archive.length === 0 ? null : hypervolume,
      pruned,
    },
    archive: changed,
    events,
    done,
    best: done ? rank(front, context, stage).slice(0, specification.finalTraining.top) : [],
  };
}

/** Front members by reward, best first. */
function rank(front: readonly Archived[], context: Context, stage: Stage): string[] {
  return front
    .map((entry) => ({
      hash: entry.hash,
      reward:
        reward(entry.values, context.specification, context.schedule, stage) ?? Number.NEGATIVE_INFINITY,
    }))
    .sort((a, b) => b.reward - a.reward)
    .map(({ hash }) => hash);
}
