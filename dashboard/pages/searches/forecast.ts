/** What a search will have cost at its end, if it goes on as it did so far. Pure. */

import type { Search } from "../../app/api.ts";

export interface Spent {
  spentUsd: number;
  reservedUsd: number;
}

interface Progress {
  progress: Pick<Search["progress"], "round" | "rounds">;
  specification: { budget: { usd?: number | undefined } };
}

/** Rounds that tell enough of how dear one is. */
const fewestRounds = 3;

/** In dollars, at most the budget, at least what is spent and set aside; null where nobody can tell yet. */
export function forecastUsd({ progress, specification }: Progress, spent: Spent): number | null {
  const { round, rounds } = progress;
  const { usd } = specification.budget;
  if (round < fewestRounds || rounds <= 0) return usd ?? null;
  const atThisPace = spent.spentUsd * Math.max(1, rounds / round);
  return Math.max(spent.spentUsd + spent.reservedUsd, Math.min(atThisPace, usd ?? Number.POSITIVE_INFINITY));
}
