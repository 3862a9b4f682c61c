/** An edge to measure, and runners that make their measurements up. */

import { setTimeout as pause } from "node:timers/promises";
import { createSearch as create, createToken, readSearch as read } from "../../cli/api.ts";
import { EdgeClient } from "../../cli/client.ts";
import {
  type LeasedTask,
  protocolVersion,
  reportResponseSchema,
  type ShortTrainingReport,
  type TrainRoundReport,
} from "../../shared/protocol.ts";
import { Random } from "../../shared/random.ts";
import type { SpecificationInput } from "../../shared/specification.ts";

export interface Site {
  url: string;
  token: string;
  signal: AbortSignal;
  log: (line: string) => void;
}

/** What one report took and cost. */
export interface Sent {
  milliseconds: number;
  queries: number;
  rowsWritten: number;
}

export const userOf = ({ url, token, signal }: Site): EdgeClient => new EdgeClient(url, token, signal);

/** A search whose rounds have ten candidates, so many of them after one warm-up round, and no final training. */
export const searchOf = (name: string, rounds: number, seed = 1): SpecificationInput => ({
  name,
  dataset: { name: "cifar10" },
  evaluation: { kind: "supernet", network: { channels: 16, layers: 8 }, untrained: { architectures: 0 } },
  schedule: {
    stepsPerRound: 1,
    warmupStepsPerRound: 1,
    policy: { candidates: 10 },
    confirmation: { architectures: 10 },
    stages: [
      { layers: 5, channels: 8, steps: rounds + 1, warmupSteps: 1, drop: { normal: 0, reduction: 0 } },
    ],
  },
  finalTraining: { top: 0 },
  seed,
});

/** Requests are repeated so often while workerd is busy. */
const attempts = 5;
const pauseMs = 200;

export class Runner {
  readonly #site: Site;
  readonly #token: string;
  readonly #random: Random;
  #id = "";

  private constructor(site: Site, token: string, seed: number) {
    this.#site = site;
    this.#token = token;
    this.#random = new Random(seed);
  }

  static async register(site: Site, token: string, seed: number): Promise<Runner> {
    const runner = new Runner(site, token, seed);
    const backend = { name: "wasm", versions: {}, threads: 1 };
    const { body } = await runner.#post("/v1/runners", { protocolVersion, name: `bench-${seed}`, backend });
    runner.#id = (body as { runnerId: string }).runnerId;
    return runner;
  }

  async lease(searchId?: string): Promise<LeasedTask | null> {
    const { body } = await this.#post("/v1/tasks/lease", { runnerId: this.#id, searchId });
    return (body as { lease: LeasedTask | null }).lease;
  }

  /** The report of a round: the same again for the same round, as after an answer that was lost. */
  reportOf({ leaseId, task }: LeasedTask): TrainRoundReport {
    if (task.kind !== "trainRound") throw new Error(`a ${task.kind} task came`);
    return {
      kind: "trainRound",
      leaseId,
      measurements: task.candidates.map((_, candidate) => ({
        candidate,
        values: { accuracy: 40 + 20 * this.#random.uniform() },
        images: task.evaluation.images,
        loss: 1,
      })),
      trainLoss: task.steps > 0 ? 1 : null,
      digest: `bench-${task.round}`,
      seconds: { train: 1, evaluate: 1, idle: 0 },
    };
  }

  /** The report of a short training. */
  shortReportOf({ leaseId, task }: LeasedTask): ShortTrainingReport {
    if (task.kind !== "finalTraining") throw new Error(`a ${task.kind} task came`);
    return {
      kind: "shortTraining",
      leaseId,
      validationAccuracy: 40 + 20 * this.#random.uniform(),
      validationLoss: 1,
      images: 5000,
      trainLoss: 1,
      steps: task.recipe.steps ?? 1,
      seconds: 1,
    };
  }

  async report(
    taskId: string,
    report: TrainRoundReport | ShortTrainingReport,
  ): Promise<{ next: LeasedTask | null; sent: Sent }> {
    const { body, sent } = await this.#post(`/v1/tasks/${taskId}/report`, report);
    return { next: reportResponseSchema.parse(body).next, sent };
  }

  async #post(address: string, json: unknown): Promise<{ body: unknown; sent: Sent }> {
    const { url, signal } = this.#site;
    for (let attempt = 1; ; attempt++) {
      const sentAt = performance.now();
      try {
        const response = await fetch(`${url}${address}`, {
          method: "POST",
          body: JSON.stringify(json),
          headers: { authorization: `Bearer ${this.#token}`, "content-type": "application/json" },
          signal,
        });
        const body: unknown = await response.json();
        const milliseconds = performance.now() - sentAt;
        if (response.ok) return { body, sent: { milliseconds, ...usageOf(response) } };
        if (response.status < 500 || attempt === attempts)
          throw new Error(`${address}: ${response.status} ${JSON.stringify(body)}`);
      } catch (err) {
        if (signal.aborted || attempt === attempts || !(err instanceof TypeError)) throw err;
      }
      await pause(pauseMs * attempt, undefined, { signal });
    }
  }
}

function usageOf(response: Response): Pick<Sent, "queries" | "rowsWritten"> {
  const count = (name: string) =>
    Number(new RegExp(`${name}=(\\d+)`).exec(response.headers.get("server-timing") ?? "")?.[1] ?? 0);
  return { queries: count("queries"), rowsWritten: count("rowsWritten") };
}

/** A token with which runners register. */
export async function runnerToken(site: Site): Promise<string> {
  return (await createToken(userOf(site), { name: "bench", scopes: ["runner"] })).token;
}

export const createSearch = async (site: Site, specification: SpecificationInput): Promise<string> =>
  (await create(userOf(site), specification)).id;

export const readSearch = (site: Site, id: string) => read(userOf(site), id);

export function quantiles(values: readonly number[]): { p50: number; p99: number; largest: number } {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => round(sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN);
  return { p50: at(0.5), p99: at(0.99), largest: at(1) };
}

export const mean = (values: readonly number[]): number =>
  round(values.reduce((sum, value) => sum + value, 0) / values.length);

export const round = (value: number): number => Math.round(value * 100) / 100;
