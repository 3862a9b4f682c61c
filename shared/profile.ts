/** What a search holds, before anything is paid for: the range of each cheap objective and the length of the search. */
import { type CostTable, costTable, selectionCost } from "./count.ts";
import { factsOf } from "./datasets.ts";
import type { NetworkSize } from "./network.ts";
import { Random } from "./random.ts";
import { rerankingLength } from "./reranking.ts";
import { edgesOf, randomSelection, resolveSpace, type SearchSpace, type Selection } from "./space.ts";
import {
  cheapObjectives,
  type FieldError,
  objectiveId,
  type Specification,
  scheduleLength,
} from "./specification.ts";

/** Smallest and largest value of each cheap objective in the space. */
export type Extremes = Record<(typeof cheapObjectives)[number], { minimum: number; maximum: number }>;

export interface Profile {
  /** By cheap objective: parameters, macs, activationBytes (of one image). Empty where a table has the values. */
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
}

const samples = 301;

export function spaceOf(specification: Pick<Specification, "space">): SearchSpace {
  return resolveSpace(specification.space);
}

const tables = new Map<string, CostTable>();
const tablesKept = 16;

/** Size of the derived network that is counted and measured. Throws RangeError where there is no supernet. */
export function networkSizeOf({ evaluation, dataset }: Specification): NetworkSize {
  if (evaluation.kind !== "supernet") throw new RangeError("only a supernet's networks can be counted");
  const { image, classes } = factsOf(dataset);
  return { ...evaluation.network, image, classes };
}

/** Costs of the derived network of the specification, by edge and operation. Kept, since building one takes milliseconds. */
export function costTableOf(specification: Specification): CostTable {
  const size = networkSizeOf(specification);
  const key = JSON.stringify([specification.space, size]);
  const known = tables.get(key);
  if (known !== undefined) return known;
  const table = costTable(spaceOf(specification), size);
  if (tables.size >= tablesKept) tables.clear();
  tables.set(key, table);
  return table;
}

/** Values of the cheap objectives of an architecture. */
export function cheapValues(
  table: CostTable,
  selection: Selection,
): Record<(typeof cheapObjectives)[number], number> {
  const { parameters, macs, activationBytes } = selectionCost(table, selection);
  return { parameters, macs, activationBytes };
}

/** An operation's costs do not depend on the other edges, so each edge can be chosen by itself. */
export function extremesOf(specification: Specification): Extremes {
  const table = costTableOf(specification);
  const extreme = (objective: (typeof cheapObjectives)[number], pick: (...values: number[]) => number) => {
    const selection: Selection = {};
    for (const [kind, rows] of Object.entries(table.edges))
      selection[kind] = rows.map((row) => {
        const best = pick(...Object.values(row).map((cost) => cost[objective]));
        return Object.keys(row).find((operation) => row[operation]?.[objective] === best) as string;
      });
    return cheapValues(table, selection)[objective];
  };
  return Object.fromEntries(
    cheapObjectives.map((objective) => [
      objective,
      { minimum: extreme(objective, Math.min), maximum: extreme(objective, Math.max) },
    ]),
  ) as Extremes;
}

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
  };
}

/** Of networks drawn at random. */
export function medianMacs(table: CostTable, specification: Pick<Specification, "space">): number {
  const space = spaceOf(specification);
  const random = new Random(20_111);
  const drawn = Array.from({ length: 31 }, () => selectionCost(table, randomSelection(space, random)).macs);
  return drawn.sort((a, b) => a - b)[drawn.length >> 1] as number;
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
