/** A search by training: the real Worker, real images, two real runners. */

import { afterAll, beforeAll, expect, test } from "vitest";
import { listTrainings, readFront } from "../cli/api.ts";
import { isFinished, SEARCH_LIMIT_MS, smallSearch, TestEdge } from "./wholeSearch.ts";

let edge: TestEdge;

beforeAll(async () => {
  edge = await TestEdge.start();
});

afterAll(() => edge?.stop());

const evaluation = {
  kind: "training" as const,
  network: { channels: 4, layers: 3 },
  architectures: 4,
  rungs: [{ steps: 4 }, { steps: 8 }],
  validationFraction: 0.01,
};
const { schedule: _, ...small } = smallSearch("by training");

test(
  "two runners share one search by training, and its front is of networks that they trained",
  async () => {
    const id = await edge.create({ ...small, evaluation });
    const lines: string[] = [];
    const onLine = (line: string) => lines.push(line);
    const runners = [edge.startRunner(id, { onLine }), edge.startRunner(id, { onLine })];
    const [first] = runners;
    if (first === undefined) throw new Error("no runner");
    expect((await edge.until(id, first, isFinished)).state).toBe("completed");
    for (const runner of runners) await runner.stop();

    const trainings = await listTrainings(edge.client, id);
    const short = trainings.filter(({ purpose }) => purpose === "candidate");
    expect(short.filter(({ rung }) => rung === 0)).toHaveLength(4);
    expect(short.filter(({ rung }) => rung === 1).length).toBeGreaterThan(0);
    expect(trainings.every(({ state }) => state === "completed")).toBe(true);
    expect(lines.filter((line) => line.includes("held-out images"))).toHaveLength(short.length);
    const front = await readFront(edge.client, id);
    const final = trainings.find(({ purpose }) => purpose === "final");
    expect(front.length).toBeGreaterThan(0);
    for (const row of front) {
      const own = short.filter(({ hash }) => hash === row.hash);
      const longest = own.toSorted((a, b) => (b.rung ?? 0) - (a.rung ?? 0))[0];
      expect(row.values.accuracy).toBe(longest?.validation?.validationAccuracy);
      expect(row.trainingSteps).toBe(longest?.validation?.steps);
      expect(row.evidence).toBe(row.hash === final?.hash ? "full-training" : "short-training");
    }
    expect(front.find(({ hash }) => hash === final?.hash)?.testAccuracy).toBeGreaterThan(0);
  },
  SEARCH_LIMIT_MS,
);

test(
  "the same seed gives the same search with one runner, to the last digit",
  async () => {
    const found = [];
    for (let run = 0; run < 2; run++) {
      const id = await edge.create({
        ...small,
        evaluation: { ...evaluation, architectures: 3 },
        finalTraining: { ...small.finalTraining, top: 0 },
        seed: 5,
      });
      const runner = edge.startRunner(id);
      expect((await edge.until(id, runner, isFinished)).state).toBe("completed");
      await runner.stop();
      const trainings = (await listTrainings(edge.client, id)).toReversed();
      found.push({
        front: await readFront(edge.client, id),
        trainings: trainings.map(({ hash, rung, validation }) => [
          hash,
          rung,
          validation?.validationLoss,
          validation?.trainLoss,
        ]),
      });
    }
    expect(found[1]).toEqual(found[0]);
  },
  SEARCH_LIMIT_MS,
);
