/** A small search against the real Worker in workerd, by runners in processes of their own: what the tests of whole searches share. */

import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import {
  createSearch,
  createToken,
  finishedStates,
  listTrainings,
  readCandidates,
  readFront,
  readSearch,
  type Search,
} from "../cli/api.ts";
import { type Child, startChild } from "../cli/children.ts";
import { EdgeClient } from "../cli/client.ts";
import { newToken } from "../cli/commands/dev.ts";
import { downloadExport } from "../cli/commands/export.ts";
import { type LocalEdge, type LocalEdgeOptions, startLocalEdge } from "../cli/localEdge.ts";
import { rootDir } from "../setup/node.mjs";
import type { SpecificationInput } from "../shared/specification.ts";
import { KillingProxy, type KillPoint } from "./killingProxy.ts";

const POLL_MS = 200;
export const SEARCH_LIMIT_MS = 300_000;
export const nativeBackend = process.env.NASTURTIUM_BACKEND === "wasm" ? "wasm" : "tensorflow";

/** Two stages and a final training, in a few seconds. */
export const smallSearch = (name: string): SpecificationInput => ({
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
    confirmation: { images: 100, architectures: 4, tuningSteps: 2 },
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
  reranking: { enabled: false },
  finalTraining: { preset: "demo", steps: 12, batchSize: 16, top: 1, dropPath: 0.1, ema: 0.9 },
  seed: 3,
});

/** With the latency of devices as objectives; few operations, so that calibrating is a matter of seconds. */
export const searchOnDevices = (
  ...names: string[]
): SpecificationInput & { objectives: NonNullable<SpecificationInput["objectives"]> } => {
  const search = smallSearch(`on ${names.join(" and ")}`);
  const stages = [{ layers: 3, channels: 4, steps: 12, warmupSteps: 4, drop: { normal: 0, reduction: 0 } }];
  return {
    ...search,
    space: { normal: ["skip_connect", "sep_conv_3x3"], nodes: 2 },
    schedule: { ...(search.schedule as object), stages } as NonNullable<SpecificationInput["schedule"]>,
    objectives: [
      { name: "accuracy", goal: "maximize" },
      ...names.map((device) => ({ name: "latency", device, goal: "minimize" as const })),
    ],
  };
};

/** The edge with one token for the test and one for its runners. */
export class TestEdge {
  readonly edge: LocalEdge;
  readonly client: EdgeClient;
  readonly runnerToken: string;
  /** Where the database and the bucket are. */
  readonly stateDir: string;
  readonly #children = new Set<Child>();

  constructor(edge: LocalEdge, client: EdgeClient, runnerToken: string, stateDir: string) {
    this.edge = edge;
    this.client = client;
    this.runnerToken = runnerToken;
    this.stateDir = stateDir;
  }

  /**
   * @param vars of the Worker's environment
   * @param options with `stateDir`, the edge goes on where another left it
   */
  static async start(
    vars: Record<string, string> = {},
    options: Partial<Pick<LocalEdgeOptions, "stateDir" | "root">> = {},
  ): Promise<TestEdge> {
    const { stateDir = mkdtempSync(path.join(tmpdir(), "nasturtium-test-")), ...rest } = options;
    const { signal } = new AbortController();
    const edge = await startLocalEdge({ stateDir, token: newToken(), port: 0, vars, signal, ...rest });
    const client = new EdgeClient(edge.url, edge.token, signal);
    const { token } = await createToken(client, { name: "test", scopes: ["runner"] });
    return new TestEdge(edge, client, token, stateDir);
  }

  async stop(): Promise<void> {
    for (const child of this.#children) await child.stop();
    await this.edge.stop();
    rmSync(this.stateDir, { recursive: true, force: true });
  }

  async create(specification: SpecificationInput): Promise<string> {
    return (await createSearch(this.client, specification)).id;
  }

  startRunner(
    searchId: string,
    options: {
      backend?: string;
      checkpointSeconds?: number;
      edge?: string;
      /** Folder of the runner's sources. */
      root?: string;
      env?: Record<string, string>;
      /** Words of a command line that Node and its arguments follow. */
      through?: readonly string[];
      onLine?: (line: string) => void;
    } = {},
  ): Child {
    const { backend = nativeBackend, checkpointSeconds = 60, edge = this.edge.url, env, onLine } = options;
    const runner = path.join(options.root ?? rootDir, "test", "runner.ts");
    const args = [runner, edge, this.runnerToken, searchId, backend, String(checkpointSeconds)];
    const [command = "", ...words] = [...(options.through ?? []), process.execPath, ...args];
    const child = startChild(command, words, {
      cwd: process.cwd(),
      env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: "2", ...env },
      ...(onLine === undefined ? {} : { onLine }),
    });
    this.#children.add(child);
    void child.exited.then(() => this.#children.delete(child));
    return child;
  }

  /** Lets a runner work on a search until it is killed there. */
  async killAt(searchId: string, point: KillPoint, env: Record<string, string> = {}): Promise<void> {
    const proxy = new KillingProxy(this.edge.url);
    const runner = this.startRunner(searchId, { edge: await proxy.listen(), checkpointSeconds: 0, env });
    proxy.arm(point, { kill: (signal) => runner.process.kill(signal) });
    const finished = this.until(searchId, runner, isFinished).then(() => {
      throw new Error("the search ended before its runner was killed");
    });
    await Promise.race([proxy.killed, finished]);
    finished.catch(() => {}); // polls on until another runner has ended the search
    await runner.exited;
    await proxy.close();
  }

  /** Polls the search until `isReached`; the runner's last words explain a time-out. */
  async until(searchId: string, runner: Child, isReached: (search: Search) => boolean): Promise<Search> {
    const limit = Date.now() + SEARCH_LIMIT_MS;
    for (;;) {
      const search = await readSearch(this.client, searchId);
      if (isReached(search)) return search;
      if (Date.now() > limit || search.state === "failed")
        throw new Error(`${search.state}: ${search.failure ?? ""} ${runner.tail()}`);
      await pause(POLL_MS);
    }
  }

  /** Everything that a search found, down to the trained weights, without what names it or tells its time. */
  async outcome(searchId: string) {
    const { client } = this;
    const rounds = await client.all(
      (query) => client.v1.searches[":id"].rounds.$get({ param: { id: searchId }, query }),
      ["round", "digest", "trainLoss"],
    );
    const candidates = await readCandidates(client, searchId);
    const front = await readFront(client, searchId);
    const trainings = await listTrainings(client, searchId);
    const trained = [];
    for (const { id, hash, report } of trainings) {
      const { testAccuracy, testLoss, trainLoss, steps } = report ?? {};
      trained.push({
        hash,
        testAccuracy,
        testLoss,
        trainLoss,
        steps,
        weights: await this.#weightsDigest(id),
      });
    }
    return {
      rounds: rounds.map(({ round, digest, trainLoss }) => ({ round, digest, trainLoss })),
      candidates: candidates.map(({ hash, values }) => ({ hash, values })),
      front: front.map(({ hash, values }) => ({ hash, values })),
      trained,
    };
  }

  async #weightsDigest(trainingId: string): Promise<string> {
    const files = await downloadExport(this.client, trainingId, "tfjs");
    const weights = files.find(({ name }) => name.endsWith(".bin"));
    return createHash("sha256")
      .update(weights?.bytes ?? "")
      .digest("hex");
  }
}

export const isFinished = ({ state }: Search): boolean => finishedStates.includes(state);
