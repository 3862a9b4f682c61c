/** Every measured candidate of a search, page by page, in columns. */

import { api, type Points, read } from "../../../app/api.ts";

export type AllPoints = Omit<Points, "nextCursor">;

export async function readPoints(id: string, signal: AbortSignal): Promise<AllPoints> {
  const all: AllPoints = { round: [], stage: [], hash: [], feasible: [], loss: [], reward: [], values: {} };
  let cursor: string | null = null;
  do {
    const query: { cursor?: string } = cursor === null ? {} : { cursor };
    const page: Points = await read(
      api.searches[":id"].points.$get({ param: { id }, query }, { init: { signal } }),
    );
    for (const name of ["round", "stage", "hash", "feasible", "loss", "reward"] as const)
      append<unknown>(all[name], page[name]);
    for (const [objective, column] of Object.entries(page.values)) {
      const known = all.values[objective] ?? [];
      all.values[objective] = known;
      append(known, column);
    }
    cursor = page.nextCursor;
  } while (cursor !== null);
  return all;
}

/** Without an argument for each: there may be more than a call takes. */
function append<T>(list: T[], more: readonly T[]): void {
  for (const item of more) list.push(item);
}
