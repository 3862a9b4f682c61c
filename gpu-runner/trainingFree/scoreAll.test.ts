/** Architectures of a task, scored. */

import { expect, test } from "vitest";
import { reportSchema, type ScoreTask } from "../../shared/protocol.ts";
import { loadBackend } from "../kernels/backend.ts";
import { dataset, roundOf } from "../rounds.testing.ts";
import { scoreAll } from "./scoreAll.ts";

const backend = await loadBackend(process.env.NASTURTIUM_BACKEND === "tensorflow" ? "tensorflow" : "wasm");

// Two edges of a normal and two of a reduction cell: none, skip_connect, sep_conv_3x3.
const { taskId, searchId, stage } = roundOf(0);
const task: ScoreTask = {
  kind: "score",
  taskId,
  searchId,
  round: 0,
  dataset: stage.dataset,
  space: stage.space,
  stem: stage.stem,
  channels: stage.channels,
  layers: stage.layers,
  codes: ["2211", "1111", "2011", "0000"],
  seeds: [3, 4],
  images: 12,
  candidates: [],
};

test("each architecture has its scores, whatever stands beside it", async () => {
  const told: [number, number][] = [];
  const scores = await scoreAll(backend, task, dataset.train, {
    progress: (done, total) => told.push([done, total]),
  });
  expect(told).toEqual([1, 2, 3, 4].map((done) => [done, 4]));
  const [wide, skips, narrow, cut] = scores;
  expect(wide?.macs).toBeGreaterThan(narrow?.macs ?? Number.NaN);
  expect(wide?.distinctPatterns).toBeGreaterThan(skips?.distinctPatterns ?? Number.NaN);
  expect(cut?.expressivity).toBeLessThan(skips?.expressivity ?? Number.NaN);
  const seconds = { train: 0, evaluate: 1, idle: 0 };
  const report = { kind: "score", leaseId: "l", scores, measurements: [], digest: "0", seconds };
  expect(reportSchema.safeParse(report).success).toBe(true);
  expect(await scoreAll(backend, { ...task, codes: ["2011"] }, dataset.train, {})).toEqual([narrow]);
});

test("scoring ends where its task does", async () => {
  const throwIfEnded = () => {
    throw new Error("ended");
  };
  await expect(scoreAll(backend, task, dataset.train, { throwIfEnded })).rejects.toThrow("ended");
});
