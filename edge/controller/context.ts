/** What a search's specification implies for every round. */

import { allowedOf, type Position, positionsOf, selectionOf } from "../../shared/code.ts";
import { connectivity } from "../../shared/connected.ts";
import type { CostTable } from "../../shared/count.ts";
import { factsOf } from "../../shared/datasets.ts";
import { canonicalHash, type Genotype } from "../../shared/genotype.ts";
import { cheapValues, costTableOf, networkSizeOf, spaceOf } from "../../shared/networkCosts.ts";
import { cheapObjectives, runnerObjectives } from "../../shared/objectives.ts";
import { predictedOf } from "../../shared/predictor.ts";
import type { Schedule, Stage } from "../../shared/schedule.ts";
import { type Choices, genotypeFromSelection, type SearchSpace, type Selection } from "../../shared/space.ts";
import {
  deviceObjectivesOf,
  type Objective,
  objectiveId,
  resolveSchedule,
  type Specification,
} from "../../shared/specification.ts";
import { isWithinLimits, reward, type Values } from "./reward.ts";
import type { ControllerState } from "./state.ts";
import { strategyOf } from "./strategies/index.ts";
import type { Goal, Measured, Problem, Strategy } from "./strategies/strategy.ts";

type KnownOfDevices = Pick<ControllerState, "predictors" | "measured">;

/** What follows from the specification, and from what devices measured, computed once per report. */
export class Context {
  readonly specification: Specification;
  readonly schedule: Schedule;
  readonly trainImages: number;
  readonly space: SearchSpace;
  readonly positions: Position[];
  readonly strategy: Strategy<unknown>;
  /** Objectives as strategies see them: accuracy first. */
  readonly objectives: Objective[];
  readonly #known: KnownOfDevices;
  #costs: CostTable | undefined;
  #isConnected: ((selection: Selection) => boolean) | undefined;

  /** @param known what devices measured, and what is predicted from it */
  constructor(specification: Specification, known: KnownOfDevices = {}) {
    this.specification = specification;
    this.#known = known;
    this.schedule = resolveSchedule(specification);
    this.trainImages = this.isTabular ? 0 : factsOf(specification.dataset).trainImages;
    this.space = spaceOf(specification);
    this.positions = positionsOf(this.space);
    this.strategy = strategyOf(specification.strategy.name, this.schedule.policy);
    const isFirst = ({ name }: Objective) => name === "accuracy";
    this.objectives = [
      ...specification.objectives.filter(isFirst),
      ...specification.objectives.filter((objective) => !isFirst(objective)),
    ];
  }

  /** Images by which architectures are judged: half B, as runners split it; infinitely many where nothing is measured on images. */
  get judgingImages(): number {
    if (this.isTabular) return Number.POSITIVE_INFINITY;
    return Math.round(this.trainImages * this.schedule.validationFraction);
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

  /** Whether isomorphic cells of a table are one architecture, paid for once. */
  get joinsIsomorphic(): boolean {
    const { evaluation } = this.specification;
    return evaluation.kind === "tabular" && evaluation.isomorphic === "one";
  }

  /** Isomorphic cells are one architecture, but rows of their own in a table unless that is told otherwise. */
  hash(selection: Selection): string {
    const isApart = this.isTabular && !this.joinsIsomorphic;
    const space: SearchSpace = isApart ? { ...this.space, skeleton: "positions" } : this.space;
    return canonicalHash(this.genotype(selection), space);
  }

  /** Whether it may be on a front: within all limits that could be checked, and its final network sees its image. */
  isFeasible(selection: Selection, values: Values): boolean {
    return isWithinLimits(values, this.specification) && this.isConnected(selection);
  }

  /** What a table has was measured as it is. */
  isConnected(selection: Selection): boolean {
    if (this.isTabular) return true;
    this.#isConnected ??= connectivity(this.space, networkSizeOf(this.specification));
    return this.#isConnected(selection);
  }

  get isTabular(): boolean {
    return this.specification.evaluation.kind === "tabular";
  }

  /** The search as its strategy sees it, with the operations that are left. */
  problem(choices: Choices, stageIndex: number): Problem {
    const ids = this.objectives.map(objectiveId);
    const stage = this.stage(stageIndex);
    return {
      space: this.space,
      positions: this.positions,
      allowed: allowedOf(this.positions, choices),
      goals: this.objectives.map(
        (objective): Goal => ({
          id: objectiveId(objective),
          goal: objective.goal,
          target: stage.targets?.[objectiveId(objective)] ?? objective.target,
          limit: objective.limit,
        }),
      ),
      noisy: this.specification.evaluation.kind === "supernet",
      known: (code) => {
        const selection = selectionOf(this.positions, code);
        const known = { ...this.cheap(selection), ...this.#foreknown(selection) };
        return ids.map((id) => known[id] ?? null);
      },
      identityOf: (code) =>
        this.joinsIsomorphic
          ? new TextEncoder().encode(this.hash(selectionOf(this.positions, code)))
          : Uint8Array.from(code),
      isConnected: (code) => this.isConnected(selectionOf(this.positions, code)),
      reward: (measured) => {
        const values = Object.fromEntries(ids.map((id, index) => [id, measured[index] ?? null]));
        return reward(values, this.specification, this.schedule, stage);
      },
    };
  }

  /** What a strategy learns from a candidate: accuracy, or what the loss says of it, then the other objectives. */
  measured(values: Values, loss: number | null): Measured {
    const isLoss = this.schedule.policy.signal === "loss" && loss !== null && !this.isTabular;
    return this.objectives.map((objective) => {
      if (objective.name === "accuracy" && isLoss && values.accuracy !== null) return 100 * Math.exp(-loss);
      return values[objectiveId(objective)] ?? null;
    });
  }

  /** What devices measured of an architecture, or what is predicted; null where neither is. */
  onDevices(hash: string, selection: Selection): Values {
    const measured = this.#known.measured?.[hash]?.values ?? {};
    return Object.fromEntries(
      this.deviceObjectives.map((objective) => {
        const id = objectiveId(objective);
        return [id, measured[id] ?? this.#predicted(id, selection)];
      }),
    );
  }

  /** Ids of the values that are predictions. */
  predictedOf(hash: string, values: Values): string[] {
    const measured = this.#known.measured?.[hash]?.values ?? {};
    return this.deviceObjectives
      .map(objectiveId)
      .filter((id) => measured[id] === undefined && typeof values[id] === "number");
  }

  /** Names of what the runner measures beside accuracy. */
  get runnerObjectives(): string[] {
    if (this.isTabular) return [];
    const names: readonly string[] = runnerObjectives;
    return this.objectives.map(objectiveId).filter((id) => names.includes(id));
  }

  get deviceObjectives(): readonly Objective[] {
    return deviceObjectivesOf(this.specification);
  }

  /** What a strategy takes for known: where nothing can be predicted yet, the same of all, so that it decides nothing. */
  #foreknown(selection: Selection): Values {
    return Object.fromEntries(
      this.deviceObjectives.map((objective) => {
        const id = objectiveId(objective);
        return [id, this.#predicted(id, selection) ?? objective.target ?? objective.limit ?? 1];
      }),
    );
  }

  #predicted(id: string, selection: Selection): number | null {
    const prediction = this.#known.predictors?.[id];
    return prediction === undefined ? null : predictedOf(this.space, prediction.predictor, selection);
  }

  /** Only the objectives that were asked for. */
  cheap(selection: Selection): Values {
    if (this.isTabular) return {};
    const values = cheapValues(this.costs, selection);
    return Object.fromEntries(
      cheapObjectives
        .filter((name) => this.specification.objectives.some((o) => objectiveId(o) === name))
        .map((name) => [name, values[name]]),
    );
  }
}
