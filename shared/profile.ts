/** What a search holds, before anything is paid for: the range of each cheap objective and the length of the search. */
import { cheapValues, costTableOf, extremesOf, spaceOf } from "./networkCosts.ts";
import { cheapObjectives } from "./objectives.ts";
import { Random } from "./random.ts";
import { rerankingLength } from "./reranking.ts";
import { edgesOf, randomSelection, type SearchSpace } from "./space.ts";
import { type FieldError, objectiveId, type Specification, scheduleLength } from "./specification.ts";
import { type Estimate, estimateOf } from "./trainingCost.ts";

export interface Profile {
  /** By cheap objective: parameters, macs, activationBytes (of one image), modelBytes. Empty where a table has the values. */
  ranges: Record<string, { minimum: number; median: number; maximum: number }>;
  /** Architectures in the space, isomorphic ones counted apart. */
  architectures: number;
  steps: number;
  rounds: number;
  evaluations: number;
  /** Weight steps at most of architectures by themselves before they are confirmed. */
  tuningSteps: number;
  /** Short trainings that order the archive, and their weight steps, at most. */
  reranking: { trainings: number; steps: number };
  /** On a rented GPU, within a factor of two or so; null where nothing is trained. */
  estimate: Estimate | null;
}

const samples = 301;

/** Limits and targets that no architecture of the space meets. */
export function unmetBounds(specification: Specification): FieldError[] {
  const extremes: Record<string, { minimum: number }> = extremesOf(specification);
  return specification.objectives.flatMap((objective, index) => {
    const minimum = extremes[objectiveId(objective)]?.minimum;
    return (["limit", "target"] as const).flatMap((key) => {
      const bound = objective[key];
      if (minimum === undefined || bound === undefined || bound >= minimum) return [];
      return [
        {
          pointer: `/objectives/${index}/${key}`,
          detail: `no architecture of this space meets ${key} ${bound}: the smallest ${objective.name} is ${minimum}; raise it, or lower evaluation.network`,
        },
      ];
    });
  });
}

export function profile(specification: Specification): Profile {
  const space = spaceOf(specification);
  const edges = edgesOf(space).length;
  const architectures = Object.values(space.cells).reduce(
    (total, { operations }) => total * operations.length ** edges,
    1,
  );
  const ranges = specification.evaluation.kind === "tabular" ? {} : rangesOf(specification, space);
  return {
    ranges,
    architectures,
    ...scheduleLength(specification),
    reranking: rerankingLength(specification),
    estimate: specification.evaluation.kind === "tabular" ? null : estimateOf(specification),
  };
}

function rangesOf(specification: Specification, space: SearchSpace): Profile["ranges"] {
  const table = costTableOf(specification);
  const random = new Random(20_111);
  const drawn = Array.from({ length: samples }, () => cheapValues(table, randomSelection(space, random)));
  const extremes = extremesOf(specification);
  return Object.fromEntries(
    cheapObjectives.map((objective) => {
      const sorted = drawn.map((values) => values[objective]).sort((a, b) => a - b);
      const { minimum, maximum } = extremes[objective];
      return [objective, { minimum, median: sorted[samples >> 1] as number, maximum }];
    }),
  );
}
