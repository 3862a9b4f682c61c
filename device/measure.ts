/**
 * The measuring protocol, once for every backend (docs/explanation/measuring.md): warm up, time until the median is
 * sure, meter energy above idle, read the peak of memory. Platform-free.
 */

import type {
  DeviceObjective,
  Measured,
  MeasuringSettings,
  Subject,
  SubjectResult,
} from "../shared/measuring.ts";
import {
  ascending,
  type MedianInterval,
  medianInterval,
  medianOf,
  type OutlierRule,
  withoutSlow,
} from "../shared/measuringStatistics.ts";
import { measuredUnits } from "../shared/objectives.ts";
import type { DeviceBackend, EnergyMeter, Loaded, WholeDevice } from "./backend.ts";

/** A sample is so many steps of the clock at least, so that the clock adds less than 1 %. */
const CLOCK_STEPS = 100;
const CLOCK_READINGS = 2000;
const MOST_IN_A_GROUP = 1_000_000;
/** Warm-up ends when the medians of this many samples and of those before differ by less than that share. */
const SETTLE_SAMPLES = 5;
const SETTLED_WITHIN = 0.05;
const WARM_UP_SHARE = 0.25;
/** Fewer would often look surer than they are, as the interval is looked at again and again. */
const FEWEST_SAMPLES = 30;
const MOST_SAMPLES = 20_000;
/** The interval is computed anew when there are so many more samples, as it takes time itself. */
const LOOK_AGAIN = 1.1;
const SLOW: OutlierRule = { deviations: 5, largestShare: 0.1 };
/** The smallest number whose smallest and largest hold the median with 95 %. */
const ENERGY_WINDOWS = 6;
const WINDOW_MS = 1000;
const FAIR_PART = 4;
/** Heartbeats, timers and readings of a meter come in between two samples so often. */
const BREATHE_MS = 50;

/** A network that is timed in turn with the subject, so that what slows the device down slows both. */
export interface Reference {
  loaded: Loaded;
  /** What it takes, in milliseconds, at the speed that latencies are told at. */
  nominalMs: number;
}

export interface MeasureOptions {
  /** Without it latency is told as it is now. */
  reference?: Reference | undefined;
  signal?: AbortSignal | undefined;
  /** Waits while the device idles; for simulated devices. */
  wait?: ((ms: number) => Promise<void>) | undefined;
}

/** A value could not be had, and this is why. */
class NotMeasured extends Error {}

interface Context {
  device: DeviceBackend;
  loaded: Loaded;
  settings: MeasuringSettings;
  reference: Reference | undefined;
  signal: AbortSignal | undefined;
  wait: (ms: number) => Promise<void>;
  /** When all of it ends, by the device's clock. */
  endMs: number;
  /** Runs of one sample, once warm. */
  group: number;
}

const measures: Record<string, (context: Context) => Promise<Measured>> = {
  latency: measureLatency,
  energy: measureEnergy,
  memory: measureMemory,
} satisfies Record<keyof typeof measuredUnits, unknown>;

/**
 * Measures one subject. Whatever fails is told in the result, never thrown.
 *
 * @param objectives names of what is wanted
 * @throws what `signal` was aborted with
 */
export async function measureSubject(
  device: DeviceBackend | WholeDevice,
  subject: Subject,
  objectives: readonly string[],
  settings: MeasuringSettings,
  options: MeasureOptions = {},
): Promise<SubjectResult> {
  const values: SubjectResult["values"] = Object.fromEntries(objectives.map((name) => [name, null]));
  const failures: string[] = [];
  const note = (error: unknown, name?: string) => {
    options.signal?.throwIfAborted();
    const reason = error instanceof Error ? error.message : String(error);
    failures.push(name === undefined ? reason : `${name}: ${reason}`);
  };
  const offered = objectives.filter((name) => {
    if (device.objectives.some((objective) => objective.name === name)) return true;
    failures.push(`${name}: this device does not measure it`);
    return false;
  });
  const keep = (name: string, value: Measured | null | undefined) => {
    const fault = value ? faultOf(value, name) : "there is no value";
    if (value && fault === null) values[name] = value;
    else note(new NotMeasured(fault ?? ""), name);
  };
  try {
    if ("measure" in device) {
      const signal = options.signal ?? new AbortController().signal;
      const found = offered.length === 0 ? {} : await device.measure(subject, offered, signal, settings);
      for (const name of offered) {
        const value = found[name];
        keep(name, value && { ...value, outliers: 0 });
      }
    } else if (offered.length > 0) {
      await withLoaded(device, subject, settings, options, async (context) => {
        for (const name of offered) {
          try {
            const measure = measures[name];
            if (!measure) throw new NotMeasured("this device does not measure it");
            keep(name, await measure(context));
          } catch (error) {
            note(error, name);
          }
        }
      });
    }
  } catch (error) {
    note(error);
  }
  const failure = failures.join("; ").slice(0, 1000);
  return { key: subject.key, values, ...(failure && { failure }) };
}

/** Names are never mapped to other units: what a device offers by a name of ours has our unit. */
export const ourObjectives = (names: readonly (keyof typeof measuredUnits)[]): DeviceObjective[] =>
  names.map((name) => ({ name, unit: measuredUnits[name] }));

/** Why a value is none. */
function faultOf({ median, low, high }: Measured, name: string): string | null {
  if (![median, low, high].every(Number.isFinite)) return "it is no finite number";
  if (!(low <= median && median <= high)) return `the median ${median} is not between ${low} and ${high}`;
  // Only what has its own meaning may be 0 or less.
  return Object.hasOwn(measuredUnits, name) && !(low > 0) ? `${low} ${unitOf(name)} is not above 0` : null;
}

const unitOf = (name: string): string => measuredUnits[name as keyof typeof measuredUnits];

async function withLoaded(
  device: DeviceBackend,
  subject: Subject,
  settings: MeasuringSettings,
  { signal, reference, wait = pause }: MeasureOptions,
  work: (context: Context) => Promise<void>,
): Promise<void> {
  const loaded = await device.load(subject, settings.batchSize);
  try {
    signal?.throwIfAborted();
    const endMs = device.clock.nowMs() + settings.limitSeconds * 1000;
    const context: Context = { device, loaded, settings, reference, signal, wait, endMs, group: 1 };
    context.group = await warmUp(context);
    await work(context);
  } finally {
    loaded.dispose();
  }
}

/** Runs until times settle or a share of the limit is over. @returns how many runs make a sample */
async function warmUp(context: Context): Promise<number> {
  const { device, settings } = context;
  const sampleMs = CLOCK_STEPS * clockStepMs(device.clock.nowMs);
  const startMs = device.clock.nowMs();
  const boundMs = startMs + WARM_UP_SHARE * settings.limitSeconds * 1000;
  await context.loaded.run(); // compiles, allocates, finds its kernels
  const times: number[] = [];
  let group = 1;
  for (const breathe = breather(context); ; ) {
    const tookMs = await timeOf(context, group);
    if (tookMs < sampleMs && group < MOST_IN_A_GROUP) {
      group = Math.min(MOST_IN_A_GROUP, group * Math.min(10, Math.max(2, Math.ceil(sampleMs / tookMs))));
      times.length = 0;
    } else times.push(tookMs / group);
    const isSettled = times.length >= 2 * SETTLE_SAMPLES && hasSettled(times);
    if (isSettled || device.clock.nowMs() >= boundMs) return group;
    await breathe();
  }
}

function hasSettled(times: readonly number[]): boolean {
  const now = medianOf(ascending(times.slice(-SETTLE_SAMPLES)));
  const before = medianOf(ascending(times.slice(-2 * SETTLE_SAMPLES, -SETTLE_SAMPLES)));
  return Math.abs(now - before) <= SETTLED_WITHIN * before;
}

/** The smallest step that a clock makes, seen by reading it again and again. */
export function clockStepMs(nowMs: () => number): number {
  let smallest = Number.POSITIVE_INFINITY;
  let last = nowMs();
  for (let reading = 0; reading < CLOCK_READINGS; reading++) {
    const now = nowMs();
    if (now > last) smallest = Math.min(smallest, now - last);
    last = now;
  }
  // A clock that did not move in so many readings moves in steps of about a millisecond.
  return Number.isFinite(smallest) ? smallest : 1;
}

/** Runs of the subject that take a fair part of what the reference takes, so that both see the same disturbances. */
async function groupBeside(context: Context, { nominalMs }: Reference): Promise<number> {
  const { group } = context;
  const onceMs = (await timeOf(context, group)) / group;
  return Math.max(group, Math.min(MOST_IN_A_GROUP, Math.ceil(nominalMs / FAIR_PART / onceMs)));
}

/** Runs that make a sample long enough for the clock. */
const groupFor = ({ clock }: Pick<DeviceBackend, "clock">, ms: number): number =>
  Math.max(1, Math.ceil((CLOCK_STEPS * clockStepMs(clock.nowMs)) / ms));

async function timeOf({ device, loaded }: Context, runs: number): Promise<number> {
  const startMs = device.clock.nowMs();
  for (let run = 0; run < runs; run++) await loaded.run();
  return device.clock.nowMs() - startMs;
}

/**
 * With a reference, a sample is the subject's time divided by the reference's right after it, times what the reference
 * takes nominally: duet benchmarking (Bulej et al. 2020), for machines whose speed drifts by more than networks differ.
 */
async function measureLatency(context: Context): Promise<Measured> {
  const { device, settings, group, endMs, reference } = context;
  const beside = reference && { ...context, loaded: reference.loaded, reference };
  const besideGroup = reference ? groupFor(device, reference.nominalMs) : 1;
  const own = reference ? await groupBeside(context, reference) : group;
  const sample = async (): Promise<number> => {
    const ownMs = (await timeOf(context, own)) / own;
    if (beside === undefined) return ownMs;
    return (ownMs / ((await timeOf(beside, besideGroup)) / besideGroup)) * beside.reference.nominalMs;
  };
  const times: number[] = [];
  let lookAt = FEWEST_SAMPLES;
  for (const breathe = breather(context); times.length < MOST_SAMPLES; ) {
    times.push(await sample());
    if (times.length >= lookAt) {
      lookAt = Math.ceil(times.length * LOOK_AGAIN);
      const interval = medianInterval(withoutSlow(times, SLOW).kept);
      if (interval && interval.high - interval.low <= settings.width * interval.median) break;
    }
    if (device.clock.nowMs() >= endMs) break;
    await breathe();
  }
  const { kept, outliers } = withoutSlow(times, SLOW);
  return measured(kept, outliers);
}

/** Of the median of what was kept; of a few slow ones their whole range, which says less than 95 %. */
function measured(kept: readonly number[], outliers = 0): Measured {
  const sorted = ascending(kept);
  const range = { low: sorted[0] ?? Number.NaN, high: sorted.at(-1) ?? Number.NaN };
  const interval: MedianInterval = medianInterval(kept) ?? { median: medianOf(sorted), ...range };
  return { ...interval, samples: kept.length, outliers };
}

async function measureEnergy(context: Context): Promise<Measured> {
  const { device, wait, signal, loaded } = context;
  const meter = device.energy;
  if (meter === null) throw new NotMeasured("no energy can be read here");
  const nowMs = () => device.clock.nowMs();
  const idle = await energyOver(meter, nowMs, () => wait(WINDOW_MS));
  const values: number[] = [];
  while (values.length < ENERGY_WINDOWS) {
    let runs = 0;
    const busy = await energyOver(meter, nowMs, async (sinceMs) => {
      const breathe = breather(context);
      while (nowMs() - sinceMs < WINDOW_MS || runs === 0) {
        await loaded.run();
        runs++;
        await breathe();
      }
    });
    signal?.throwIfAborted();
    values.push((busy.millijoules - (idle.millijoules / idle.ms) * busy.ms) / runs);
  }
  const median = medianOf(ascending(values));
  if (!(median > 0)) throw new NotMeasured("it takes no more than the idle device does");
  if (Math.min(...values) <= 0) throw new NotMeasured("it is lost in what the idle device takes");
  return measured(values);
}

async function energyOver(
  meter: EnergyMeter,
  nowMs: () => number,
  work: (sinceMs: number) => Promise<void>,
): Promise<{ millijoules: number; ms: number }> {
  const before = await meter.readMillijoules();
  const sinceMs = nowMs();
  await work(sinceMs);
  const ms = nowMs() - sinceMs;
  return { millijoules: (await meter.readMillijoules()) - before, ms };
}

async function measureMemory({ loaded }: Context): Promise<Measured> {
  const bytes = await loaded.peakBytes();
  if (bytes === null) throw new NotMeasured("the backend does not tell");
  return { median: bytes, low: bytes, high: bytes, samples: 1, outliers: 0 };
}

/** Lets everything else have its turn now and then, and ends the measurement where it is to end. */
function breather({ device, signal }: Pick<Context, "device" | "signal">): () => Promise<void> {
  let lastMs = device.clock.nowMs();
  return async () => {
    if (device.clock.nowMs() - lastMs < BREATHE_MS) return;
    await pause(0);
    signal?.throwIfAborted();
    lastMs = device.clock.nowMs();
  };
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
