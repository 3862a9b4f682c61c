/** Candidates and front of a search as rows of the parallel objectives, and what of them an address filters. Pure. */

import type { FrontRow } from "../../../app/answers.ts";
import type { ObjectivesRow } from "../../../pictures/parallelObjectives.ts";
import type { ObjectiveAxis } from "../../../pictures/parallelScale.ts";
import type { Candidates } from "../candidates.ts";
import { axisOf, idOf, type Objective } from "../frontData.ts";

/** The names of a filter in the address, as the API's own questions are called. */
export const filterNames = (id: string) => ({ atLeast: `min_${id}`, atMost: `max_${id}` });

export function axesOf(objectives: readonly Objective[], query: URLSearchParams): ObjectiveAxis[] {
  return objectives.map((objective) => {
    const id = idOf(objective);
    const { atLeast, atMost } = filterNames(id);
    return {
      ...axisOf(objective),
      atLeast: numberIn(query, atLeast),
      atMost: numberIn(query, atMost),
    };
  });
}

function numberIn(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name) ?? "";
  const value = Number(text);
  return text.trim() === "" || !Number.isFinite(value) ? undefined : value;
}

/** One row an architecture: the front as it is told, then each other with what was measured of it last. */
export function rowsOf(
  candidates: Pick<Candidates, "hash" | "feasible" | "values">,
  front: readonly Pick<FrontRow, "hash" | "values" | "feasible">[],
  ids: readonly string[],
): ObjectivesRow[] {
  const members = new Set(front.map(({ hash }) => hash));
  const { hash: hashes, feasible } = candidates;
  const columns = ids.map((id) => candidates.values(id));
  const others = new Map<string, ObjectivesRow>();
  for (const [index, hash] of hashes.entries()) {
    if (members.has(hash)) continue;
    const before = others.get(hash);
    others.set(hash, {
      hash,
      values: columns.map((column, axis) => {
        const value = column[index] ?? Number.NaN;
        return Number.isNaN(value) ? (before?.values[axis] ?? null) : value;
      }),
      isFeasible: feasible[index] === 1,
      isOnFront: false,
    });
  }
  return [
    ...front.map(({ hash, values, feasible }) => ({
      hash,
      values: ids.map((id) => values[id] ?? null),
      isFeasible: feasible,
      isOnFront: true,
    })),
    ...others.values(),
  ];
}
