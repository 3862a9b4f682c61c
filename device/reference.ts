/** The network that every other one is timed beside. Platform-free. */

import { type Measured, type MeasureTask, operationSettings, referenceSubject } from "../shared/measuring.ts";
import type { DeviceBackend, Loaded, WholeDevice } from "./backend.ts";
import { type MeasureOptions, measureSubject, type Reference } from "./measure.ts";

/** Loaded once for each device and batch, and kept. */
const references = new WeakMap<object, Map<number, Loaded>>();

/** The reference network, ready to be timed beside subjects, and what it takes now; null where latency is not wanted. */
export async function besideReference(
  device: DeviceBackend | WholeDevice,
  { objectives, settings, referenceMs }: Pick<MeasureTask, "objectives" | "settings" | "referenceMs">,
  options: MeasureOptions,
): Promise<{ reference: Reference; measured: Measured } | null> {
  if ("measure" in device || !objectives.includes("latency")) return null;
  const loadedOf = references.get(device) ?? new Map<number, Loaded>();
  references.set(device, loadedOf);
  const { batchSize } = settings;
  const loaded = loadedOf.get(batchSize) ?? (await device.load(referenceSubject, batchSize));
  loadedOf.set(batchSize, loaded);
  const kept: DeviceBackend = { ...device, load: async () => ({ ...loaded, dispose() {} }) };
  const { values } = await measureSubject(
    kept,
    referenceSubject,
    ["latency"],
    { ...operationSettings, batchSize },
    options,
  );
  const measured = values.latency;
  if (!measured) return null;
  return { reference: { loaded, nominalMs: referenceMs ?? measured.median }, measured };
}
