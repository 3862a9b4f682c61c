/** Whole searches: the real Worker in workerd with D1 and R2, real images, real runners in processes of their own. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import {
  candidateSchema,
  finishedStates,
  frontRowSchema,
  searchPath,
  searchSchema,
  trainingSchema,
} from "../cli/api.ts";
import { type Child, startChild } from "../cli/children.ts";
import { EdgeClient } from "../cli/client.ts";
import { newToken } from "../cli/commands/dev.ts";
import { createdTokenSchema } from "../cli/commands/tokens.ts";
import { type LocalEdge, startLocalEdge } from "../cli/localEdge.ts";
import type { SpecificationInput } from "../shared/specification.ts";

const RUNNER = fileURLToPath(new URL("runner.ts", import.meta.url));
const SEARCH_LIMIT_MS = 300_000;
const POLL_MS = 200;
const native = process.env.NASTURTIUM_BACKEND === "wasm" ? "wasm" : "tensorflow";

const specification = (name: string): SpecificationInput => ({
  name,
  dataset: { name: "fashion-mnist" },
  evaluation: { kind: "supernet", network: { channels: 4, layers: 3 } },
  objectives: [
    { name: "accuracy", goal: "maximize" },
    { name: "parameters", goal: "minimize", target: 4000 },
  ],
  schedule: {
    batchSize: 16,
    stepsPerRound: 2,
    warmupStepsPerRound: 4,
    policy: { candidates: 3, evaluationImages: 50 },
    confirmation: { images: 100, architectures: 4 },
    stages: [
      {
        layers: 3,
        channels: 2,
        steps: 20,
        warmupSteps: 8,
        drop: { normal: 5, reduction: 3 },
        skipDropout: 0.2,
      },
      { layers: 3, channels: 4, steps: 12, warmupSteps: 4, drop: { normal: 4, reduction: 2 } },
    ],
  },
  finalTraining: { preset: "demo", steps: 12, batchSize: 16, top: 1 },
  seed: 3,
});

const roundSchema = z.looseObject({
  round: z.number(),
  digest: z.string(),
  trainLoss: z.number().nullable(),
});

let edge: LocalEdge;
let client: EdgeClient;
let runnerToken: string;
let stateDir: string;
const children = new Set<Child>();

beforeAll(async () => {
  stateDir = mkdtempSync(path.join(tmpdir(), "nasturtium-test-"));
  edge = await startLocalEdge({ stateDir, token: newToken(), port: 0, signal: new AbortController().signal });
  client = new EdgeClient(edge.url, edge.token, new AbortController().signal);
  const body = { name: "test", scopes: ["runner"] };
  ({ token: runnerToken } = await client.json("/v1/tokens", createdTokenSchema, { method: "POST", body }));
});

afterAll(async () => {
  for (const child of children) await child.stop();
  await edge?.stop();
  rmSync(stateDir, { recursive: true, force: true });
});

async function create(name: string): Promise<string> {
  return (await client.json("/v1/searches", searchSchema, { method: "POST", body: specification(name) })).id;
}

function startRunner(searchId: string, backend: string, checkpointSeconds: number): Child {
  const args = [RUNNER, edge.url, runnerToken, searchId, backend, String(checkpointSeconds)];
  const child = startChild(process.execPath, args, {
    cwd: process.cwd(),
    env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: "2" },
  });
  children.add(child);
  return child;
}

/** Polls the search until `isReached`; the runner's last words explain a time-out. */
async function until(
  searchId: string,
  runner: Child,
  isReached: (search: z.infer<typeof searchSchema>) => boolean,
) {
  const limit = Date.now() + SEARCH_LIMIT_MS;
  for (;;) {
    const search = await client.json(searchPath(searchId), searchSchema);
    if (isReached(search)) return search;
    if (Date.now() > limit || search.state === "failed")
      throw new Error(`${search.state}: ${search.failure ?? ""} ${runner.tail()}`);
    await pause(POLL_MS);
  }
}

const isFinished = ({ state }: z.infer<typeof searchSchema>) => finishedStates.includes(state);

/** Everything that a search found, without what names it. */
async function outcome(searchId: string) {
  const rounds = await client.all(searchPath(searchId, "/rounds"), roundSchema);
  const candidates = await client.all(searchPath(searchId, "/candidates"), candidateSchema);
  const front = await client.all(searchPath(searchId, "/front"), frontRowSchema);
  const trainings = await client.all(searchPath(searchId, "/trainings"), trainingSchema);
  return {
    rounds: rounds.map(({ round, digest, trainLoss }) => ({ round, digest, trainLoss })),
    candidates: candidates.map(({ hash, values }) => ({ hash, values })),
    front: front.map(({ hash, values }) => ({ hash, values })),
    trained: trainings.map(({ hash, report }) => ({ hash, testAccuracy: report?.testAccuracy })),
  };
}

describe("a search", () => {
  test(
    "killed with -9 goes on under another runner and ends bit-identical to one that was not, no round lost or counted twice",
    async () => {
      const whole = await create("whole");
      const first = startRunner(whole, native, 60);
      expect((await until(whole, first, isFinished)).state).toBe("completed");
      await first.stop();

      const broken = await create("broken");
      const victim = startRunner(broken, native, 1);
      await until(broken, victim, ({ progress }) => (progress?.round ?? 0) >= 11);
      victim.process.kill("SIGKILL");
      await victim.exited;
      const heir = startRunner(broken, native, 1);
      expect((await until(broken, heir, isFinished)).state).toBe("completed");
      await heir.stop();

      const expected = await outcome(whole);
      expect(expected.rounds.map(({ round }) => round)).toEqual(expected.rounds.map((_, index) => index));
      expect(expected.front.length).toBeGreaterThan(0);
      expect(expected.trained.length).toBe(1);
      expect(await outcome(broken)).toEqual(expected);
    },
    2 * SEARCH_LIMIT_MS,
  );

  test(
    "finishes with a trained model on WebAssembly where there is no native TensorFlow",
    async () => {
      const id = await create("wasm");
      const runner = startRunner(id, "wasm", 60);
      expect((await until(id, runner, isFinished)).state).toBe("completed");
      const { trained } = await outcome(id);
      expect(trained[0]?.testAccuracy).toBeGreaterThan(0);
      await runner.stop();
    },
    SEARCH_LIMIT_MS,
  );
});
