/** What the networks of a specification cost: its space, the size of its networks, and the values of the cheap objectives. Pure. */

import { type CostTable, costTable, selectionCost } from "./count.ts";
import { factsOf } from "./datasets.ts";
import type { NetworkSize } from "./network.ts";
import { cheapObjectives } from "./objectives.ts";
import { Random } from "./random.ts";
import { randomSelection, resolveSpace, type SearchSpace, type Selection } from "./space.ts";
import type { Specification } from "./specification.ts";

/** Smallest and largest value of each cheap objective in the space. */
export type Extremes = Record<(typeof cheapObjectives)[number], { minimum: number; maximum: number }>;

export function spaceOf(specification: Pick<Specification, "space">): SearchSpace {
  return resolveSpace(specification.space);
}

const tables = new Map<string, CostTable>();
const tablesKept = 16;

/** Size of the derived network that is counted and measured. Throws RangeError where a table is searched. */
export function networkSizeOf({ evaluation, dataset }: Specification): NetworkSize {
  if (evaluation.kind === "tabular") throw new RangeError("only networks that are trained can be counted");
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
  const { parameters, macs, activationBytes, modelBytes } = selectionCost(table, selection);
  return { parameters, macs, activationBytes, modelBytes };
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

/** Of networks drawn at random. */
export function medianMacs(table: CostTable, specification: Pick<Specification, "space">): number {
  const space = spaceOf(specification);
  const random = new Random(20_111);
  const drawn = Array.from({ length: 31 }, () => selectionCost(table, randomSelection(space, random)).macs);
  return drawn.sort((a, b) => a - b)[drawn.length >> 1] as number;
}
