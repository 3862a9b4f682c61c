/**
 * The controller: a pure function from (state, measurements) to (state, next round). Its whole state is one JSON value.
 *
 * A search with a supernet runs through stages; a stage is warm-up rounds (weights only), search rounds (weights, then
 * candidates that the strategy proposes are measured and taught to it) and one confirmation round (the front is
 * measured again on more images). Then the weakest operations of every edge go and the next stage starts with a new
 * supernet. A search on a table is one stage of search rounds, one by training has none: halving.ts.
 */

import { type Code, codeOf, textOf } from "../../shared/code.ts";
import { spaceOf } from "../../shared/networkCosts.ts";
import type { RoundReport, RoundTask, ScoreReport, ScoreTask } from "../../shared/protocol.ts";
import { Random } from "../../shared/random.ts";
import type { Stage } from "../../shared/schedule.ts";
import { softmax } from "../../shared/softmax.ts";
import { fullChoices } from "../../shared/space.ts";
import { objectiveId, resolveReranking, type Specification } from "../../shared/specification.ts";
import { type Archived, hypervolumeShare, knownBounds, paretoEntries } from "./archive.ts";
import { Context } from "./context.ts";
import { candidatesOf, isMeasured, mergeArchive, rowOf } from "./merge.ts";
import { withNextRound } from "./nextRound.ts";
import { widened } from "./onDevices.ts";
import { round4, seedOf } from "./policy.ts";
import { type Pruning, prune, survives } from "./prune.ts";
import { judgeOf, membersToRerank, noStrangers } from "./rerank.ts";
import { excessOf } from "./reward.ts";
import {
  type CandidateRecord,
  type ControllerState,
  noCandidates,
  type RoundOutcome,
  stateVersion,
} from "./state.ts";
import { strangersOf } from "./strangers.ts";
import { stageTraining } from "./trainedSteps.ts";
import { bestScored, scoreTask } from "./untrained.ts";

/** The front is announced when its hypervolume has grown by this share. */
export const announceGrowth = 0.01;

export function startSearch(specification: Specification, searchId: string): ControllerState {
  const context = new Context(specification);
  const choices = fullChoices(spaceOf(specification));
  // What is not in them is as wide as what was seen.
  const bounds = context.isTabular ? {} : knownBounds(specification);
  const state: ControllerState = {
    version: stateVersion,
    searchId,
    seed: specification.seed,
    round: 0,
    stage: 0,
    phase: specification.evaluation.kind === "supernet" ? "warmup" : "search",
    step: 0,
    choices,
    strategy: null,
    archive: [],
    task: null,
    evaluations: 0,
    searchRounds: 0,
    bounds,
    hypervolume: 0,
    announced: 0,
    prunings: [],
    stageTrainings: [],
    finishing: false,
    amendments: 0,
    ...(context.space.skeleton === "nas-bench-201" && !context.isTabular
      ? { reductions: "shortcuts" as const }
      : {}),
  };
  const begun = withStrategy(state, context);
  const task = scoreTask(begun, context);
  const ready = specification.evaluation.kind === "training" ? { ...begun, halving: noCandidates } : begun;
  return task === null ? withFirstRound(ready, context) : { ...ready, task };
}

/** A search by training has no rounds of its own. */
const withFirstRound = (state: ControllerState, context: Context): ControllerState =>
  state.halving === undefined ? withNextRound(state, context) : state;

/** The state with a strategy that starts anew on what is left of the space. */
function withStrategy(
  state: ControllerState,
  context: Context,
  first: readonly Code[] = [],
): ControllerState {
  const random = new Random(seedOf(state.seed, "policy", state.stage));
  const problem = context.problem(state.choices, state.stage);
  return { ...state, strategy: context.strategy.start(problem, random, first) };
}

export const currentTask = (state: ControllerState): RoundTask | null => state.task;

/**
 * Takes a round's report; `roundsExhausted` where what is left of a budget is kept for short trainings. Throws RangeError when the report is not of the pending round's candidates.
 */
export function completeRound(
  state: ControllerState,
  specification: Specification,
  report: RoundReport,
  options: { budgetExhausted?: boolean; roundsExhausted?: boolean } = {},
): RoundOutcome {
  const { task } = state;
  if (task === null) throw new RangeError("the search has no round left");
  if (task.kind !== report.kind) throw new RangeError(`a ${report.kind} report is not for this round`);
  const context = new Context(specification, state);
  if (task.kind === "score" && report.kind === "score")
    return afterScoring(state, { task, report, finishing: options.budgetExhausted === true }, context);
  const stage = context.stage(state.stage);
  const candidates = candidatesOf(task, report, context, stage);
  const measured = candidates.filter((candidate) => isMeasured(candidate.values.accuracy));
  const bounds = widened(state.bounds, measured, context);

  const { archive, front, changed } = mergeArchive(state, candidates, task, context);
  const hypervolume =
    archive.length === 0 ? state.hypervolume : hypervolumeShare(front, specification, bounds);
  const events: RoundOutcome["events"] = [];
  if (state.round === 0) events.push(started(state));
  const diverged = candidates.filter(({ failure }) => failure === "diverged").length;
  if (diverged > 0)
    events.push({
      type: "candidates.diverged",
      data: { round: state.round, diverged, candidates: candidates.length },
    });
  let announced = state.announced;
  if (hypervolume > announced * (1 + announceGrowth) && front.length > 0) {
    announced = hypervolume;
    events.push({
      type: "front.improved",
      data: { round: state.round, size: front.length, hypervolume: round4(hypervolume) },
    });
  }

  // An architecture that a table does not have is paid for, too: otherwise a search might never end.
  const evaluations = state.evaluations + (context.isTabular ? candidates : measured).length;
  const finishing =
    state.finishing ||
    options.budgetExhausted === true ||
    options.roundsExhausted === true ||
    evaluations >= (specification.budget.evaluations ?? Number.POSITIVE_INFINITY);
  let next: ControllerState = {
    ...state,
    strategy: state.phase === "search" ? learnt(state, candidates, context) : state.strategy,
    archive,
    bounds,
    evaluations,
    hypervolume,
    announced,
    finishing,
    round: state.round + 1,
    searchRounds: state.searchRounds + (state.phase === "search" ? 1 : 0),
    task: null,
    ...(task.kind === "trainRound" ? { step: task.firstStep + task.steps } : {}),
    ...(report.kind === "trainRound" && report.halvedFrom !== undefined
      ? { halvedFrom: report.halvedFrom }
      : {}),
    stageTrainings: [
      ...state.stageTrainings,
      ...(state.phase === "confirm" ? stageTraining(task, report) : []),
    ],
  };

  let pruned: Pruning[] = [];
  let done = context.isTabular && finishing;
  if (state.phase === "confirm") {
    const result = shrunk(next, front, context, stage);
    pruned = result.pruned;
    events.push({
      type: "stage.completed",
      data: {
        stage: state.stage,
        round: state.round,
        front: front.length,
        hypervolume: round4(hypervolume),
        edgesPruned: pruned.filter(({ dropped }) => dropped.length > 0).length,
      },
    });
    done = finishing || state.stage + 1 >= context.schedule.stages.length;
    next = done ? { ...next, prunings: result.state.prunings } : result.state;
  }
  if (!done) {
    next = withNextRound(next, context);
    done = next.task === null;
  }
  const isBudgetSpent = options.budgetExhausted === true;
  const unmeasured = done ? toMeasure(next, front, context) : [];
  const end = done && unmeasured.length === 0 ? chosen(next, front, context, isBudgetSpent) : nothingYet;
  events.push(...end.events);
  return {
    state: unmeasured.length > 0 ? { ...next, askedOfDevices: unmeasured } : next,
    record: {
      round: state.round,
      stage: state.stage,
      phase: state.phase,
      candidates,
      trainLoss: report.kind === "trainRound" ? report.trainLoss : null,
      hypervolume: archive.length === 0 ? null : hypervolume,
      pruned,
    },
    archive: [...changed, ...rowsBeyond(front, changed, end.members, state.stage, context)],
    events,
    done,
    unmeasured,
    best: end.best,
    rerank: end.rerank,
  };
}

const started = ({ seed }: ControllerState): RoundOutcome["events"][number] => ({
  type: "search.started",
  data: { seed },
});

/** The search starts from the best of what was scored. */
function afterScoring(
  state: ControllerState,
  { task, report, finishing }: { task: ScoreTask; report: ScoreReport; finishing: boolean },
  context: Context,
): RoundOutcome {
  const best = bestScored(task, report, context.problem(state.choices, state.stage));
  const first = best.slice(0, startingWith(context));
  const begun = {
    ...withStrategy(state, context, first),
    round: state.round + 1,
    task: null,
    finishing: state.finishing || finishing,
    ...(best.length > 0 ? { scored: best.map(textOf) } : {}),
  };
  return {
    state: withFirstRound(begun, context),
    record: {
      round: state.round,
      stage: state.stage,
      phase: "warmup",
      candidates: [],
      trainLoss: null,
      hypervolume: null,
      pruned: [],
    },
    archive: [],
    events: [started(state)],
    done: false,
    unmeasured: [],
    best: [],
    rerank: [],
  };
}

/** How many of the best that were scored come first: a round's, or half of what is trained by itself. */
const startingWith = ({ specification: { evaluation }, schedule }: Context): number =>
  evaluation.kind === "training" ? Math.floor(evaluation.architectures / 2) : schedule.policy.candidates;

/** What is trained at the end of the rounds. */
interface Chosen {
  events: RoundOutcome["events"];
  /** What short trainings order first. */
  members: Archived[];
  rerank: string[];
  best: string[];
}

const nothingYet: Chosen = { events: [], members: [], rerank: [], best: [] };

function chosen(
  state: ControllerState,
  front: readonly Archived[],
  context: Context,
  isBudgetSpent: boolean,
): Chosen {
  const { members, events } = reranked(state, context, isBudgetSpent);
  const { archive, stage } = state;
  const { top } = context.specification.finalTraining;
  return {
    events: [...nothingFeasible(archive, front, context), ...events],
    members,
    rerank: members.map(({ hash }) => hash),
    best: context.isTabular ? [] : rank(front, context, stage).slice(0, top),
  };
}

/** Rows of members that are to be trained and stand behind the front. */
function rowsBeyond(
  front: readonly Archived[],
  changed: RoundOutcome["archive"],
  members: readonly Archived[],
  stage: number,
  context: Context,
): RoundOutcome["archive"] {
  const known = new Set([...changed, ...front].map(({ hash }) => hash));
  return members
    .filter(({ hash }) => !known.has(hash))
    .map((entry) => rowOf(entry, { stage, onFront: false }, context));
}

/** Most members of a front that are measured at once before anything is chosen. */
const mostMeasured = 64;
/** Most that are measured one time after the other, as measurements bring others to the front. */
const mostAsked = 2 * mostMeasured;

/** Members of the front of which a device has not measured what it is to. */
function toMeasure(state: ControllerState, front: readonly Archived[], context: Context): string[] {
  const ids = context.deviceObjectives.map(objectiveId);
  const isMeasured = (hash: string) => ids.every((id) => state.measured?.[hash]?.values[id] !== undefined);
  return rank(front, context, state.stage)
    .filter((hash) => !isMeasured(hash))
    .slice(0, mostMeasured);
}

/**
 * What is on the front only now that others were measured, and is to be measured too; empty once nothing is left to ask
 * for. What was asked for and has no value is not asked for again.
 */
export function alsoToMeasure(state: ControllerState, specification: Specification): string[] {
  const asked = state.askedOfDevices ?? [];
  const front = paretoEntries(state.archive, specification.objectives);
  return toMeasure(state, front, new Context(specification, state))
    .filter((hash) => !asked.includes(hash))
    .slice(0, Math.max(0, mostAsked - asked.length));
}

/** What is trained once the members of the last front have been measured, or could not be. */
export function afterMeasuring(
  state: ControllerState,
  specification: Specification,
  isBudgetSpent: boolean,
): Pick<RoundOutcome, "archive" | "events" | "best" | "rerank"> {
  const context = new Context(specification, state);
  const front = paretoEntries(state.archive, specification.objectives);
  const { members, ...end } = chosen(state, front, context, isBudgetSpent);
  return { ...end, archive: rowsBeyond(front, [], members, state.stage, context) };
}

/** What short trainings are to order again at the end of the rounds; why nothing, where they were asked for. */
function reranked(
  { archive, stage, seed, round, scored }: ControllerState,
  context: Context,
  isBudgetSpent: boolean,
): { members: Archived[]; events: RoundOutcome["events"] } {
  const reranking = resolveReranking(context.specification);
  if (reranking === null) return { members: [], events: [] };
  const strangers =
    archive.length === 0
      ? noStrangers
      : strangersOf(context, { seed: seedOf(seed, "strangers"), round, scored });
  const members = membersToRerank(archive, reranking.architectures, judgeOf(context, stage), strangers);
  if (!isBudgetSpent && members.length > 1) return { members, events: [] };
  const reason = isBudgetSpent ? "budget" : "nothing to compare";
  return { members: [], events: [{ type: "reranking.skipped", data: { reason } }] };
}

function learnt(state: ControllerState, candidates: readonly CandidateRecord[], context: Context): unknown {
  const random = new Random(seedOf(state.seed, "learn", state.round));
  const problem = context.problem(state.choices, state.stage);
  const observations = candidates.map(({ selection, values, loss, failure }) => ({
    code: codeOf(context.positions, selection),
    measured: context.measured(values, loss),
    round: state.round,
    ...(failure === "diverged" ? { diverged: true } : {}),
  }));
  return context.strategy.learn(state.strategy, problem, observations, random);
}

/** The stage after this one: a smaller space, a new supernet, and first of all what was found so far. */
function shrunk(
  state: ControllerState,
  front: readonly Archived[],
  context: Context,
  stage: Stage,
): { state: ControllerState; pruned: Pruning[] } {
  const problem = context.problem(state.choices, state.stage);
  const { strategy, positions } = context;
  const isPublished = context.specification.strategy.name === "tnd-nas";
  const { choices, pruned } = prune({
    positions,
    choices: state.choices,
    probabilities: strategy.logits(state.strategy, problem).map(softmax),
    effects: strategy.effects?.(state.strategy, problem) ?? null,
    drop: stage.drop,
    front: isPublished ? [] : front.map(({ selection }) => selection),
  });
  const { halvedFrom: _, ...kept } = state;
  const next: ControllerState = {
    ...kept,
    stage: state.stage + 1,
    step: 0,
    searchRounds: 0,
    choices,
    archive: [],
    hypervolume: 0,
    announced: 0,
    prunings: [
      ...state.prunings,
      ...pruned.map((pruning) => ({ ...pruning, stage: state.stage, round: state.round - 1 })),
    ],
  };
  if (next.stage >= context.schedule.stages.length) return { state: next, pruned };
  const codes = front.map(({ selection }) => codeOf(positions, selection));
  const first = codes.filter((code) => survives(positions, choices, code));
  return { state: withStrategy(next, context, first), pruned };
}

/** What to say at the end of a search that met no architecture within its limits: which came nearest. */
export function nothingFeasible(
  archive: readonly Archived[],
  front: readonly Archived[],
  context: Context,
): RoundOutcome["events"] {
  const { objectives } = context.specification;
  if (front.length > 0 || archive.length === 0) return [];
  const excess = ({ values }: Archived) => excessOf(values, objectives);
  const beyond = archive.filter((entry) => excess(entry) > 0);
  const [nearest] = beyond.toSorted((a, b) => excess(a) - excess(b));
  if (nearest === undefined) return [];
  const { hash, selection, values } = nearest;
  const limits = Object.fromEntries(
    objectives.flatMap((objective) =>
      objective.limit === undefined ? [] : [[objectiveId(objective), objective.limit]],
    ),
  );
  return [{ type: "search.infeasible", data: { nearest: hash, selection, values, limits } }];
}

/** Front members, the preferred first. */
function rank(front: readonly Archived[], context: Context, stageIndex: number): string[] {
  const { preference } = judgeOf(context, stageIndex);
  return front.toSorted((a, b) => preference(b.values) - preference(a.values)).map(({ hash }) => hash);
}
