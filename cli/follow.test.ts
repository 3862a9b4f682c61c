import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { specificationSchema } from "../shared/specification.ts";
import { EdgeClient } from "./client.ts";
import type { Context } from "./command.ts";
import { followSearch } from "./follow.ts";
import { createProgress } from "./progress.ts";

/** What a search and its training look like at each poll; the last stays. */
let searchAnswers: object[] = [];
let trainingAnswers: object[] = [];
const next = (answers: object[]) => (answers.length > 1 ? answers.shift() : answers[0]);

const server = createServer((request, response) => {
  const body = new URL(request.url ?? "", "http://edge").pathname.endsWith("/trainings")
    ? { data: [next(trainingAnswers) ?? []].flat(), nextCursor: null }
    : next(searchAnswers);
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
});
let client: EdgeClient;
let lines: string[] = [];
const ctx = {
  signal: new AbortController().signal,
  progress: createProgress({ output: { write: (line) => lines.push(line) } }),
} as Context;

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  client = new EdgeClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, "token", ctx.signal);
});
afterAll(() => server.close());
beforeEach(() => {
  lines = [];
  trainingAnswers = [];
});

const searchAt = (round: number, state: string, failure: string | null = null) => ({
  id: "s1",
  name: "x",
  state,
  specification: specificationSchema.parse({ name: "x" }),
  failure,
  progress: { round, rounds: 2, frontSize: round, bestAccuracy: 50, evaluations: 8 * round },
});
const report = { testAccuracy: 81.5, parameters: 1000 };
const training = {
  id: "t1",
  hash: "h1",
  purpose: "final",
  state: "running",
  recipe: {},
  progress: { done: 1, total: 9, trainLoss: 1 },
  report: null,
};

describe("following a search", () => {
  test("ends when its rounds and its final training have ended", async () => {
    searchAnswers = [searchAt(0, "queued"), searchAt(2, "running"), searchAt(2, "completed")];
    trainingAnswers = [training, { ...training, state: "completed", report }];
    const { search, trainings } = await followSearch(ctx, client, "s1");
    expect(search.state).toBe("completed");
    expect(trainings).toMatchObject([{ id: "t1", report }]);
    expect(lines.join("")).toMatch(/Search: done in \d+ s \(front 2, 50.0 % by shared weights\)/);
    expect(lines.join("")).toMatch(/Final training: done in \d+ s \(test accuracy 81.50 %\)/);
  });

  test("shows short trainings apart from the final one, and returns only the final one", async () => {
    searchAnswers = [
      searchAt(2, "running"),
      searchAt(2, "running"),
      searchAt(2, "running"),
      searchAt(2, "completed"),
    ];
    const short = { ...training, id: "t0", purpose: "rerank" };
    const done = { ...short, state: "completed", progress: null };
    trainingAnswers = [
      [short, { ...done, hash: "h2" }],
      [done, { ...done, hash: "h2" }, { ...training, purpose: "final" }],
      [done, { ...done, hash: "h2" }, { ...training, purpose: "final", state: "completed", report }],
    ];
    const { trainings } = await followSearch(ctx, client, "s1");
    expect(trainings).toMatchObject([{ id: "t1", report }]);
    expect(lines.join("")).toMatch(/Short trainings: done in \d+ s \(2 completed\)/);
    expect(lines.join("")).toMatch(/Final training: done in \d+ s \(test accuracy 81.50 %\)/);
  });

  test("tells how much of its time the runner waited", async () => {
    const done = searchAt(2, "completed");
    searchAnswers = [{ ...done, progress: { ...done.progress, idleShare: 0.043 } }];
    trainingAnswers = [{ ...training, state: "completed", report }];
    await followSearch(ctx, client, "s1");
    expect(lines.join("")).toMatch(/50.0 % by shared weights, runner idle 4 %/);
  });

  test("fails when the search fails", async () => {
    searchAnswers = [searchAt(1, "failed", "no runner came back")];
    await expect(followSearch(ctx, client, "s1")).rejects.toThrow("Search s1 failed: no runner came back.");
  });

  test("fails when the caller's check does, such as of a runner that has ended", async () => {
    searchAnswers = [searchAt(1, "running")];
    const check = () => {
      throw new Error("The runner ended.");
    };
    await expect(followSearch(ctx, client, "s1", { check })).rejects.toThrow("The runner ended.");
  });
});
