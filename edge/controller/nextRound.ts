/** Decides the next round: which phase it belongs to, how many weight steps, which candidates. */

import { selectionOf } from "../../shared/code.ts";
import { networkSizeOf } from "../../shared/networkCosts.ts";
import type { Logits, TabularTask, TrainRoundTask } from "../../shared/protocol.ts";
import { Random } from "../../shared/random.ts";
import { type Stage, stageSteps } from "../../shared/schedule.ts";
import type { Selection } from "../../shared/space.ts";
import { objectiveId, type TabularEvaluation } from "../../shared/specification.ts";
import { layersOf } from "./archive.ts";
import type { Context } from "./context.ts";
import { isMeasured } from "./merge.ts";
import { seedOf } from "./policy.ts";
import type { ControllerState, Phase } from "./state.ts";

/** A stage counted in steps has this many epochs as far as skip dropout is concerned: what the published stages have. */
const virtualEpochs = 25;
/** The state with the task of its next round; without one where a table's architectures are exhausted. */
export function withNextRound(state: ControllerState, context: Context): ControllerState {
  const { evaluation } = context.specification;
  if (evaluation.kind === "tabular")
    return withTabularTask({ ...state, phase: "search" }, context, evaluation);
  return withTrainTask({ ...state, phase: phaseAt(state, context) }, context);
}

function withTabularTask(
  state: ControllerState,
  context: Context,
  evaluation: TabularEvaluation,
): ControllerState {
  const left = (context.specification.budget.evaluations ?? Number.POSITIVE_INFINITY) - state.evaluations;
  const proposal = propose(state, context, Math.min(evaluation.candidatesPerRound, left));
  if (proposal.selections.length === 0) return { ...state, strategy: proposal.strategy, task: null };
  const task: TabularTask = {
    kind: "tabular",
    taskId: taskIdOf(state),
    searchId: state.searchId,
    round: state.round,
    table: evaluation.table,
    architecture: evaluation.architecture,
    columns: Object.fromEntries(
      context.objectives.map((objective) => [
        objectiveId(objective),
        objective.name === "accuracy"
          ? evaluation.reward
          : (evaluation.costs[objectiveId(objective)] as string),
      ]),
    ),
    space: context.specification.space,
    candidates: proposal.selections.map((selection) => ({ selection })),
  };
  return { ...state, strategy: proposal.strategy, task };
}

export const taskIdOf = ({ searchId, round }: ControllerState): string => `${searchId}-r${round}`;

function phaseAt(state: ControllerState, context: Context): Phase {
  const { total, warmup } = stageSteps(context.stage(state.stage), context.schedule, context.trainImages);
  if (state.finishing || state.step >= total) return "confirm";
  return state.step < warmup ? "warmup" : "search";
}

function withTrainTask(state: ControllerState, context: Context): ControllerState {
  const { schedule } = context;
  const { evaluationImages } = schedule.policy;
  const training = trainingOf(state, context);
  const { selections, strategy } = candidatesFor(state, context);
  const task: TrainRoundTask = {
    kind: "trainRound",
    taskId: taskIdOf(state),
    searchId: state.searchId,
    round: state.round,
    stage: stageTaskOf(state, context),
    firstStep: state.step,
    ...training,
    pathSeed: seedOf(state.seed, "paths", state.stage),
    logits: logitsOf({ ...state, strategy }, context),
    ...(state.halvedFrom === undefined ? {} : { halvedFrom: state.halvedFrom }),
    ...ahead({ ...state, step: state.step + training.steps }, selections.length, context),
    candidates: selections.map((selection) => ({ selection })),
    evaluation:
      state.phase === "confirm"
        ? { images: schedule.confirmation.images, offset: 0 }
        : { images: evaluationImages, offset: state.searchRounds * evaluationImages },
    ...tuningOf(state, context),
    ...measureOf(selections.length, context),
  };
  return { ...state, strategy, task };
}

/** How candidates are trained by themselves before they are confirmed, where that is asked for. */
function tuningOf({ phase }: ControllerState, { schedule }: Context): Pick<TrainRoundTask, "tuning"> {
  const { tuningSteps: steps, tuningRate: learningRate } = schedule.confirmation;
  return phase === "confirm" && steps > 0 ? { tuning: { steps, learningRate } } : {};
}

/** What the runner measures of the networks that candidates stand for, where that is an objective. */
function measureOf(candidates: number, context: Context): Pick<TrainRoundTask, "measure"> {
  const objectives = context.runnerObjectives;
  if (objectives.length === 0 || candidates === 0) return {};
  const { stem = "cifar", channels, layers, classes, image } = networkSizeOf(context.specification);
  return { measure: { objectives, network: { stem, channels, layers, classes, image } } };
}

function stageTaskOf(state: ControllerState, context: Context): TrainRoundTask["stage"] {
  const { schedule, specification } = context;
  if (specification.evaluation.kind !== "supernet")
    throw new RangeError("only supernet searches have training rounds");
  const { channels, layers } = context.stage(state.stage);
  const { total } = stageSteps(context.stage(state.stage), schedule, context.trainImages);
  return {
    index: state.stage,
    seed: seedOf(state.seed, "stage", state.stage),
    dataset: specification.dataset.name,
    space: specification.space,
    choices: state.choices,
    stem: specification.evaluation.network.stem,
    ...(state.reductions === undefined ? {} : { reductions: state.reductions }),
    channels,
    layers,
    batchSize: schedule.batchSize,
    validationFraction: schedule.validationFraction,
    totalSteps: total,
    learningRate: schedule.weights.learningRate,
    momentum: schedule.weights.momentum,
    weightDecay: schedule.weights.weightDecay,
    clipNorm: schedule.weights.clipNorm,
  };
}

interface Proposed {
  selections: Selection[];
  strategy: unknown;
}

function candidatesFor(state: ControllerState, context: Context): Proposed {
  if (state.phase === "search") return propose(state, context, context.schedule.policy.candidates);
  const selections = state.phase === "confirm" ? toConfirm(state, context) : [];
  return { selections, strategy: state.strategy };
}

function propose(state: ControllerState, context: Context, count: number): Proposed {
  const random = new Random(seedOf(state.seed, "candidates", state.round));
  const problem = context.problem(state.choices, state.stage);
  const { codes, state: strategy } = context.strategy.propose(state.strategy, problem, count, random);
  return { selections: codes.map((code) => selectionOf(context.positions, code)), strategy };
}

/** The strategy's distribution as tasks carry it: by kind of cell and edge. */
export function logitsOf(state: ControllerState, context: Context): Logits {
  const problem = context.problem(state.choices, state.stage);
  const logits: Logits = {};
  for (const [index, row] of context.strategy.logits(state.strategy, problem).entries()) {
    const kind = context.positions[index]?.kind ?? "";
    logits[kind] ??= [];
    logits[kind].push(row);
  }
  return logits;
}

/** The most probable operation of every edge. */
function modeOf(logits: Logits, { choices }: ControllerState): Selection {
  return Object.fromEntries(
    Object.entries(choices).map(([kind, edges]) => [
      kind,
      edges.map((operations, edge) => {
        const row = logits[kind]?.[edge] ?? [];
        return operations[row.indexOf(Math.max(...row))] as string;
      }),
    ]),
  );
}

type Training = Pick<TrainRoundTask, "steps" | "paths" | "skipDropout">;

/** The weight steps of a round that starts at the state's step. */
function trainingOf({ phase, stage: index, step }: ControllerState, context: Context): Training {
  const { schedule } = context;
  const stage = context.stage(index);
  const { total, warmup } = stageSteps(stage, schedule, context.trainImages);
  const steps = {
    warmup: Math.min(schedule.warmupStepsPerRound, warmup - step),
    search: Math.min(schedule.stepsPerRound, total - step),
    confirm: 0,
  };
  return {
    steps: steps[phase],
    paths: phase === "warmup" ? schedule.weights.warmupPaths : schedule.weights.paths,
    skipDropout: skipDropout(stage, step, total, warmup),
  };
}

/** The weight steps of the round after this one, where they follow from nothing that this one measures. */
function ahead(after: ControllerState, candidates: number, context: Context): Pick<TrainRoundTask, "ahead"> {
  const { budget } = context.specification;
  const evaluations = after.evaluations + candidates;
  const finishing =
    after.phase === "confirm" || evaluations >= (budget.evaluations ?? Number.POSITIVE_INFINITY);
  const phase = phaseAt(after, context);
  if (finishing || phase === "confirm") return {};
  const training = trainingOf({ ...after, phase }, context);
  return training.paths === "fair" || training.paths === "uniform" ? { ahead: training } : {};
}

/** Method: p0 (E - e - 1) / E while warming up, then p0 exp(-0.2 (e - e_warm)). */
function skipDropout(stage: Stage, step: number, total: number, warmup: number): number {
  const epochs = stage.epochs ?? virtualEpochs;
  const epoch = Math.floor((epochs * step) / total);
  if (step < warmup) return (stage.skipDropout * (epochs - epoch - 1)) / epochs;
  return stage.skipDropout * Math.exp(-0.2 * (epoch - Math.floor((epochs * warmup) / total)));
}

/** The policy's mode, then the archive layer by layer. */
function toConfirm(state: ControllerState, context: Context): Selection[] {
  const wanted = context.schedule.confirmation.architectures;
  if (wanted === 0) return [];
  const mode = modeOf(logitsOf(state, context), state);
  const modeHash = context.hash(mode);
  const ranked = layersOf(state.archive, context.specification.objectives)
    .flatMap((layer) => [...layer].sort((a, b) => (b.values.accuracy ?? 0) - (a.values.accuracy ?? 0)))
    .filter(({ hash, values }) => hash !== modeHash && isMeasured(values.accuracy));
  return [mode, ...ranked.map(({ selection }) => selection)].slice(0, wanted);
}
