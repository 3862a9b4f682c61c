/** What runs networks on a device. Platform-free: Node and browsers implement it. */

import type {
  DeviceBackendFacts,
  DeviceObjective,
  Fingerprint,
  MeasuringSettings,
  Subject,
} from "../shared/measuring.ts";

/** A subject that is ready to run. */
export interface Loaded {
  /** One inference of the batch: resolves once its result can be read. */
  run(): Promise<void>;
  /** Bytes of the backend at its peak over the last `run`s; null where they cannot be told. */
  peakBytes(): Promise<number | null>;
  dispose(): void;
}

/** Counts energy up; the difference of two readings is what was used between them. */
export interface EnergyMeter {
  /** For people: `RAPL package-0`, `NVML GPU 0`. */
  name: string;
  readMillijoules(): Promise<number>;
}

export interface DeviceBackend {
  facts: DeviceBackendFacts;
  fingerprint: Fingerprint;
  /** What it can measure here: an objective that cannot be read is not in it. */
  objectives: DeviceObjective[];
  /** Null where nothing can be read. */
  energy: EnergyMeter | null;
  /** Name and resolution of the clock that times are taken with. */
  clock: { name: string; nowMs: () => number };
  /** Where the operating system tells. */
  conditions(): Promise<{ temperatureCelsius: number | null; isThrottled: boolean | null }>;
  load(subject: Subject, batchSize: number): Promise<Loaded>;
}

/** A device that is asked for a subject's values as a whole, such as a user's program. */
export interface WholeDevice
  extends Pick<DeviceBackend, "facts" | "fingerprint" | "objectives" | "conditions"> {
  measure(
    subject: Subject,
    objectives: readonly string[],
    signal: AbortSignal,
    settings: MeasuringSettings,
  ): Promise<Record<string, { median: number; low: number; high: number; samples: number } | null>>;
}
