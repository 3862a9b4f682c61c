/**
 * Runners whose memory is really limited, by a cgroup, at the size of the demo: what does not fit is halved or refused
 * with the reason, and nothing is killed. Needs root and cgroups of version 1 or 2 that can be made; skips elsewhere.
 */

import { appendFileSync, existsSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { listTrainings, readSearch } from "../cli/api.ts";
import { outOfMemoryKills } from "../gpu-runner/limits/memory.ts";
import type { SpecificationInput } from "../shared/specification.ts";
import { isFinished, nativeBackend, TestEdge } from "./wholeSearch.ts";

const MIB = 2 ** 20;
const LIMIT_MS = 600_000;

/** Networks, batches and images of the demo, but few steps. */
const demoSized = (name: string): SpecificationInput => {
  const stage = { layers: 3, channels: 8, steps: 6, warmupSteps: 2 };
  return {
    name,
    strategy: { name: "tnd-nas" },
    dataset: { name: "fashion-mnist" },
    evaluation: { kind: "supernet", network: { stem: "cifar", channels: 8, layers: 5 } },
    objectives: [
      { name: "accuracy", goal: "maximize" },
      { name: "parameters", goal: "minimize", target: 55_000 },
    ],
    schedule: {
      batchSize: 64,
      stepsPerRound: 4,
      warmupStepsPerRound: 2,
      policy: { candidates: 2, evaluationImages: 250 },
      confirmation: { images: 500, architectures: 2 },
      stages: [
        { ...stage, drop: { normal: 4, reduction: 2 }, skipDropout: 0.1 },
        { ...stage, drop: { normal: 0, reduction: 0 }, skipDropout: 0.1 },
      ],
    },
    reranking: { enabled: false },
    finalTraining: { preset: "demo", steps: 20, top: 1 },
    seed: 1,
  };
};

/** A folder in which memory cgroups can be made; undefined where there is none. */
function cgroupRoot(): string | undefined {
  const roots = ["/sys/fs/cgroup/memory", "/sys/fs/cgroup"];
  return roots.find((root) => {
    const folder = path.join(root, `nasturtium-probe-${process.pid}`);
    try {
      mkdirSync(folder);
      const isThere = limitFiles.some((file) => existsSync(path.join(folder, file)));
      rmdirSync(folder);
      return isThere;
    } catch {
      return false;
    }
  });
}

const limitFiles = ["memory.max", "memory.limit_in_bytes"];

const root = cgroupRoot();

describe.runIf(root !== undefined && nativeBackend === "tensorflow")("with a cgroup's memory", () => {
  let edge: TestEdge;
  let made = 0;
  const folders: string[] = [];

  beforeAll(async () => {
    edge = await TestEdge.start();
  });

  afterAll(() => edge?.stop());

  afterEach(async () => {
    for (const folder of folders.splice(0)) await removed(folder);
  });

  /** Starts a runner that may take so much memory; TensorFlow's own files count, too, while they are read. */
  function startWith(bytes: number, searchId: string, lines: string[] = []) {
    const folder = path.join(root as string, `nasturtium-test-${process.pid}-${made++}`);
    mkdirSync(folder);
    folders.push(folder);
    for (const file of limitFiles) {
      const name = path.join(folder, file);
      if (existsSync(name)) writeFileSync(name, String(bytes));
    }
    const swap = path.join(folder, "memory.swap.max");
    if (existsSync(swap)) writeFileSync(swap, "0");
    const through = ["/bin/sh", "-c", `echo $$ > ${folder}/cgroup.procs && exec "$@"`, "sh"];
    const log = (line: string) => {
      lines.push(line);
      if (process.env.NASTURTIUM_TEST_LOG) appendFileSync(process.env.NASTURTIUM_TEST_LOG, `${line}\n`);
    };
    return edge.startRunner(searchId, { through, onLine: log });
  }

  const eventsOf = async (searchId: string, type: string) => {
    const { client } = edge;
    const events = await client.all(
      (query) => client.v1.searches[":id"].events.$get({ param: { id: searchId }, query }),
      ["type", "data"],
    );
    return events.filter((event) => event.type === type).map(({ data }) => data as Record<string, unknown>);
  };

  /** The search once it is over; an error where its runner ends before. */
  async function finished(searchId: string, runner: ReturnType<typeof startWith>) {
    let hasEnded = false;
    void runner.exited.then(() => {
      hasEnded = true;
    });
    for (;;) {
      const search = await readSearch(edge.client, searchId);
      if (isFinished(search)) return search;
      if (hasEnded) throw new Error(`The runner has ended. ${runner.tail()}`);
      await pause(200);
    }
  }

  test.each([500, 520])(
    "of %i MiB a search and a final training of the demo's size end by themselves, halved, with the event",
    {
      timeout: LIMIT_MS,
    },
    async (limitMib) => {
      const kills = outOfMemoryKills();
      const id = await edge.create(demoSized(`${limitMib} MiB`));
      const lines: string[] = [];
      const runner = startWith(limitMib * MIB, id, lines);
      const search = await finished(id, runner);
      await runner.stop();
      expect(search.state).toBe("completed");
      expect(lines.join("\n")).not.toContain("Task failed");
      expect(outOfMemoryKills()).toBe(kills);
      const reason = expect.stringMatching(
        new RegExp(`needs about \\d+ MiB, and the cgroup's limit of ${limitMib} MiB leaves \\d+ MiB`),
      );
      const told = await eventsOf(id, "memory.exhausted");
      expect(told).toContainEqual(expect.objectContaining({ stage: 0, step: 0, batchSize: 32, reason }));
      const [training] = await listTrainings(edge.client, id);
      expect(training).toMatchObject({ state: "completed", report: { batchSize: 32 } });
      expect(told).toContainEqual(
        expect.objectContaining({ trainingId: training?.id, step: 0, batchSize: 32, reason }),
      );
    },
  );

  test.each([300, 450])(
    "of %i MiB, less than any batch needs, the search fails with the reason in one line, and the runner lives",
    {
      timeout: LIMIT_MS,
    },
    async (limitMib) => {
      const kills = outOfMemoryKills();
      const id = await edge.create(demoSized(`${limitMib} MiB`));
      const runner = startWith(limitMib * MIB, id);
      const search = await finished(id, runner);
      await runner.stop();
      expect(search.state).toBe("failed");
      expect(search.failure).toMatch(
        new RegExp(
          `A training step of 32 images needs about \\d+ MiB, and the cgroup's limit of ${limitMib} MiB leaves \\d+ MiB: raise it, or choose a smaller batch or network\\. At step 0 of stage 1\\.$`,
        ),
      );
      expect(search.failure).not.toContain("\n");
      expect(outOfMemoryKills()).toBe(kills);
    },
  );
});

/** Processes leave a cgroup a little after they have ended. */
async function removed(folder: string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    try {
      rmdirSync(folder);
      return;
    } catch {
      await pause(50);
    }
  }
}
