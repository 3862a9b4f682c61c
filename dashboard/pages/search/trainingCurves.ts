/** Curves of final trainings, out of the events that tell how far each is. Pure. */

import type { LiveEvent } from "../../app/liveEvents.ts";
import type { TrainingCurve } from "../../pictures/trainingLosses.ts";

/** One for each training that told a loss, in the order they began; one that began anew counts from there. */
export function curvesOf(events: readonly Pick<LiveEvent, "type" | "data">[]): TrainingCurve[] {
  const curves = new Map<string, { name: string; step: number[]; loss: number[] }>();
  for (const { type, data } of events) {
    const { trainingId, done, trainLoss, purpose = "final" } = data;
    if (type !== "training.progress" || typeof trainingId !== "string" || purpose !== "final") continue;
    if (typeof done !== "number" || typeof trainLoss !== "number" || !Number.isFinite(trainLoss)) continue;
    const curve = curves.get(trainingId) ?? { name: trainingId, step: [], loss: [] };
    curves.set(trainingId, curve);
    const behind = curve.step.findIndex((step) => step >= done);
    if (behind >= 0) {
      curve.step.length = behind;
      curve.loss.length = behind;
    }
    curve.step.push(done);
    curve.loss.push(trainLoss);
  }
  return [...curves.values()];
}
