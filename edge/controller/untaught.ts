/** What to say where no network that was trained is better than answering always with the largest class. Pure. */

import { trivialAccuracy } from "../../shared/datasets.ts";
import type { Specification } from "../../shared/specification.ts";
import { accuracyStandardError } from "../../shared/statistics.ts";
import { round4 } from "./policy.ts";

/** Standard errors by which a network must be better. */
const certain = 2;

/** @param steps what says how long they are trained */
export function untaughtEvents(
  trained: readonly { accuracy: number | null | undefined; images: number }[],
  { dataset }: Specification,
  steps: string,
): { type: string; data: Record<string, unknown> }[] {
  const chance = trivialAccuracy(dataset);
  const isBetter = ({ accuracy, images }: (typeof trained)[number]) =>
    typeof accuracy === "number" &&
    accuracy - certain * (accuracyStandardError(accuracy, images) ?? 0) > chance;
  if (trained.length === 0 || trained.some(isBetter)) return [];
  const bestAccuracy = Math.max(...trained.map(({ accuracy }) => accuracy ?? 0));
  const message = `no network that was trained is better than guessing; check labels and images of the data, the learning rate, and whether ${steps} are long enough`;
  return [{ type: "candidates.untaught", data: { bestAccuracy, chance: round4(chance), message } }];
}
