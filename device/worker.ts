/**
 * The loop of a device: registers, leases a task, measures its subjects while heartbeats keep the lease, reports, and
 * goes on with what the answer carries. Platform-free: browsers and Node run it.
 */

import {
  type Conditions,
  type LeasedMeasureTask,
  type Measured,
  type MeasureTask,
  measuringVersion,
  type RegisterDevice,
  type Subject,
  type SubjectResult,
} from "../shared/measuring.ts";
import { protocolVersion } from "../shared/protocol.ts";
import type { DeviceBackend, WholeDevice } from "./backend.ts";
import { DeviceClient, type DeviceClientOptions, EdgeError, EdgeUnreachable, sleep } from "./client.ts";
import { type MeasureOptions, measureSubject } from "./measure.ts";
import { besideReference } from "./reference.ts";

export interface DeviceProgress {
  task: MeasureTask;
  /** The one that is measured now; undefined when the task's last one is done. */
  subject: Subject | undefined;
  done: number;
  total: number;
  /** Of the subject before. */
  last: SubjectResult | undefined;
}

export interface WorkerOptions extends DeviceClientOptions {
  /** What the edge and specifications call this device. */
  name: string;
  device: DeviceBackend | WholeDevice;
  /** Whether to end when there is nothing to do; default false. */
  untilIdle?: boolean | undefined;
  onRegistered?: ((deviceId: string) => void) | undefined;
  /** Told when there is nothing to do. */
  onIdle?: ((retryAfterSeconds: number) => void) | undefined;
  onProgress?: ((progress: DeviceProgress) => void) | undefined;
  /** Told of tasks that are dropped, with the reason. */
  onDropped?: ((reason: string) => void) | undefined;
  /** Wall clock in milliseconds, for tests. */
  now?: (() => number) | undefined;
  measuring?: MeasureOptions | undefined;
}

/** The task is not ours any more, or is not wanted. */
class Dropped extends Error {
  readonly isStillHeld: boolean;

  constructor(reason: string, isStillHeld = false) {
    super(reason);
    this.isStillHeld = isStillHeld;
  }
}

/**
 * Measures for an edge until `signal`, or with `untilIdle` until there is nothing to do. A task that is under way when
 * `signal` comes is given back.
 *
 * @returns how many subjects were reported
 * @throws EdgeError where the edge refuses the device; EdgeUnreachable where it has not answered for long
 */
export async function runDevice(options: WorkerOptions): Promise<number> {
  const client = new DeviceClient(options);
  const { signal } = options;
  let reported = 0;
  try {
    const { deviceId } = await client.register(registrationOf(options));
    options.onRegistered?.(deviceId);
    for (let next: LeasedMeasureTask | null = null; ; ) {
      if (next === null) {
        const { lease, retryAfterSeconds } = await client.lease(deviceId);
        next = lease;
        if (next === null) {
          options.onIdle?.(retryAfterSeconds);
          if (options.untilIdle) return reported;
          await sleep(retryAfterSeconds * 1000, signal);
          continue;
        }
      }
      const answer = await workOn(client, next, options);
      if (answer) reported += next.task.subjects.length;
      next = answer?.next ?? null;
    }
  } catch (error) {
    if (signal?.aborted) return reported;
    throw error;
  }
}

function registrationOf({ name, device }: WorkerOptions): RegisterDevice {
  const { facts: backend, fingerprint, objectives } = device;
  return { protocolVersion, measuringVersion, name, backend, fingerprint, objectives };
}

/** @returns the answer to the report; undefined where the task was dropped */
async function workOn(client: DeviceClient, leased: LeasedMeasureTask, options: WorkerOptions) {
  const { task, leaseId } = leased;
  const held = holdLease(client, leased, options);
  try {
    const { results, reference, conditions } = await measureAll(task, held.signal, options);
    await held.confirm();
    return await client.report(task.taskId, {
      kind: "measure",
      leaseId,
      measuringVersion,
      backend: options.device.facts.name,
      results,
      reference,
      conditions,
    });
  } catch (thrown) {
    const error = held.signal.aborted ? held.signal.reason : thrown;
    const isStopped = options.signal?.aborted === true;
    if (isStopped || (error instanceof Dropped && error.isStillHeld))
      await client.release(task.taskId, leaseId).catch(() => {}); // else it expires
    if (isStopped) throw error;
    if (error instanceof Dropped || isGone(error)) {
      options.onDropped?.(error.message);
      return undefined;
    }
    throw error;
  } finally {
    held.stop();
  }
}

/** The lease is lost, or the task was deleted. */
const isGone = (error: unknown): error is EdgeError =>
  error instanceof EdgeError && (error.isLeaseLost || error.status === 404);

async function measureAll(
  task: MeasureTask,
  signal: AbortSignal,
  { device, onProgress, measuring, now = Date.now }: WorkerOptions,
): Promise<{ results: SubjectResult[]; reference: Measured | null; conditions: Conditions }> {
  const { subjects, objectives, settings } = task;
  const sinceMs = now();
  const results: SubjectResult[] = [];
  const tell = () => {
    const done = results.length;
    onProgress?.({ task, subject: subjects[done], done, total: subjects.length, last: results.at(-1) });
  };
  tell();
  const beside = await besideReference(device, task, { ...measuring, signal });
  for (const subject of subjects) {
    signal.throwIfAborted();
    const options = { ...measuring, signal, reference: beside?.reference };
    results.push(await measureSubject(device, subject, objectives, settings, options));
    tell();
  }
  const clock = "clock" in device ? device.clock.name : "the program's own";
  const seconds = Math.max(0, (now() - sinceMs) / 1000);
  const conditions = { clock, ...(await device.conditions()), seconds };
  return { results, reference: beside?.measured ?? null, conditions };
}

/** Keeps a lease by heartbeats. `signal` tells of the user's stop, of the edge's, and of a lease that is lost. */
function holdLease(client: DeviceClient, leased: LeasedMeasureTask, options: WorkerOptions) {
  const { task, leaseId, leaseSeconds, heartbeatSeconds } = leased;
  const { now = Date.now } = options;
  const ended = new AbortController();
  const stopped = new AbortController();
  const signals = [ended.signal, ...(options.signal ? [options.signal] : [])];
  let heldAtMs = now();

  const beat = async () => {
    const askedAtMs = now();
    const { stop } = await client.heartbeat(task.taskId, leaseId);
    heldAtMs = askedAtMs;
    if (stop) throw new Dropped("the edge does not want this any more", true);
  };
  const isExpired = () => now() - heldAtMs > leaseSeconds * 1000;
  const beatOn = async () => {
    for (;;) {
      await sleep(heartbeatSeconds * 1000, stopped.signal);
      // One that could not be told is followed by the next, as long as the lease lasts.
      await beat().catch((error: unknown) => {
        if (!(error instanceof EdgeUnreachable || (error instanceof EdgeError && error.passes))) throw error;
        if (isExpired()) throw new Dropped("the lease ran out while the edge did not answer");
      });
    }
  };
  beatOn().catch((error: unknown) => {
    if (!stopped.signal.aborted) ended.abort(error);
  });
  return {
    signal: AbortSignal.any(signals),
    /** A device that slept, or whose timers were held up, may have lost its lease without having been told. */
    async confirm() {
      if (now() - heldAtMs > (leaseSeconds / 2) * 1000) await beat();
    },
    stop: () => stopped.abort(),
  };
}
