/** Whether a search may go on spending. Pure. */

import type { Specification } from "../shared/specification.ts";

const hourMs = 3_600_000;
const hourSeconds = 3600;

export function isBudgetSpent(
  { wallClockHours = Number.POSITIVE_INFINITY, gpuHours = Number.POSITIVE_INFINITY }: Specification["budget"],
  spent: { startedAt: number | null; busySeconds: number },
  now: number,
): boolean {
  const hours = spent.startedAt === null ? 0 : (now - spent.startedAt) / hourMs;
  return hours >= wallClockHours || spent.busySeconds / hourSeconds >= gpuHours;
}
