/** Decides the next round: which phase it belongs to, how many weight steps, which candidates. */

import type { TrainRoundTask } from "../../shared/protocol.ts";
import { Random } from "../../shared/random.ts";
import { type Stage, stageSteps } from "../../shared/schedule.ts";
import type { Selection } from "../../shared/space.ts";
import { layersOf } from "./archive.ts";
import type { Context } from "./context.ts";
import { modeSelection, sampleSelection, seedOf } from "./policy.ts";
import { isFeasible } from "./reward.ts";
import type { ControllerState, Phase } from "./state.ts";

/** A stage counted in steps has this many epochs as far as skip dropout is concerned: what the published stages have. */
const virtualEpochs = 25;
/** Draws after which an architecture beyond a hard limit is measured after all. */
const feasibleTries = 50;

/** The state with the task of its next round. */
export function withNextRound(state: ControllerState, context: Context): ControllerState {
  const placed = { ...state, phase: phaseAt(state, context) };
  return withTask(placed, context);
}

function phaseAt(state: ControllerState, context: Context): Phase {
  const { total, warmup } = stageSteps(context.stage(state.stage), context.schedule, context.trainImages);
  if (state.finishing || state.step >= total) return "confirm";
  return state.step < warmup ? "warmup" : "search";
}

function withTask(state: ControllerState, context: Context): ControllerState {
  const { schedule, specification } = context;
  if (specification.evaluation.kind !== "supernet")
    throw new RangeError("only supernet searches have training rounds");
  const stage = context.stage(state.stage);
  const { total } = stageSteps(stage, schedule, context.trainImages);
  const training = trainingOf(state, context);
  const selections =
    state.phase === "search"
      ? draw(state, context)
      : state.phase === "confirm"
        ? toConfirm(state, context)
        : [];
  const task: TrainRoundTask = {
    kind: "trainRound",
    taskId: `${state.searchId}-r${state.round}`,
    searchId: state.searchId,
    round: state.round,
    stage: {
      index: state.stage,
      seed: seedOf(state.seed, "stage", state.stage),
      dataset: specification.dataset.name,
      space: specification.space,
      choices: state.choices,
      stem: specification.evaluation.network.stem,
      channels: stage.channels,
      layers: stage.layers,
      batchSize: schedule.batchSize,
      validationFraction: schedule.validationFraction,
      totalSteps: total,
      learningRate: schedule.weights.learningRate,
      momentum: schedule.weights.momentum,
      weightDecay: schedule.weights.weightDecay,
      clipNorm: schedule.weights.clipNorm,
    },
    firstStep: state.step,
    ...training,
    pathSeed: seedOf(state.seed, "paths", state.stage),
    logits: state.policy.logits,
    ...(state.halvedFrom === undefined ? {} : { halvedFrom: state.halvedFrom }),
    ...ahead({ ...state, step: state.step + training.steps }, selections.length, context),
    candidates: selections.map((selection) => ({ selection })),
    evaluation:
      state.phase === "confirm"
        ? { images: schedule.confirmation.images, offset: 0 }
        : {
            images: schedule.policy.evaluationImages,
            offset: state.searchRounds * schedule.policy.evaluationImages,
          },
  };
  return { ...state, task };
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

/** Candidates of a search round; draws beyond a hard limit on a cheap objective are drawn again, a bounded number of times. */
function draw(state: ControllerState, context: Context): Selection[] {
  const random = new Random(seedOf(state.seed, "candidates", state.round));
  const limited = context.specification.objectives.some((objective) => objective.limit !== undefined);
  return Array.from({ length: context.schedule.policy.candidates }, () => {
    let selection = sampleSelection(state.policy, state.choices, random);
    for (let tries = 1; limited && tries < feasibleTries; tries++) {
      if (isFeasible(context.cheap(selection), context.specification)) break;
      selection = sampleSelection(state.policy, state.choices, random);
    }
    return selection;
  });
}

/** The policy's mode, then the archive layer by layer. */
function toConfirm(state: ControllerState, context: Context): Selection[] {
  const wanted = context.schedule.confirmation.architectures;
  if (wanted === 0) return [];
  const mode = modeSelection(state.policy, state.choices);
  const modeHash = context.hash(mode);
  const ranked = layersOf(state.archive, context.specification.objectives)
    .flatMap((layer) => [...layer].sort((a, b) => (b.values.accuracy ?? 0) - (a.values.accuracy ?? 0)))
    .filter(({ hash }) => hash !== modeHash);
  return [mode, ...ranked.map(({ selection }) => selection)].slice(0, wanted);
}
