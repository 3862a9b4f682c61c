/** For tests: the Worker through its public surface, tokens for it, and a runner that invents its measurements. */

import { env as bindings, exports } from "cloudflare:workers";
import type { Scope } from "../schema/tokens.ts";
import type { LeasedTask, Task, TrainRoundTask } from "../shared/protocol.ts";
import { protocolVersion } from "../shared/protocol.ts";
import type { SpecificationInput } from "../shared/specification.ts";
import { newToken } from "./auth.ts";
import type { Env } from "./env.ts";
import { newId } from "./ids.ts";
import { insertToken } from "./store/tokens.ts";

export const env = bindings as unknown as Env;
const worker = (exports as unknown as { default: { fetch(request: Request): Promise<Response> } }).default;
const origin = "https://edge.test";

export interface Call {
  method?: string;
  body?: unknown;
  headers?: Record<string, string>;
}

export type Caller = (path: string, call?: Call) => Promise<Response>;

/** Calls with a token, or without one for null. @param send hands a request to the Worker */
export const callerWith =
  (token: string | null, send = (request: Request) => worker.fetch(request)): Caller =>
  (path, { method, body, headers = {} } = {}) => {
    const isBytes = body instanceof Uint8Array || body instanceof ReadableStream;
    return send(
      new Request(`${origin}${path}`, {
        method: method ?? (body === undefined ? "GET" : "POST"),
        headers: {
          ...(token === null ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined || isBytes ? {} : { "content-type": "application/json" }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: isBytes ? (body as BodyInit) : JSON.stringify(body) }),
      }),
    );
  };

export async function tokenWith(...scopes: Scope[]): Promise<string> {
  const { token, hash } = await newToken();
  const unbound = { expiresAt: null, lastUsedAt: null, revokedAt: null, searchId: null, instance: null };
  const row = { id: newId(), name: scopes.join(" "), scopes, createdAt: Date.now(), createdBy: "test" };
  await insertToken(env.DB, { ...row, ...unbound }, hash);
  return token;
}

export const anonymous = callerWith(null);

/** A search of one short stage: one round of warm-up, two of search, one of confirmation. */
export const tinySpecification: SpecificationInput = {
  name: "tiny",
  schedule: {
    batchSize: 64,
    stepsPerRound: 2,
    warmupStepsPerRound: 2,
    policy: { candidates: 2 },
    confirmation: { images: 500, architectures: 2 },
    stages: [{ layers: 3, channels: 4, steps: 6, warmupSteps: 2, drop: { normal: 1, reduction: 1 } }],
  },
  reranking: { enabled: false },
  finalTraining: { preset: "demo", steps: 10, top: 1 },
};

/** The body of a successful answer. */
export async function ok<T = Record<string, never>>(answer: Promise<Response>): Promise<T> {
  const response = await answer;
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  return (await response.json()) as T;
}

/** The last part of a problem's type, with its status. */
export async function problemOf(answer: Promise<Response>): Promise<string> {
  const response = await answer;
  const text = await response.text();
  if (response.headers.get("content-type") !== "application/problem+json")
    throw new Error(`not a problem: ${response.status} ${text}`);
  const { type } = JSON.parse(text) as { type: string };
  return `${response.status} ${type.split("/").at(-1)}`;
}

export const createSearch = async (call: Caller, change: Partial<SpecificationInput> = {}): Promise<string> =>
  (await ok<{ id: string }>(call("/v1/searches", { body: { ...tinySpecification, ...change } }))).id;

export const registerRunner = async (call: Caller): Promise<string> => {
  const backend = { name: "wasm", versions: {}, threads: 1 };
  return (
    await ok<{ runnerId: string }>(call("/v1/runners", { body: { protocolVersion, name: "test", backend } }))
  ).runnerId;
};

export async function leaseOf(call: Caller, runnerId: string, searchId: string): Promise<LeasedTask | null> {
  return (await ok<{ lease: LeasedTask | null }>(call("/v1/tasks/lease", { body: { runnerId, searchId } })))
    .lease;
}

/** A lease that must be there. */
export async function leaseRound(
  call: Caller,
  runnerId: string,
  searchId: string,
): Promise<LeasedTask & { task: TrainRoundTask }> {
  return roundOf(await leaseOf(call, runnerId, searchId));
}

export function roundOf(lease: LeasedTask | null): LeasedTask & { task: TrainRoundTask } {
  if (lease === null || lease.task.kind !== "trainRound") throw new Error("no round was leased");
  return { ...lease, task: lease.task };
}

/** The better the larger, and below 100 however large; as it is up to 90. */
const asAccuracy = (score: number): number => (score <= 90 ? score : 100 - 100 / (score - 80));

export const reportFor = (
  { leaseId, task }: LeasedTask & { task: TrainRoundTask },
  digest = `d${task.round}`,
) => ({
  kind: "trainRound",
  leaseId,
  measurements: task.candidates.map((_, candidate) => ({
    candidate,
    values: { accuracy: asAccuracy(50 + 10 * candidate + task.round) },
    images: task.evaluation.images,
    loss: 1,
  })),
  trainLoss: task.steps > 0 ? 1 : null,
  digest,
  seconds: { train: 1, evaluate: 1, idle: 0 },
});

export const report = (call: Caller, task: Task, body: unknown): Promise<Response> =>
  call(`/v1/tasks/${task.taskId}/report`, { body });

/** Reports rounds until there is none; the lease that comes then, of a training or none. */
export async function finishRounds(call: Caller, lease: LeasedTask | null): Promise<LeasedTask | null> {
  let current = lease;
  while (current?.task.kind === "trainRound") {
    const answer = await ok<{ next: LeasedTask | null }>(
      report(call, current.task, reportFor(roundOf(current))),
    );
    current = answer.next;
  }
  return current;
}

/**
 * Works on a search to its end, its final training included.
 *
 * @param accuracies of short trainings in the order in which they come
 */
export async function finishSearch(
  call: Caller,
  runnerId: string,
  searchId: string,
  accuracies: readonly number[] = [],
): Promise<void> {
  const left = [...accuracies];
  let lease = await finishRounds(call, await leaseOf(call, runnerId, searchId));
  while (lease !== null && lease.task.kind === "finalTraining") {
    const isShort = lease.task.validation !== undefined;
    const body = isShort ? shortReportFor(lease, left.shift() ?? 50) : trainingReportFor(lease);
    lease = (await ok<{ next: LeasedTask | null }>(report(call, lease.task, body))).next;
  }
}

export const trainingReportFor = ({ leaseId }: LeasedTask, exports: Record<string, string> = {}) => ({
  kind: "finalTraining",
  leaseId,
  testAccuracy: 88,
  testLoss: 0.4,
  trainLoss: 0.3,
  parameters: 1000,
  macs: 2000,
  steps: 10,
  seconds: 3,
  exports,
});

export const shortReportFor = ({ leaseId }: LeasedTask, validationAccuracy: number, seconds = 3) => ({
  kind: "shortTraining",
  leaseId,
  validationAccuracy,
  validationLoss: 1,
  images: 600,
  trainLoss: 1,
  steps: 5,
  seconds,
});
