/** Whether the devices that a specification names can measure what it wants of them. */

import { factsOfObjective, type ObjectiveFacts } from "../../shared/objectives.ts";
import { type FieldError, objectiveId, type Specification } from "../../shared/specification.ts";
import { closestName } from "../../shared/suggest.ts";
import { type Device, devicesAfter, findDevice } from "../store/devices.ts";
import { calibratedFor } from "./calibrate.ts";
import { unmetLimits } from "./ranges.ts";
import { wantedOf } from "./subjects.ts";

/** Devices among which a mistyped name is looked for. */
const suggestedAmong = 100;

export interface DeviceChecks {
  /** Whether limits are held against what is predicted. */
  limits: boolean;
}

/** What is wrong with the objectives that name a device; empty when all can be measured. */
export async function deviceErrors(
  db: D1Database,
  specification: Specification,
  { limits }: DeviceChecks = { limits: true },
): Promise<FieldError[]> {
  const names = wantedOf(specification).map(({ device }) => device);
  if (names.length === 0) return [];
  const found = new Map<string, Device | null>();
  for (const name of names) found.set(name, await findDevice(db, name));
  const isMissing = names.some((name) => found.get(name) === null);
  const others = isMissing ? (await devicesAfter(db, "", suggestedAmong)).map(({ name }) => name) : [];
  const errors = specification.objectives.flatMap(({ name, device }, index): FieldError[] => {
    if (device === undefined) return [];
    const known = found.get(device);
    if (known === undefined) return [];
    const at = (key: string, detail: string) => [{ pointer: `/objectives/${index}/${key}`, detail }];
    if (known === null) return at("device", unknown(device, others));
    if (known.state === "quarantined")
      return at("device", `${device} is quarantined: ${known.problem}; release it, or use another`);
    const offered = known.objectives.map((one) => one.name);
    if (!offered.includes(name)) return at("name", `${device} measures ${offered.join(", ")}, not ${name}`);
    return [];
  });
  if (errors.length > 0 || !limits) return errors;
  return unmetLimits(specification, await calibratedFor(db, specification));
}

function unknown(name: string, others: readonly string[]): string {
  const closest = closestName(name, others);
  const meant = closest === undefined ? "" : ` (did you mean "${closest}"?)`;
  return `no device "${name}"${meant}; register it with \`nasturtium device --name ${name}\``;
}

/** By objective id, unit and cost class. */
export async function objectiveFacts(
  db: D1Database,
  { objectives, evaluation }: Specification,
): Promise<Record<string, ObjectiveFacts>> {
  const facts: Record<string, ObjectiveFacts> = {};
  for (const objective of objectives) {
    const { device: name } = objective;
    const isTabular = evaluation.kind === "tabular";
    const device = isTabular || name === undefined ? null : await findDevice(db, name);
    facts[objectiveId(objective)] = isTabular
      ? { unit: null, cost: "table" }
      : factsOfObjective(objective, device ?? undefined);
  }
  return facts;
}
