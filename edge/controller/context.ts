/** What a search's specification implies for every round. */

import type { CostTable } from "../../shared/count.ts";
import { factsOf } from "../../shared/datasets.ts";
import { canonicalHash, type Genotype } from "../../shared/genotype.ts";
import { cheapValues, costTableOf, spaceOf } from "../../shared/profile.ts";
import type { Schedule, Stage } from "../../shared/schedule.ts";
import { genotypeFromSelection, type SearchSpace, type Selection } from "../../shared/space.ts";
import {
  cheapObjectives,
  objectiveId,
  resolveSchedule,
  type Specification,
} from "../../shared/specification.ts";
import type { Values } from "./reward.ts";

/** What follows from the specification alone, computed once per report. */
export class Context {
  readonly specification: Specification;
  readonly schedule: Schedule;
  readonly trainImages: number;
  readonly space: SearchSpace;
  #costs: CostTable | undefined;

  constructor(specification: Specification) {
    this.specification = specification;
    this.schedule = resolveSchedule(specification);
    this.trainImages = factsOf(specification.dataset).trainImages;
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
