/** Which events of a search tell that something went wrong, and why. Pure. */

import type { LiveEvent } from "../../../app/liveEvents.ts";
import { number } from "../../../ui/format.ts";

export interface Fault {
  title: string;
  /** Empty where nothing more is known. */
  reason: string;
  /** What to do; empty where it mends itself. */
  next: string;
  /** Something was lost or ended by it; otherwise it is a warning. */
  isBad: boolean;
}

interface Row {
  title: string;
  next?: string;
  isBad?: true;
}

const mends = "Nothing to do: another runner goes on from the last checkpoint.";

const rows: Record<string, Row> = {
  "runner.lost": { title: "A runner was not heard of again", next: mends, isBad: true },
  "task.failed": { title: "A task failed", next: "It is tried again, three times at most.", isBad: true },
  "candidates.diverged": {
    title: "Candidates gave no numbers",
    next: "They are not proposed again. Where it goes on, lower the learning rate.",
  },
  "training.failed": {
    title: "A training failed",
    next: "Start it again from the page of its architecture.",
    isBad: true,
  },
  "search.failed": {
    title: "The search failed",
    next: "Mend what the reason names, then start it anew.",
    isBad: true,
  },
  "search.stalled": { title: "No runner works on it", next: "Start a runner: nasturtium runner." },
  "search.infeasible": {
    title: "Nothing was within the limits",
    next: "Loosen a limit; the event log has the nearest.",
  },
  "instance.lost": {
    title: "A rented machine was lost",
    next: "Nothing to do: another one is rented.",
    isBad: true,
  },
  "instance.stuck": {
    title: "A rented machine does not end",
    next: "End it by hand at the provider: it may still cost money.",
    isBad: true,
  },
  "rental.waiting": { title: "No machine could be rented", next: "It is tried again by itself." },
  "memory.exhausted": { title: "A runner's memory ran out", next: "It goes on with half batches." },
  "checkpoint.damaged": { title: "A checkpoint was damaged", next: "The one before it was taken." },
  "exactness.lost": {
    title: "A resumed runner computes differently",
    next: "Results stay valid, not bit for bit.",
  },
  "round.differs": { title: "A replayed round differs", next: "Results stay valid, not bit for bit." },
  "device.quarantined": {
    title: "A device is not believed any more",
    next: "Look at it, then release it.",
    isBad: true,
  },
  "device.disagrees": { title: "A device is not what it was", next: "Calibrate it again." },
  "device.calibrationRefused": {
    title: "A calibration was refused",
    next: "Calibrate again on a quiet device.",
  },
  "measurement.failed": { title: "A device could not measure", next: "It is asked again.", isBad: true },
};

/** Null where the event is no fault. */
export function faultOf({ type, data }: Pick<LiveEvent, "type" | "data">): Fault | null {
  const row = Object.hasOwn(rows, type) ? rows[type] : undefined;
  if (row === undefined) return null;
  return { title: row.title, reason: reasonOf(data), next: row.next ?? "", isBad: row.isBad === true };
}

/** In the words of whoever told it; then what it was about. */
function reasonOf(data: Record<string, unknown>): string {
  const said = ["message", "reason", "detail", "problem"].flatMap((name) => {
    const value = data[name];
    return typeof value === "string" && value !== "" ? [value] : [];
  });
  const about = Object.entries({
    round: "round",
    attempt: "attempt",
    step: "step",
    runnerId: "runner",
    trainingId: "training",
    device: "device",
    idleMinutes: "minutes without a runner:",
  }).flatMap(([name, title]) => {
    const value = data[name];
    if (typeof value === "number") return [`${title} ${number(value)}`];
    return typeof value === "string" && value !== "" ? [`${title} ${value}`] : [];
  });
  return [said[0], about.join(", ")].filter((part) => part !== undefined && part !== "").join(" — ");
}
