/** What the controller keeps between two rounds, and what a round leaves behind. */

import type { Genotype } from "../../shared/genotype.ts";
import type { Predictor } from "../../shared/predictor.ts";
import type { RoundTask } from "../../shared/protocol.ts";
import type { Choices, Selection } from "../../shared/space.ts";
import type { Archived, Bounds } from "./archive.ts";
import type { Pruning } from "./prune.ts";
import type { Values } from "./reward.ts";

export type Phase = "warmup" | "search" | "confirm";

/** On how many weight steps a stage trained each operation: by kind of cell, edge and name. */
export interface StageTraining {
  stage: number;
  trainedSteps: Record<string, Record<string, number>[]>;
}

/** Of the state that this version writes; raised with a row in upgrade.ts. */
export const stateVersion = 3;

export interface ControllerState {
  version: typeof stateVersion;
  searchId: string;
  seed: number;
  /** Round the pending task belongs to; the next one when there is none. */
  round: number;
  stage: number;
  phase: Phase;
  /** Weight steps of the stage that are done. */
  step: number;
  choices: Choices;
  /** What the strategy keeps. */
  strategy: unknown;
  archive: Archived[];
  /** Null when every round is done. */
  task: RoundTask | null;
  evaluations: number;
  /** Rounds of this stage that measured candidates: where the next one starts in half B. */
  searchRounds: number;
  /** First weight step of this stage that trains half a batch, once a runner's memory ran out. */
  halvedFrom?: number;
  bounds: Bounds;
  hypervolume: number;
  /** Hypervolume when the front was last announced. */
  announced: number;
  prunings: (Pruning & { stage: number; round: number })[];
  /** Finished stages whose runner could tell. */
  stageTrainings: StageTraining[];
  /** A budget is spent: confirm what there is, then end. */
  finishing: boolean;
  /** Measurements that came after their round: whoever adds one must have seen all others. */
  amendments: number;
  /** Rounds are over; devices measure the last front, and so far were asked for these, before anything is chosen from it. */
  askedOfDevices?: string[];
  /** By id of an objective that a device measures, what its values are predicted from; absent where nothing is. */
  predictors?: Record<string, Prediction>;
  /** By architecture's hash, what devices measured, the newest last. */
  measured?: Record<string, MeasuredOnDevices>;
  /** Of a search by training, its candidates. */
  halving?: HalvingState;
  /** Architectures as text of their codes, the best by scores without training first; absent where nothing was scored. */
  scored?: string[];
  /** Between the stages of NAS-Bench-201's skeleton; absent: whole blocks. */
  reductions?: "shortcuts";
}

/** One architecture; none is in it twice. */
export interface TrainedCandidate {
  hash: string;
  /** As text. */
  code: string;
  /** The furthest that it was begun on. */
  rung: number;
  /** One that failed is out, whatever it reached before. */
  state: "open" | "trained" | "failed";
  /** By rung. */
  accuracies: number[];
  /** Of the last training that ended well. */
  images: number;
  steps: number;
  round: number;
}

export interface HalvingState {
  /** How often the state was changed: who changes it must have seen all changes before. */
  changes: number;
  /** In the order in which they were proposed. */
  candidates: TrainedCandidate[];
  /** Nothing can be begun before a training ends. */
  isWaiting: boolean;
  /** The strategy knows no architecture that is new and may be the answer. */
  isExhausted: boolean;
  /** Digest of all that the strategy was told, in its order. */
  observed: string;
}

export const noCandidates: HalvingState = {
  changes: 0,
  candidates: [],
  isWaiting: false,
  isExhausted: false,
  observed: "",
};

export interface Prediction {
  predictor: Predictor;
  /** From a calibration of the device, or from what was measured in this search. */
  source: "calibration" | "search";
}

export interface MeasuredOnDevices {
  /** The architecture, as text of its code. */
  code: string;
  /** By objective id. */
  values: Record<string, number>;
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
  /** That its accuracy was measured on; absent without one, and in rounds of before it was told: then as many as were asked for. */
  images?: number;
  /** Why it has no accuracy, where that is known: its loss is no number. */
  failure?: "diverged";
}

export interface ArchiveEntry extends Omit<Archived, "confirmed"> {
  stage: number;
  genotype: Genotype;
  onFront: boolean;
  /** What its accuracy rests on so far. */
  evidence: "table" | "shared-weights";
  /** Ids of objectives whose values are predictions; null where there are none. */
  predicted: string[] | null;
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
  /** Rows of the archive that are new or changed. */
  archive: ArchiveEntry[];
  events: { type: string; data: Record<string, unknown> }[];
  done: boolean;
  /** When done: what to train, best first. */
  best: string[];
  /** When done: architectures whose values were predicted so far and are to be measured before anything is chosen. */
  unmeasured: string[];
  /** When done: what to order again by short trainings before that, best first; empty where that is not wanted. */
  rerank: string[];
}
