/** What a search holds, before anything is paid for: the range of each cheap objective and the length of the search. */
import { type CostTable, costTable, selectionCost } from "../../shared/count.ts";
import { type DatasetName, datasetFacts } from "../../shared/datasets.ts";
import type { Selection } from "../../shared/protocol.ts";
import { Random } from "../../shared/random.ts";
import { edgesOf, resolveSpace, type SearchSpace } from "../../shared/space.ts";
import {
  cheapObjectives,
  type FieldError,
  objectiveId,
  type Specification,
  scheduleLength,
} from "../../shared/specification.ts";

export interface Range {
  minimum: number;
  median: number;
  maximum: number;
}

export interface Profile {
  /** By cheap objective: parameters, macs, activationBytes (of one image). */
  ranges: Record<string, Range>;
  /** Architectures in the space, isomorphic ones counted apart. */
  architectures: number;
  steps: number;
  rounds: number;
  evaluations: number;
  /** Objectives whose limit or target no architecture of the space meets. */
  errors: FieldError[];
}

const samples = 301;

export function spaceOf(specification: Specification): SearchSpace {
  return resolveSpace(specification.space);
}

const tables = new Map<string, CostTable>();
const tablesKept = 16;

/** Costs of the derived network of the specification, by edge and operation. Kept, since building one takes milliseconds. */
export function costTableOf(specification: Specification): CostTable {
  const { evaluation, dataset, space } = specification;
  if (evaluation.kind !== "supernet") throw new RangeError("only a supernet's networks can be counted");
  const key = JSON.stringify([space, evaluation.network, dataset.name]);
  const known = tables.get(key);
  if (known !== undefined) return known;
  const { image, classes } = datasetFacts[dataset.name as DatasetName];
  const table = costTable(spaceOf(specification), { ...evaluation.network, image, classes });
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

export function profile(specification: Specification): Profile {
  const space = spaceOf(specification);
  const table = costTableOf(specification);
  const edges = edgesOf(space).length;
  const random = new Random(20_111);
  const drawn = Array.from({ length: samples }, () => {
    const selection: Selection = {};
    for (const [kind, { operations }] of Object.entries(space.cells))
      selection[kind] = Array.from(
        { length: edges },
        () => operations[random.integer(operations.length)] as string,
      );
    return cheapValues(table, selection);
  });
  const ranges = Object.fromEntries(
    cheapObjectives.map((objective) => {
      const extreme = (pick: (...values: number[]) => number) =>
        cheapValues(
          table,
          Object.fromEntries(
            Object.entries(table.edges).map(([kind, rows]) => [
              kind,
              rows.map((row) => {
                const best = pick(...Object.values(row).map((cost) => cost[objective]));
                return Object.keys(row).find((operation) => row[operation]?.[objective] === best) as string;
              }),
            ]),
          ),
        )[objective];
      const sorted = drawn.map((values) => values[objective]).sort((a, b) => a - b);
      return [
        objective,
        { minimum: extreme(Math.min), median: sorted[samples >> 1] as number, maximum: extreme(Math.max) },
      ];
    }),
  );
  const errors: FieldError[] = [];
  specification.objectives.forEach((objective, index) => {
    const range = ranges[objectiveId(objective)];
    if (range === undefined) return;
    for (const key of ["limit", "target"] as const) {
      const bound = objective[key];
      if (bound !== undefined && bound < range.minimum)
        errors.push({
          pointer: `/objectives/${index}/${key}`,
          detail: `no architecture of this space meets ${key} ${bound}: the smallest ${objective.name} is ${range.minimum}; raise it, or lower evaluation.network`,
        });
    }
  });
  const architectures = Object.values(space.cells).reduce(
    (total, { operations }) => total * operations.length ** edges,
    1,
  );
  return { ranges, architectures, ...scheduleLength(specification), errors };
}
