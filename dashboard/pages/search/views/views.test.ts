import { expect, test } from "vitest";
import type { Policy, PolicyAt, Timeline } from "../../../app/api.ts";
import { Candidates } from "../candidates.ts";
import { faultOf } from "./faults.ts";
import { axesOf, rowsOf } from "./objectiveRows.ts";
import { heatOf, mostOf, operationsOf, spansOf, stepsOf } from "./policySteps.ts";
import { packed, type TimelineInput, timelineData } from "./timelineData.ts";

const at = (round: number, stage: number, probabilities: Record<string, number>): PolicyAt => ({
  round,
  stage,
  phase: "search",
  cells: { normal: [{ position: 0, from: 0, to: 2, probabilities }] },
});
const policy: Policy = {
  ...at(3, 1, { conv: 1 }),
  strategy: "default",
  prunings: [
    {
      stage: 0,
      round: 1,
      kind: "normal",
      position: 0,
      kept: ["conv"],
      dropped: ["none", "skip"],
      probabilities: { none: 0.1, skip: 0.2, conv: 0.7 },
      reasons: { none: "evidence", skip: "schedule" },
      protected: [],
      effects: null,
    },
  ],
  stages: [{ stage: 0, minimum: 4, maximum: 9, trainedSteps: { normal: [{ none: 4, skip: 9, conv: 9 }] } }],
};
const history = [
  at(0, 0, { none: 0.3, skip: 0.3, conv: 0.4 }),
  at(1, 0, { none: 0.1, skip: 0.2, conv: 0.7 }),
  at(2, 1, { conv: 1 }),
];

test("the slider goes through every round that is kept to the policy of now, stage by stage", () => {
  const steps = stepsOf(history, policy, false);
  expect(steps.map(({ round, moment }) => [round, moment])).toEqual([
    [0, "past"],
    [1, "past"],
    [2, "past"],
    [3, "now"],
  ]);
  expect(spansOf(steps)).toEqual([
    { stage: 0, first: 0, count: 2 },
    { stage: 1, first: 2, count: 2 },
  ]);
  expect(stepsOf([], policy, true).map(({ moment }) => moment)).toEqual(["end"]);
});

test("what was pruned keeps its column, with why and how often it was trained", () => {
  const steps = stepsOf(history, policy, false);
  const operations = operationsOf(steps, policy).get("normal") ?? [];
  expect(operations).toEqual(["none", "skip", "conv"]);
  const [first, last] = [steps[0], steps.at(-1)];
  if (first === undefined || last === undefined) throw new Error("steps are there");
  const input = { policy, kind: "normal", operations, most: mostOf(steps), marked: null };
  expect(heatOf({ ...input, step: first }).cells[0]?.map(({ probability }) => probability)).toEqual([
    0.3, 0.3, 0.4,
  ]);
  expect(heatOf({ ...input, step: last }).cells[0]).toEqual([
    { probability: null, reason: "evidence", stage: 0, trainedSteps: 4 },
    { probability: null, reason: "schedule", stage: 0, trainedSteps: 9 },
    { probability: 1, trainedSteps: 9 },
  ]);
});

test("an architecture is one row: of the front as told, else with what was measured of it last", () => {
  const candidates = new Candidates();
  candidates.append({
    round: [0, 1, 1],
    stage: [0, 0, 0],
    hash: ["a", "a", "b"],
    feasible: [true, true, true],
    loss: [null, null, null],
    reward: [null, null, null],
    values: { accuracy: [50, 60, 70], latency: [4, null, null] },
  });
  const front = [{ hash: "b", values: { accuracy: 71 }, feasible: true }];
  expect(rowsOf(candidates, front, ["accuracy", "latency"])).toEqual([
    { hash: "b", values: [71, null], isFeasible: true, isOnFront: true },
    { hash: "a", values: [60, 4], isFeasible: true, isOnFront: false },
  ]);
});

test("a filter in the address that is no number filters nothing", () => {
  const query = new URLSearchParams("min_accuracy=80&max_accuracy=many&max_parameters=");
  const [accuracy, parameters] = axesOf(
    [
      { name: "accuracy", goal: "maximize" },
      { name: "parameters", goal: "minimize" },
    ],
    query,
  );
  expect(accuracy).toMatchObject({ atLeast: 80, atMost: undefined });
  expect(parameters).toMatchObject({ atLeast: undefined, atMost: undefined });
});

const clock = (minute: number) => new Date(Date.UTC(2026, 2, 2, 9, minute)).toISOString();
const event = (sequence: number, minute: number, type: string, data = {}) => ({
  sequence,
  type,
  data,
  createdAt: clock(minute),
});
const input: TimelineInput = {
  search: { state: "running", createdAt: clock(0), startedAt: clock(5), finishedAt: null },
  events: [
    event(1, 5, "runner.joined", { runnerId: "r1" }),
    event(2, 20, "runner.lost", { runnerId: "r1" }),
    event(3, 20, "runner.joined", { runnerId: "r2" }),
    event(4, 30, "search.paused"),
    event(5, 30, "runner.left", { runnerId: "r2" }),
    event(6, 40, "search.resumed"),
    event(7, 41, "runner.joined", { runnerId: "r2" }),
  ],
  series: {
    round: [0, 1],
    stage: [0, 0],
    createdAt: [clock(10), clock(12)],
    trainSeconds: [60, 60],
    evaluateSeconds: [0, 30],
    idleSeconds: [0, 0],
  },
  trainings: [],
  timeline: {
    runners: [{ id: "r2", name: "<b>second</b>", backend: "wasm", threads: 2, registeredAt: clock(19) }],
    leases: [{ trainingId: null, runnerId: "r2", isHeld: true, expiresAt: clock(51), attempts: 1 }],
    instances: [],
    checkpoints: [{ trainingId: null, round: 1, bytes: 1024, createdAt: clock(13) }],
  } satisfies Timeline,
  nowMs: Date.parse(clock(50)),
};

test("a runner works from when it joined until it left or was lost, and the one with the lease until now", () => {
  const { bars, lanes, marks } = timelineData(input);
  const of = (lane: string) => bars.filter((bar) => lanes[bar.lane] === lane);
  const minutes = (lane: string) =>
    of(lane).map(({ fromMs, toMs, kind }) => [
      new Date(fromMs).getMinutes(),
      new Date(toMs).getMinutes(),
      kind,
    ]);
  expect(minutes("Runners")).toEqual([
    [5, 20, "bad"],
    [20, 30, "train"],
    [41, 50, "train"],
  ]);
  expect(of("Runners").map(({ title }) => title)).toEqual(["r1", "<b>second</b>", "<b>second</b>"]);
  expect(minutes("Search")).toEqual([
    [0, 5, "wait"],
    [5, 30, "work"],
    [30, 40, "pause"],
    [40, 50, "work"],
  ]);
  expect(marks.map(({ kind, words }) => [kind, words])).toEqual([
    ["checkpoint", "Checkpoint of the rounds up to 1, 1 KiB."],
    ["fault", "A runner was not heard of again: runner r1"],
  ]);
});

test("what overlaps goes to rows of its own, at most so many", () => {
  expect(
    packed([
      { fromMs: 0, toMs: 10 },
      { fromMs: 5, toMs: 15 },
      { fromMs: 10, toMs: 20 },
    ]),
  ).toEqual({ count: 2, rowOf: [0, 1, 0] });
  expect(packed(Array.from({ length: 50 }, () => ({ fromMs: 0, toMs: 1 }))).count).toBe(6);
});

test("thousands of rounds are few bars", () => {
  const count = 5000;
  const column = <T>(value: (index: number) => T) =>
    Array.from({ length: count }, (_, index) => value(index));
  const series = {
    round: column((index) => index),
    stage: column((index) => (index < 2500 ? 0 : 1)),
    createdAt: column((index) => new Date(Date.UTC(2026, 2, 2) + index * 10_000).toISOString()),
    trainSeconds: column(() => 8),
    evaluateSeconds: column(() => 1),
    idleSeconds: column(() => 1),
  };
  const { bars, lanes } = timelineData({ ...input, series });
  const rounds = bars.filter(({ lane }) => lanes[lane] === "Rounds");
  expect(rounds.length).toBeLessThanOrEqual(242);
  expect(rounds.at(-1)?.words).toContain("4,999");
});

test("a fault tells why in the words of whoever told it; another event is none", () => {
  expect(
    faultOf({ type: "task.failed", data: { round: 3, attempt: 1, message: "NaN at step 4" } }),
  ).toMatchObject({
    reason: "NaN at step 4 — round 3, attempt 1",
    isBad: true,
  });
  expect(
    faultOf({ type: "rental.waiting", data: { problem: "no offer", detail: "none under $1" } })?.reason,
  ).toBe("none under $1");
  expect(faultOf({ type: "front.improved", data: {} })).toBeNull();
  expect(faultOf({ type: "constructor", data: {} })).toBeNull();
});
