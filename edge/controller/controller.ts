/**
 * The controller: a pure function from (state, measurements) to (state, next round). Its whole state is one JSON value.
 *
 * A search runs through stages; a stage is warm-up rounds (weights only), search rounds (weights, then candidates
 * drawn from the policy are measured and move it) and one confirmation round (the front is measured again on more
 * images). Then the weakest operations of every edge go and the next stage starts with a new supernet.
 */
import type { CostTable } from "../../shared/count.ts";
import { type DatasetName, datasetFacts } from "../../shared/datasets.ts";
import { canonicalHash, type Genotype } from "../../shared/genotype.ts";
import type { Choices, Selection, TrainRoundReport, TrainRoundTask } from "../../shared/protocol.ts";
import { Random } from "../../shared/random.ts";
import { type Schedule, type Stage, stageSteps } from "../../shared/schedule.ts";
import { edgesOf, fullChoices, genotypeFromSelection } from "../../shared/space.ts";
import {
  cheapObjectives,
  objectiveId,
  resolveSchedule,
  type Specification,
} from "../../shared/specification.ts";
import {
  type Archived,
  type Bounds,
  hypervolumeShare,
  layersOf,
  paretoEntries,
  truncate,
} from "./archive.ts";
import {
  initialPolicy,
  modeSelection,
  type PolicyState,
  type Pruning,
  prune,
  round4,
  sampleSelection,
  seedOf,
  softmax,
  updatePolicy,
} from "./policy.ts";
import { cheapValues, costTableOf, profile, spaceOf } from "./profile.ts";
import { isFeasible, reward, type Values } from "./reward.ts";

export type Phase = "warmup" | "search" | "confirm";

export interface ControllerState {
  version: 1;
  searchId: string;
  seed: number;
  /** Round the pending task belongs to; the next one when there is none. */
  round: number;
  stage: number;
  phase: Phase;
  /** Weight steps of the stage that are done. */
  step: number;
  choices: Choices;
  policy: PolicyState;
  archive: Archived[];
  /** Null when every round is done. */
  task: TrainRoundTask | null;
  evaluations: number;
  /** Rounds of this stage that measured candidates: where the next one starts in half B. */
  searchRounds: number;
  bounds: Bounds;
  hypervolume: number;
  /** Hypervolume when the front was last announced. */
  announced: number;
  prunings: (Pruning & { stage: number; round: number })[];
  /** A budget is spent: confirm what there is, then end. */
  finishing: boolean;
  /** Measurements that came after their round: whoever adds one must have seen all others. */
  amendments: number;
}

export interface CandidateRecord {
  hash: string;
  selection: Selection;
  values: Values;
  loss: number | null;
  reward: number | null;
  feasible: boolean;
  /** 1, and one more with every measurement that came late. */
  version: number;
}

export interface ArchiveEntry {
  hash: string;
  stage: number;
  genotype: Genotype;
  selection: Selection;
  values: Values;
  feasible: boolean;
  onFront: boolean;
  round: number;
  images: number;
  version: number;
}

export interface RoundOutcome {
  state: ControllerState;
  record: {
    round: number;
    stage: number;
    phase: Phase;
    candidates: CandidateRecord[];
    trainLoss: number | null;
    hypervolume: number | null;
    pruned: Pruning[];
  };
  archive: { upsert: ArchiveEntry[]; remove: string[] };
  events: { type: string; data: Record<string, unknown> }[];
  done: boolean;
  /** When done: what to train, best first. */
  best: string[];
}

/** A stage counted in steps has this many epochs as far as skip dropout is concerned: what the published stages have. */
const virtualEpochs = 25;
/** Draws after which an architecture beyond a hard limit is measured after all. */
const feasibleTries = 50;
/** The front is announced when its hypervolume has grown by this share. */
const announceGrowth = 0.01;
const learnedFrom = (accuracy: number | null | undefined): boolean =>
  typeof accuracy === "number" && Number.isFinite(accuracy);

export function startSearch(specification: Specification, searchId: string): ControllerState {
  const choices = fullChoices(spaceOf(specification));
  const { ranges } = profile(specification);
  const bounds: Bounds = { accuracy: [0, 100] };
  for (const objective of cheapObjectives) {
    const range = ranges[objective];
    if (range !== undefined) bounds[objective] = [range.minimum, range.maximum];
  }
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
  return withTask(state, new Context(specification));
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
  const measured = candidates.filter((candidate) => learnedFrom(candidate.values.accuracy));

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

  const merged = mergeArchive(state, measured, task, context);
  const front = paretoEntries(merged.archive, specification.objectives);
  const hypervolume =
    merged.archive.length === 0 ? state.hypervolume : hypervolumeShare(front, specification, state.bounds);
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
    archive: merged.archive,
    evaluations,
    hypervolume,
    announced,
    finishing,
    round: state.round + 1,
    step: task.firstStep + task.steps,
    searchRounds: state.searchRounds + (state.phase === "search" ? 1 : 0),
    task: null,
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
      next = {
        ...next,
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
    next = withTask({ ...next, phase: phaseAt(next, context) }, context);
  }
  return {
    state: next,
    record: {
      round: state.round,
      stage: state.stage,
      phase: state.phase,
      candidates,
      trainLoss: report.trainLoss,
      hypervolume: merged.archive.length === 0 ? null : hypervolume,
      pruned,
    },
    archive: { upsert: merged.changed(front, context, state.stage), remove: [] },
    events,
    done,
    best: done ? rank(front, context, stage).slice(0, specification.finalTraining.top) : [],
  };
}

/** A round as it was recorded, as far as a late measurement needs it. */
export interface RecordedRound {
  stage: number;
  phase: Phase;
  task: Pick<TrainRoundTask, "round" | "evaluation">;
  candidates: CandidateRecord[];
}

export interface Amendment {
  state: ControllerState;
  candidates: CandidateRecord[];
  archive: RoundOutcome["archive"];
}

/**
 * Takes measurements that come after their round: they complete the candidate and, while its stage lasts, the
 * archive; the policy has moved on. Throws RangeError for a candidate or objective that there is not, and for a
 * value that was measured before.
 */
export function amendCandidate(
  state: ControllerState,
  specification: Specification,
  recorded: RecordedRound,
  index: number,
  values: Values,
): Amendment {
  const candidate = recorded.candidates[index];
  const { round } = recorded.task;
  if (candidate === undefined) throw new RangeError(`round ${round} has no candidate ${index}`);
  const objectives = specification.objectives.map(objectiveId);
  for (const id of Object.keys(values)) {
    if (!objectives.includes(id))
      throw new RangeError(`no objective "${id}"; use one of ${objectives.join(", ")}`);
    const measured = candidate.values[id];
    if (measured !== null && measured !== undefined)
      throw new RangeError(`${id} of candidate ${index} in round ${round} was measured before: ${measured}`);
  }
  const context = new Context(specification);
  const complete = { ...candidate.values, ...values };
  const amended: CandidateRecord = {
    ...candidate,
    values: complete,
    reward: reward(complete, specification, context.schedule, context.stage(recorded.stage)),
    feasible: isFeasible(complete, specification),
    version: candidate.version + 1,
  };
  const candidates = recorded.candidates.map((known, position) => (position === index ? amended : known));
  const next = { ...state, amendments: state.amendments + 1 };
  if (recorded.stage !== state.stage || !learnedFrom(complete.accuracy))
    return { state: next, candidates, archive: { upsert: [], remove: [] } };
  const merged = mergeArchive({ ...state, phase: recorded.phase }, [amended], recorded.task, context);
  const front = paretoEntries(merged.archive, specification.objectives);
  return {
    state: {
      ...next,
      archive: merged.archive,
      hypervolume: hypervolumeShare(front, specification, state.bounds),
    },
    candidates,
    archive: { upsert: merged.changed(front, context, state.stage), remove: [] },
  };
}

export interface PolicyView {
  stage: number;
  round: number;
  phase: Phase;
  updates: number;
  baseline: number | null;
  /** Probability of each surviving operation, per edge of each kind of cell. */
  cells: Record<
    string,
    { position: number; from: number; to: number; probabilities: Record<string, number> }[]
  >;
  prunings: ControllerState["prunings"];
}

export function policyView(state: ControllerState, specification: Specification): PolicyView {
  const edges = edgesOf(spaceOf(specification));
  return {
    stage: state.stage,
    round: state.round,
    phase: state.phase,
    updates: state.policy.updates,
    baseline: state.policy.baseline,
    cells: Object.fromEntries(
      Object.entries(state.choices).map(([kind, rows]) => [
        kind,
        rows.map((operations, position) => {
          const probabilities = softmax(state.policy.logits[kind]?.[position] ?? []);
          return {
            position,
            from: edges[position]?.from ?? 0,
            to: edges[position]?.to ?? 0,
            probabilities: Object.fromEntries(
              operations.map((operation, index) => [operation, round4(probabilities[index] ?? 0)]),
            ),
          };
        }),
      ]),
    ),
    prunings: state.prunings,
  };
}

/** What follows from the specification alone, computed once per report. */
class Context {
  readonly specification: Specification;
  readonly schedule: Schedule;
  readonly trainImages: number;
  readonly space;
  #costs: CostTable | undefined;

  constructor(specification: Specification) {
    this.specification = specification;
    this.schedule = resolveSchedule(specification);
    this.trainImages = datasetFacts[specification.dataset.name as DatasetName].trainImages;
    this.space = spaceOf(specification);
  }

  stage(index: number): Stage {
    const stage = this.schedule.stages[index];
    if (stage === undefined) throw new RangeError(`there is no stage ${index}`);
    return stage;
  }

  get costs(): CostTable {
    this.#costs ??= costTableOf(this.specification);
    return this.#costs;
  }

  genotype(selection: Selection): Genotype {
    return genotypeFromSelection(this.space, selection);
  }

  hash(selection: Selection): string {
    return canonicalHash(this.genotype(selection), this.space);
  }

  /** Only the objectives that were asked for. */
  cheap(selection: Selection): Values {
    const values = cheapValues(this.costs, selection);
    return Object.fromEntries(
      cheapObjectives
        .filter((name) => this.specification.objectives.some((o) => objectiveId(o) === name))
        .map((name) => [name, values[name]]),
    );
  }
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
  const { total, warmup } = stageSteps(stage, schedule, context.trainImages);
  const steps =
    state.phase === "warmup"
      ? Math.min(schedule.warmupStepsPerRound, warmup - state.step)
      : state.phase === "search"
        ? Math.min(schedule.stepsPerRound, total - state.step)
        : 0;
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
    steps,
    paths: state.phase === "warmup" ? schedule.weights.warmupPaths : schedule.weights.paths,
    pathSeed: seedOf(state.seed, "paths", state.stage),
    logits: state.policy.logits,
    skipDropout: skipDropout(stage, state.step, total, warmup),
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

function candidatesOf(
  task: TrainRoundTask,
  report: TrainRoundReport,
  context: Context,
  stage: Stage,
): CandidateRecord[] {
  const byIndex = new Map(report.measurements.map((measurement) => [measurement.candidate, measurement]));
  for (const index of byIndex.keys())
    if (index >= task.candidates.length)
      throw new RangeError(`round ${task.round} has no candidate ${index}`);
  return task.candidates.map(({ selection }, index) => {
    const measurement = byIndex.get(index);
    const values: Values = { accuracy: measurement?.values.accuracy ?? null, ...context.cheap(selection) };
    return {
      hash: context.hash(selection),
      selection,
      values,
      loss: measurement?.loss ?? null,
      reward: reward(values, context.specification, context.schedule, stage),
      feasible: isFeasible(values, context.specification),
      version: 1,
    };
  });
}

/** Several measurements of one architecture in a stage count by their images; confirmation replaces what was seen before. */
function mergeArchive(
  state: ControllerState,
  measured: readonly CandidateRecord[],
  task: Pick<TrainRoundTask, "round" | "evaluation">,
  context: Context,
) {
  const byHash = new Map(state.archive.map((entry) => [entry.hash, entry]));
  const before = new Map(byHash);
  const confirming = state.phase === "confirm";
  const images = task.evaluation.images;
  for (const { hash, selection, values } of measured) {
    const known = byHash.get(hash);
    const averaging = known !== undefined && !(confirming && !known.confirmed);
    const total = averaging ? known.images + images : images;
    const accuracy = averaging
      ? ((known.values.accuracy ?? 0) * known.images + (values.accuracy as number) * images) / total
      : (values.accuracy as number);
    const merged: Values = { ...values, accuracy };
    byHash.set(hash, {
      hash,
      selection: known?.selection ?? selection,
      values: merged,
      feasible: isFeasible(merged, context.specification),
      images: total,
      round: known?.round ?? task.round,
      confirmed: confirming || (known?.confirmed ?? false),
      version: (known?.version ?? 0) + 1,
    });
  }
  const archive = truncate([...byHash.values()], context.specification.objectives);
  const frontBefore = new Set(
    paretoEntries(state.archive, context.specification.objectives).map(({ hash }) => hash),
  );
  return {
    archive,
    /** Rows to write: front members that are new or changed, and those that left the front. */
    changed(front: readonly Archived[], current: Context, stage: number): ArchiveEntry[] {
      const frontHashes = new Set(front.map(({ hash }) => hash));
      const rows = front.filter(
        (entry) => !frontBefore.has(entry.hash) || before.get(entry.hash)?.version !== entry.version,
      );
      const left = [...frontBefore]
        .filter((hash) => !frontHashes.has(hash))
        .flatMap((hash) => byHash.get(hash) ?? []);
      return [...rows, ...left].map((entry) => ({
        hash: entry.hash,
        stage,
        genotype: current.genotype(entry.selection),
        selection: entry.selection,
        values: entry.values,
        feasible: entry.feasible,
        onFront: frontHashes.has(entry.hash),
        round: entry.round,
        images: entry.images,
        version: entry.version,
      }));
    },
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
