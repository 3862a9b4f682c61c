/**
 * What objectives there are, in one table: by what a value costs, their units. Adding an objective is adding it here; what
 * a user's program or service answers has the unit that its device says.
 */

interface CostClass {
  /** For people: when a value is known, and what for. */
  costs: string;
  units: Readonly<Record<string, string>>;
}

export const costClasses = {
  cheap: {
    costs: "nothing: counted before any training; what exceeds a limit is drawn again",
    units: { parameters: "count", macs: "count", activationBytes: "bytes", modelBytes: "bytes" },
  },
  evaluation: { costs: "an evaluation on the runner", units: { accuracy: "percent" } },
  runner: { costs: "seconds of the runner for each candidate", units: { latency: "ms", energy: "mJ" } },
  predicted: {
    costs: "predicted, after some minutes of the device; the last front is measured",
    units: { latency: "ms", energy: "mJ" },
  },
  measured: {
    costs: "seconds of the device, or a run of its program, for each candidate beside the search",
    units: { memory: "bytes" },
  },
  endpoint: { costs: "a request to the endpoint for each candidate beside the search", units: {} },
} as const satisfies Record<string, CostClass>;
export type Cost = keyof typeof costClasses;

const namesOf = <K extends Cost>(cost: K) =>
  Object.keys(costClasses[cost].units) as (keyof (typeof costClasses)[K]["units"])[];

/** Computed from the genotype before anything is trained. */
export const cheapObjectives = namesOf("cheap");

/** What the runner measures of each candidate where no device is named. */
export const runnerObjectives = namesOf("runner");

/** Of these every operation adds its share: what is predicted from a table of operations. */
export const predictableNames: readonly string[] = namesOf("predicted");

/** What every device of ours can measure, of one batch, or says that it cannot; energy is without what the idle device takes. */
export const measuredUnits = { ...costClasses.predicted.units, ...costClasses.measured.units };
export type MeasuredName = keyof typeof measuredUnits;

export interface ObjectiveFacts {
  /** Null of what a table has a column for: it says no units. */
  unit: string | null;
  cost: Cost | "table";
}

/**
 * Unit and cost class of an objective of networks that are trained.
 *
 * @param device what is known of the device that it names
 */
export function factsOfObjective(
  { name, device: named }: { name: string; device?: string | undefined },
  device?: { kind: "pull" | "endpoint"; objectives: readonly { name: string; unit: string }[] },
): ObjectiveFacts {
  const own: readonly Cost[] = ["cheap", "evaluation", "runner"];
  const onDevice: Cost =
    device?.kind === "endpoint" ? "endpoint" : predictableNames.includes(name) ? "predicted" : "measured";
  const cost =
    named !== undefined ? onDevice : (own.find((one) => name in costClasses[one].units) ?? "runner");
  const units: Readonly<Record<string, string>> = costClasses[cost].units;
  return { cost, unit: device?.objectives.find((one) => one.name === name)?.unit ?? units[name] ?? null };
}
