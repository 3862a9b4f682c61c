/**
 * A search by training: asynchronous successive halving (ASHA, Li et al. 2018, arXiv 1810.05934) with a share of one
 * half. Whoever asks gets the best of the highest rung whose better half was not promoted yet, or else a new architecture
 * of the strategy; so no training waits for another. With several objectives better means: in an earlier
 * non-dominated layer, and within a layer preferred by the search.
 *
 * A strategy learns from the first rung alone: there all are trained alike, so that values can be compared. Longer rungs
 * decide what is promoted and what is on the front. Pure: what comes next follows from the state.
 */

import { goOn } from "../../shared/candidateTrainings.ts";
import { codeOfText, selectionOf, textOf } from "../../shared/code.ts";
import { hashText } from "../../shared/hash.ts";
import { Random } from "../../shared/random.ts";
import type { Selection } from "../../shared/space.ts";
import type { Specification, TrainingEvaluation } from "../../shared/specification.ts";
import { type Archived, hypervolumeShare, nonDominated } from "./archive.ts";
import { Context } from "./context.ts";
import { announceGrowth, nothingFeasible } from "./controller.ts";
import { round4, seedOf } from "./policy.ts";
import { judgeOf, type Member, ranked } from "./rerank.ts";
import { reward, type Values } from "./reward.ts";
import type { ControllerState, HalvingState, RoundOutcome, TrainedCandidate } from "./state.ts";
import { eligibleDraw, type Problem, randomCode } from "./strategies/strategy.ts";
import { untaughtEvents } from "./untaught.ts";

/** A training to begin, with what it was chosen from: the same state gives it again. */
export interface Chosen {
  hash: string;
  selection: Selection;
  rung: number;
  /** Trainings begun before it. */
  number: number;
  /** Of the strategy's draws; null where it was promoted. */
  seed: number | null;
  /** Trainings that had ended, the order of which is that of the rounds. */
  ended: number;
  /** Digest of what the strategy had been told. */
  observed: string;
}

/** What is left to do once nothing is trained any more. */
export interface HalvingEnd {
  /** For the final trainings, best first. */
  best: string[];
  events: RoundOutcome["events"];
  /** Not one architecture was trained: why the search fails. */
  failure: string | null;
}

export interface Begun {
  state: ControllerState;
  /** Null where nothing can be begun now. */
  chosen: Chosen | null;
  end: HalvingEnd | null;
}

/** How a training ended; `failure` of one that has no result, and for good. */
export type TrainingResult =
  | { accuracy: number; images: number; loss: number; trainLoss: number; steps: number }
  | { failure: string; diverged: boolean };

export interface Ended {
  state: ControllerState;
  record: RoundOutcome["record"];
  /** Null where it failed. */
  trained: (Omit<Archived, "confirmed"> & { steps: number }) | null;
  front: string[];
  events: RoundOutcome["events"];
  end: HalvingEnd | null;
}

/** Draws of a strategy that are all known or no answer before others are looked for. */
const tries = 16;

interface Search {
  context: Context;
  specification: Specification;
  evaluation: TrainingEvaluation;
}

function searchOf(specification: Specification): Search {
  const { evaluation } = specification;
  if (evaluation.kind !== "training") throw new RangeError("this is no search by training");
  return { context: new Context(specification), specification, evaluation };
}

export function halvingOf({ halving }: ControllerState): HalvingState {
  if (halving === undefined) throw new RangeError("this is no search by training");
  return halving;
}

/** Begins the next training, if there is one to begin. The state is the same object where nothing changed. */
export function beginTraining(
  state: ControllerState,
  specification: Specification,
  { isBudgetSpent = false } = {},
): Begun {
  const search = searchOf(specification);
  if (isBudgetSpent) {
    const over = settle({ ...state, finishing: true }, search);
    return { state: over, chosen: null, end: endOf(over, search) };
  }
  if (!mayBegin(state, search)) return { state, chosen: null, end: endIfOver(state, search) };
  const next = promoted(state, search) ?? proposed(state, search);
  const settled = settle(next.state, search);
  return {
    state: settled,
    chosen: next.chosen,
    end: next.chosen === null ? endIfOver(settled, search) : null,
  };
}

/** Takes what became of an open training. Throws RangeError where none of the architecture is open. */
export function endTraining(
  state: ControllerState,
  specification: Specification,
  { hash, result }: { hash: string; result: TrainingResult },
  { isBudgetSpent = false } = {},
): Ended {
  const search = searchOf(specification);
  const before = halvingOf(state);
  const own = before.candidates.find((candidate) => candidate.hash === hash);
  if (own?.state !== "open") throw new RangeError(`no training of ${hash} is open`);
  const closed = closedWith(own, result, state.round);
  const candidates = before.candidates.map((candidate) => (candidate === own ? closed : candidate));
  const learnt = told({ ...state, halving: { ...before, candidates } }, closed, result, search);
  const front = frontOf(candidates, search);
  const hypervolume = hypervolumeShare(front, specification, state.bounds);
  const { announced, events } = announcement(state, front.length, hypervolume);
  const counted = settle(
    {
      ...learnt,
      round: state.round + 1,
      searchRounds: state.searchRounds + 1,
      evaluations: state.evaluations + ("accuracy" in result ? 1 : 0),
      archive: front,
      hypervolume,
      announced,
      finishing: state.finishing || isBudgetSpent,
    },
    search,
  );
  const record = recordOf(state.round, closed, result, front.length > 0 ? hypervolume : null, search);
  const { confirmed: _, ...entry } = entryOf(closed, search.context);
  return {
    state: counted,
    record,
    trained: "accuracy" in result ? { ...entry, steps: closed.steps } : null,
    front: front.map((member) => member.hash),
    events,
    end: isBudgetSpent ? endOf(counted, search) : endIfOver(counted, search),
  };
}

function closedWith(own: TrainedCandidate, result: TrainingResult, round: number): TrainedCandidate {
  if ("failure" in result) return { ...own, state: "failed" };
  const { accuracy, images, steps } = result;
  return { ...own, state: "trained", accuracies: [...own.accuracies, accuracy], images, steps, round };
}

/** The state after a change, with whether another training can be begun now. */
const settle = (state: ControllerState, search: Search): ControllerState => {
  const halving = halvingOf(state);
  const next = { ...halving, changes: halving.changes + 1 };
  return { ...state, halving: { ...next, isWaiting: !mayBegin({ ...state, halving: next }, search) } };
};

const isOpen = ({ state }: TrainedCandidate): boolean => state === "open";

function mayBegin(state: ControllerState, search: Search): boolean {
  const { candidates, isExhausted } = halvingOf(state);
  const { architectures, parallel = Number.POSITIVE_INFINITY } = search.evaluation;
  const begun = candidates.reduce((sum, { rung }) => sum + rung + 1, 0);
  if (
    state.task !== null ||
    state.finishing ||
    begun >= (search.specification.budget.evaluations ?? Number.POSITIVE_INFINITY)
  )
    return false;
  if (candidates.filter(isOpen).length >= parallel) return false;
  return (!isExhausted && candidates.length < architectures) || toPromote(candidates, search) !== null;
}

/** The best of the highest rung that is of its better half and not promoted yet. */
function toPromote(candidates: readonly TrainedCandidate[], search: Search): TrainedCandidate | null {
  const judge = judgeOf(search.context, 0);
  for (let rung = search.evaluation.rungs.length - 2; rung >= 0; rung--) {
    const trained = candidates.filter(({ accuracies }) => accuracies.length > rung);
    if (!trained.some((candidate) => isPromotable(candidate, rung))) continue;
    const members = trained.map((candidate) => memberOf(candidate, rung, search.context));
    const better = ranked(members, judge).slice(0, goOn(trained.length));
    const found = better.find(({ candidate }) => isPromotable(candidate, rung));
    if (found !== undefined) return found.candidate;
  }
  return null;
}

const isPromotable = ({ state, rung }: TrainedCandidate, on: number): boolean =>
  state === "trained" && rung === on;

function memberOf(
  candidate: TrainedCandidate,
  rung: number,
  context: Context,
): Member & { candidate: TrainedCandidate } {
  const selection = selectionIn(candidate, context);
  const values: Values = { accuracy: candidate.accuracies[rung] ?? null, ...context.cheap(selection) };
  return { candidate, hash: candidate.hash, values, feasible: context.isFeasible(selection, values) };
}

const selectionIn = ({ code }: TrainedCandidate, { positions }: Context): Selection =>
  selectionOf(positions, codeOfText(code));

interface Next {
  state: ControllerState;
  chosen: Chosen | null;
}

function promoted(state: ControllerState, search: Search): Next | null {
  const halving = halvingOf(state);
  const best = toPromote(halving.candidates, search);
  if (best === null) return null;
  const next: TrainedCandidate = { ...best, rung: best.rung + 1, state: "open" };
  const candidates = halving.candidates.map((candidate) => (candidate === best ? next : candidate));
  return {
    state: { ...state, halving: { ...halving, candidates } },
    chosen: chosenOf(next, state, null, search),
  };
}

function proposed(state: ControllerState, search: Search): Next {
  const { context } = search;
  const halving = halvingOf(state);
  const seed = seedOf(state.seed, "candidates", halving.candidates.length);
  const { code, strategy } = newCode(state, new Random(seed), context);
  if (code === null)
    return { state: { ...state, strategy, halving: { ...halving, isExhausted: true } }, chosen: null };
  const hash = context.hash(selectionOf(context.positions, codeOfText(code)));
  const next: TrainedCandidate = {
    hash,
    code,
    rung: 0,
    state: "open",
    accuracies: [],
    images: 0,
    steps: 0,
    round: state.round,
  };
  const candidates = [...halving.candidates, next];
  return {
    state: { ...state, strategy, halving: { ...halving, candidates } },
    chosen: chosenOf(next, state, seed, search),
  };
}

function chosenOf(
  candidate: TrainedCandidate,
  state: ControllerState,
  seed: number | null,
  { context }: Search,
): Chosen {
  const { candidates, observed } = halvingOf(state);
  return {
    hash: candidate.hash,
    selection: selectionIn(candidate, context),
    rung: candidate.rung,
    number: candidates.reduce((sum, { rung }) => sum + rung + 1, 0),
    seed,
    ended: state.searchRounds,
    observed,
  };
}

/** An architecture that is new and, as far as is known, may be the answer; null where none is found. */
function newCode(
  state: ControllerState,
  random: Random,
  context: Context,
): { code: string | null; strategy: unknown } {
  const known = new Set(halvingOf(state).candidates.map(({ hash }) => hash));
  const problem = context.problem(state.choices, 0);
  const isNew = (code: readonly number[]) => {
    const selection = selectionOf(context.positions, code);
    return !known.has(context.hash(selection)) && context.isFeasible(selection, context.cheap(selection));
  };
  let { strategy } = state;
  for (let left = tries; left > 0; left--) {
    const proposal = context.strategy.propose(strategy, problem, 1, random);
    strategy = proposal.state;
    const [code] = proposal.codes;
    if (code === undefined) break;
    if (isNew(code)) return { code: textOf(code), strategy };
  }
  const other = drawn(problem, random, isNew);
  return { code: other === null ? null : textOf(other), strategy };
}

function drawn(
  problem: Problem,
  random: Random,
  isNew: (code: readonly number[]) => boolean,
): readonly number[] | null {
  for (let left = tries; left > 0; left--) {
    const code = eligibleDraw(problem, () => randomCode(problem, random));
    if (isNew(code)) return code;
  }
  return null;
}

/** The strategy after a training: it learns of the first rung, and of failures not to propose their like again. */
function told(
  state: ControllerState,
  candidate: TrainedCandidate,
  result: TrainingResult,
  { context }: Search,
): ControllerState {
  const isFailed = "failure" in result;
  if (!isFailed && candidate.rung > 0) return state;
  const selection = selectionIn(candidate, context);
  const values: Values = { accuracy: isFailed ? null : result.accuracy, ...context.cheap(selection) };
  const observation = {
    code: codeOfText(candidate.code),
    measured: context.measured(values, null),
    round: state.round,
    ...(isFailed ? { diverged: true } : {}),
  };
  const halving = halvingOf(state);
  return {
    ...state,
    strategy: context.strategy.learn(
      state.strategy,
      context.problem(state.choices, 0),
      [observation],
      new Random(seedOf(state.seed, "learn", state.round)),
    ),
    halving: { ...halving, observed: hashText(`${halving.observed} ${JSON.stringify(observation)}`) },
  };
}

/** By their longest rung. One that left early is on the front only where no longer training of another beats it. */
function frontOf(candidates: readonly TrainedCandidate[], { context, specification }: Search): Archived[] {
  const entries = candidates.flatMap((candidate) =>
    candidate.state === "failed" || candidate.accuracies.length === 0 ? [] : [entryOf(candidate, context)],
  );
  return nonDominated(entries, specification.objectives);
}

function entryOf(candidate: TrainedCandidate, context: Context): Archived {
  const { accuracies, images, round } = candidate;
  const { hash, values, feasible } = memberOf(candidate, accuracies.length - 1, context);
  return {
    hash,
    selection: selectionIn(candidate, context),
    values,
    feasible,
    images,
    round,
    confirmed: false,
    version: accuracies.length,
  };
}

function announcement(
  { announced, round }: ControllerState,
  size: number,
  hypervolume: number,
): Pick<Ended, "events"> & Pick<ControllerState, "announced"> {
  if (size === 0 || hypervolume <= announced * (1 + announceGrowth)) return { announced, events: [] };
  const data = { round, size, hypervolume: round4(hypervolume) };
  return { announced: hypervolume, events: [{ type: "front.improved", data }] };
}

function recordOf(
  round: number,
  candidate: TrainedCandidate,
  result: TrainingResult,
  hypervolume: number | null,
  { context, specification }: Search,
): Ended["record"] {
  const isFailed = "failure" in result;
  const selection = selectionIn(candidate, context);
  const values: Values = { accuracy: isFailed ? null : result.accuracy, ...context.cheap(selection) };
  return {
    round,
    stage: 0,
    phase: "search",
    trainLoss: isFailed ? null : result.trainLoss,
    hypervolume,
    pruned: [],
    candidates: [
      {
        hash: candidate.hash,
        selection,
        values,
        loss: isFailed ? null : result.loss,
        reward: reward(values, specification, context.schedule, context.stage(0)),
        feasible: !isFailed && context.isFeasible(selection, values),
        version: 1,
        ...(isFailed ? {} : { images: result.images }),
        ...(isFailed && result.diverged ? { failure: "diverged" as const } : {}),
      },
    ],
  };
}

function endIfOver(state: ControllerState, search: Search): HalvingEnd | null {
  const isOver = state.task === null && !halvingOf(state).candidates.some(isOpen) && !mayBegin(state, search);
  return isOver ? endOf(state, search) : null;
}

function endOf(state: ControllerState, search: Search): HalvingEnd {
  const { context, specification } = search;
  const { candidates } = halvingOf(state);
  const front = frontOf(candidates, search);
  const trained = candidates.filter(({ state: is, accuracies }) => is !== "failed" && accuracies.length > 0);
  const entries = trained.map((candidate) => entryOf(candidate, context));
  const { preference } = judgeOf(context, 0);
  const order = front.toSorted((a, b) => preference(b.values) - preference(a.values));
  const failed = candidates.filter(({ state: is }) => is === "failed").length;
  return {
    best: order.slice(0, specification.finalTraining.top).map(({ hash }) => hash),
    events: [
      ...nothingFeasible(entries, front, context),
      ...untaughtEvents(
        entries.map(({ values, images }) => ({ accuracy: values.accuracy, images })),
        specification,
        "evaluation.rungs",
      ),
    ],
    failure: trained.length > 0 ? null : untrained(failed, candidates.length),
  };
}

function untrained(failed: number, candidates: number): string {
  if (candidates === 0)
    return "no architecture was found that meets the limits, or the budget was spent before one was trained";
  return failed === 0
    ? "the budget was spent before one architecture was trained; raise it, or shorten evaluation.rungs"
    : `not one of ${candidates} architectures could be trained; see the events training.failed`;
}
