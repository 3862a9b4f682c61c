/**
 * Devices that are a URL: each architecture that waits is sent there, signed as webhooks are, and the answer is a number
 * or a failure. Nothing that it does can hold a search.
 */

import { z } from "zod";
import { printGenotype } from "../../shared/genotype.ts";
import { limitedText } from "../../shared/limitedText.ts";
import {
  type Measured,
  measuringVersion,
  type NetworkSubject,
  type SubjectResult,
} from "../../shared/measuring.ts";
import { deriveNetwork } from "../../shared/network.ts";
import { graphOf } from "../../shared/networkGraph.ts";
import { leaseSeconds } from "../../shared/protocol.ts";
import type { Env } from "../env.ts";
import { Problem } from "../problems.ts";
import { open } from "../secrets.ts";
import { signedPost } from "../signature.ts";
import { type Device, endpointsWithWork, findDeviceById } from "../store/devices.ts";
import { measurementsOf } from "../store/measurements.ts";
import { renewLease } from "../store/runners.ts";
import type { Platform } from "../webhooks/deliver.ts";
import { hostsIn, targetFault } from "../webhooks/target.ts";
import { parseTaskId } from "../work.ts";
import { modelLinks } from "./modelLinks.ts";
import { leaseMeasurement, putInQuarantine, reportMeasured } from "./report.ts";

const timeoutSeconds = 20;
const longestAnswerBytes = 4096;
/** Tasks in one invocation, eight architectures each at most; the rest comes a minute later. */
const tasksPerSweep = 4;
/** Failures one after the other after which it is asked no more until somebody releases it. */
const failuresUntilQuarantine = 8;

const answerSchema = z.union([
  z.strictObject({ value: z.number() }),
  z.strictObject({ values: z.record(z.string(), z.number()) }),
  z.strictObject({ failure: z.string().max(1000) }),
]);

/** Asks the endpoints that something waits for, beside each other: one that hangs holds up no other. */
export async function askEndpoints(env: Env, platform: Platform): Promise<void> {
  const ids = (await endpointsWithWork(env.DB)).slice(0, tasksPerSweep);
  const tasksOfEach = Math.floor(tasksPerSweep / ids.length);
  await Promise.all(ids.map((id) => askInTurn(env, platform, id, tasksOfEach)));
}

async function askInTurn(env: Env, platform: Platform, id: string, tasks: number): Promise<void> {
  for (let task = 0; task < tasks; task++) {
    const device = await findDeviceById(env.DB, id);
    if (device === null || device.state === "quarantined") return;
    if (!(await askOnce(env, platform, device))) return;
  }
}

/** False where nothing waits, or somebody else asks. */
async function askOnce(env: Env, platform: Platform, device: Device): Promise<boolean> {
  const lease = await leaseMeasurement(env, device);
  if (lease === null) return false;
  const key = parseTaskId(lease.task.taskId);
  if (key.kind !== "measurement") return false;
  const { leaseId } = lease;
  const { searchId, objectives } = lease.task;
  const startedAt = platform.now();
  let heldAt = Date.now();
  const results: SubjectResult[] = [];
  for (const subject of lease.task.subjects) {
    if (subject.kind !== "network") continue;
    const now = Date.now();
    if (now - heldAt > (leaseSeconds / 2) * 1000) {
      if (!(await renewLease(env.DB, { resource: key.measurementId, leaseId }, undefined, now))) return false;
      heldAt = now;
    }
    const { key: hash } = subject;
    const model = await modelLinks(env, { measurementId: key.measurementId, key: hash }, now);
    const body = JSON.stringify({ searchId, objectives, architecture: architectureOf(subject), model });
    const id = `${key.measurementId}-${hash}`;
    results.push(await asked(env, platform, device, { id, body, hash, objectives }));
  }
  const before = searchId === null ? [] : await resultsBefore(env.DB, searchId, device.id);
  const inTurn = [...before, ...results];
  const failures = inTurn.length - 1 - inTurn.findLastIndex(({ failure }) => failure === undefined);
  if (failures >= failuresUntilQuarantine) {
    await putInQuarantine(env, device, inTurn.at(-1)?.failure ?? "it does not answer");
    return false;
  }
  const seconds = (platform.now() - startedAt) / 1000;
  const conditions = { clock: "none", temperatureCelsius: null, isThrottled: null, seconds };
  try {
    const report = {
      leaseId,
      measuringVersion,
      backend: "endpoint" as const,
      results,
      reference: null,
      conditions,
    };
    await reportMeasured(env, key.measurementId, report);
  } catch (error) {
    // It took longer than its lease, or its search ended.
    if (!(error instanceof Problem)) throw error;
  }
  return true;
}

/** The network as data: what it is called, what it is made of, and each layer with its shape. */
function architectureOf({ key: hash, kind: _, ...network }: NetworkSubject) {
  const { genotype } = network;
  const graph = graphOf(deriveNetwork({ ...network, auxiliary: false }));
  return { ...network, hash, text: printGenotype(genotype), graph };
}

/** What it answered a search last, in turn. */
async function resultsBefore(db: D1Database, searchId: string, deviceId: string): Promise<SubjectResult[]> {
  const newest = await measurementsOf(db, { searchId, deviceId, limit: failuresUntilQuarantine });
  return newest.reverse().flatMap(({ results }) => results ?? []);
}

interface Question {
  id: string;
  body: string;
  hash: string;
  /** Names of what is asked for. */
  objectives: readonly string[];
}

async function asked(
  env: Env,
  platform: Platform,
  device: Device,
  { id, body, hash: key, objectives }: Question,
): Promise<SubjectResult> {
  const failed = (failure: string): SubjectResult => ({ key, values: {}, failure: failure.slice(0, 1000) });
  const url = device.url ?? "";
  const fault = await targetFault(url, hostsIn(env.NASTURTIUM_WEBHOOK_HOSTS), platform.resolve);
  if (fault !== null) return failed(`It was not called: ${fault}.`);
  const timestamp = Math.floor(platform.now() / 1000);
  const signal = AbortSignal.timeout(timeoutSeconds * 1000);
  try {
    const secret = await open(env, device.sealedSecret ?? "");
    const response = await platform.call(url, {
      ...(await signedPost([secret], { id, timestamp, body })),
      signal,
    });
    const { status } = response;
    if (status >= 300 && status < 400) {
      await response.body?.cancel();
      return failed(`It answered ${status}: redirects are not followed.`);
    }
    const text = await limitedText(response, longestAnswerBytes);
    if (text === null) return failed(`Its answer has more than ${longestAnswerBytes} bytes.`);
    if (!response.ok) return failed(`It answered ${status}: ${text.slice(0, 200)}`);
    return resultOf(text, key, objectives);
  } catch (error) {
    if (signal.aborted) return failed(`It did not answer within ${timeoutSeconds} s.`);
    return failed(`It could not be reached: ${String(error)}`);
  }
}

function resultOf(text: string, key: string, objectives: readonly string[]): SubjectResult {
  const failed = (failure: string): SubjectResult => ({ key, values: {}, failure });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return failed(`Its answer is no JSON: ${text.slice(0, 100)}`);
  }
  const { data: answer } = answerSchema.safeParse(json);
  if (answer === undefined)
    return failed('Its answer is none of { "value": 1.5 }, { "values": {...} }, { "failure": "why" }.');
  if ("failure" in answer) return failed(answer.failure);
  const [only] = objectives;
  const told = "values" in answer ? answer.values : only === undefined ? {} : { [only]: answer.value };
  const values: Record<string, Measured | null> = {};
  for (const name of objectives) {
    const value = told[name];
    if (value !== undefined)
      values[name] = { median: value, low: value, high: value, samples: 1, outliers: 0 };
  }
  return Object.keys(values).length > 0
    ? { key, values }
    : failed(`Its answer has none of ${objectives.join(", ")}.`);
}
