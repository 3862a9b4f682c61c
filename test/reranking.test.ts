/** A search that orders its archive by short trainings: the real Worker, real images, two real runners. */

import { afterAll, beforeAll, expect, test } from "vitest";
import { listTrainings, readFront } from "../cli/api.ts";
import { isFinished, SEARCH_LIMIT_MS, smallSearch, TestEdge } from "./wholeSearch.ts";

let edge: TestEdge;

beforeAll(async () => {
  edge = await TestEdge.start();
});

afterAll(() => edge?.stop());

test(
  "two runners do each short training once, and the front handed over is one of trained networks",
  async () => {
    const reranking = {
      architectures: 4,
      rungs: [{ steps: 6 }, { steps: 12 }],
      validationFraction: 0.01,
    };
    const id = await edge.create({ ...smallSearch("reranked"), reranking });
    const lines: string[] = [];
    const onLine = (line: string) => lines.push(line);
    const runners = [edge.startRunner(id, { onLine }), edge.startRunner(id, { onLine })];
    const [first] = runners;
    if (first === undefined) throw new Error("no runner");
    expect((await edge.until(id, first, isFinished)).state).toBe("completed");
    for (const runner of runners) await runner.stop();

    const trainings = await listTrainings(edge.client, id);
    const short = trainings.filter(({ purpose }) => purpose === "rerank");
    expect(short.filter(({ rung }) => rung === 0).length).toBeGreaterThan(1);
    expect(trainings.every(({ state }) => state === "completed")).toBe(true);
    expect(lines.filter((line) => line.includes("held-out images"))).toHaveLength(short.length);
    for (const { validation, recipe } of short)
      expect(validation).toMatchObject({ images: 600, steps: recipe.steps });

    const front = await readFront(edge.client, id);
    const final = trainings.find(({ purpose }) => purpose === "final");
    for (const row of front) {
      const trained = short
        .filter(({ hash }) => hash === row.hash)
        .sort((a, b) => (b.rung ?? 0) - (a.rung ?? 0));
      expect(row.values.accuracy).toBe(trained[0]?.validation?.validationAccuracy);
      expect(row.trainingSteps).toBe(trained[0]?.validation?.steps);
      expect(row.evidence).toBe(row.hash === final?.hash ? "full-training" : "short-training");
    }
    expect(front.find(({ hash }) => hash === final?.hash)?.testAccuracy).toBeGreaterThan(0);
  },
  SEARCH_LIMIT_MS,
);
