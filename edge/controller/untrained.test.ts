/** What a search makes of architectures that were scored without training. */

import { describe, expect, test } from "vitest";
import { codeOf, codeOfText, positionsOf, selectionOf, textOf } from "../../shared/code.ts";
import { spaceOf } from "../../shared/networkCosts.ts";
import type { ScoreReport, ScoreTask, TrainRoundReport, TrainRoundTask } from "../../shared/protocol.ts";
import { type SpecificationInput, scheduleLength, specificationSchema } from "../../shared/specification.ts";
import { assumedMacsPerSecond, workOf } from "../../shared/trainingCost.ts";
import type { UntrainedScores } from "../../shared/untrained.ts";
import { checkSpecification } from "../../shared/validate.ts";
import { Context } from "./context.ts";
import { completeRound, currentTask, startSearch } from "./controller.ts";
import { beginTraining } from "./halving.ts";
import type { ControllerState } from "./state.ts";

const untrained = { architectures: 40 };
const input: SpecificationInput = {
  name: "scored",
  strategy: { name: "nsga2" },
  objectives: [
    { name: "accuracy", goal: "maximize" },
    { name: "parameters", goal: "minimize", limit: 80_000 },
  ],
  evaluation: { kind: "supernet", network: { channels: 8, layers: 5 }, untrained },
  schedule: {
    stepsPerRound: 4,
    warmupStepsPerRound: 10,
    policy: { candidates: 5, evaluationImages: 100 },
    stages: [{ layers: 3, channels: 4, steps: 40, warmupSteps: 15, drop: { normal: 4, reduction: 2 } }],
  },
};
const specification = specificationSchema.parse(input);
const byTraining = specificationSchema.parse({
  ...input,
  schedule: undefined,
  evaluation: { kind: "training", network: { channels: 8, layers: 5 }, untrained, architectures: 12 },
});
const positions = positionsOf(spaceOf(specification));
const seconds = { train: 0, evaluate: 0, idle: 0 };

const alike = (value: number): UntrainedScores => ({
  expressivity: value,
  progressivity: value,
  trainability: -value,
  macs: value,
  distinctPatterns: value,
});

const scoreTaskOf = (of = specification) => currentTask(startSearch(of, "s")) as ScoreTask;

const scoreReport = (scores: ScoreReport["scores"]): ScoreReport => ({
  kind: "score",
  leaseId: "l",
  scores,
  measurements: [],
  digest: "0",
  seconds,
});

const trained: TrainRoundReport = {
  kind: "trainRound",
  leaseId: "l",
  trainLoss: 1,
  digest: "0",
  seconds,
  measurements: [],
};

const trainTaskOf = (state: ControllerState) => currentTask(state) as TrainRoundTask;

const afterScores = (scores: ScoreReport["scores"], of = specification) =>
  completeRound(startSearch(of, "s"), of, scoreReport(scores));

/** The candidates of the first round that measures any, as text of their codes. */
function firstCandidates(scores: ScoreReport["scores"]): string[] {
  let { state } = afterScores(scores);
  while (trainTaskOf(state).candidates.length === 0)
    state = completeRound(state, specification, trained).state;
  return trainTaskOf(state).candidates.map(({ selection }) => textOf(codeOf(positions, selection)));
}

describe("architectures that are scored without training", () => {
  const { codes } = scoreTaskOf();
  const parameters = codes.map(
    (code) => new Context(specification).cheap(selectionOf(positions, codeOfText(code))).parameters as number,
  );
  // Scores that fall with the size leave one that nothing beats.
  const forSmall = parameters.map((count) => ({ ...alike(1e6 - count), trainability: -count }));
  const smallest = codes[parameters.indexOf(Math.min(...parameters))] as string;

  test("are as many different ones as were asked for, within the limits, before any weight step", () => {
    expect(new Set(codes).size).toBe(40);
    for (const count of parameters) expect(count).toBeLessThanOrEqual(80_000);
    const { state, record, done, events } = afterScores(forSmall);
    expect(done).toBe(false);
    expect(events.map(({ type }) => type)).toEqual(["search.started"]);
    expect(record).toMatchObject({ round: 0, phase: "warmup", candidates: [] });
    expect(trainTaskOf(state)).toMatchObject({ kind: "trainRound", round: 1, firstStep: 0, steps: 10 });
  });

  test("are none where the specification asks for none, and count as a round where it does", () => {
    const evaluation = { ...(input.evaluation as object), untrained: { architectures: 0 } };
    const without = specificationSchema.parse({ ...input, evaluation });
    expect(scoreTaskOf(without)).toMatchObject({ kind: "trainRound", round: 0 });
    expect(scheduleLength(specification).rounds).toBe(scheduleLength(without).rounds + 1);
  });

  test("are what the search starts from, the best of each size first", () => {
    const first = firstCandidates(forSmall);
    expect(first[0]).toBe(smallest);
    expect(first.every((code) => codes.includes(code))).toBe(true);
    expect(first).toHaveLength(5);
  });

  test("are spread over multiply-adds where another objective is not known yet", () => {
    const objectives: SpecificationInput["objectives"] = [
      { name: "accuracy", goal: "maximize" },
      { name: "latency", goal: "minimize", device: "phone", target: 5 },
    ];
    const onDevice = specificationSchema.parse({ ...input, objectives });
    const task = scoreTaskOf(onDevice);
    // The score grows with multiply-adds: each is the best of its size, and the ends are the loneliest.
    const scores = task.codes.map((_, index) => ({ ...alike(index + 1), trainability: index - 100 }));
    const { state } = afterScores(scores, onDevice);
    const first = (state.scored ?? []).slice(0, 2).map((code) => task.codes.indexOf(code));
    expect(first.toSorted((a, b) => a - b)).toEqual([0, 39]);
  });

  test("are what a search by training begins with, and nothing is trained before", () => {
    const begun = startSearch(byTraining, "s");
    expect(beginTraining(begun, byTraining)).toMatchObject({ chosen: null, end: null });
    const { state } = afterScores(forSmall, byTraining);
    expect(currentTask(state)).toBeNull();
    const { chosen } = beginTraining(state, byTraining);
    expect(textOf(codeOf(positions, chosen?.selection ?? {}))).toBe(smallest);
    expect(chosen?.ended).toBe(0);
  });

  test("without numbers are left out", () => {
    const first = firstCandidates(codes.map((_, index) => (index < 3 ? alike(index + 1) : null)));
    expect(first.filter((code) => codes.includes(code)).length).toBeGreaterThan(0);
    for (const code of first) expect(codes.indexOf(code)).toBeLessThan(3);
    const none = firstCandidates(codes.map(() => null));
    expect(none.some((code) => codes.includes(code))).toBe(false);
  });

  test("must each have their scores", () => {
    expect(() => firstCandidates([alike(1)])).toThrow(/40 architectures to score, not 1/);
  });
});

describe("how many are scored, where nothing is said of it", () => {
  const sized = (change: Partial<SpecificationInput>): number | undefined => {
    const { specification: checked } = checkSpecification({ name: "sized", ...change }, "elsewhere");
    return checked?.evaluation.kind === "tabular" ? undefined : checked?.evaluation.untrained?.architectures;
  };

  test("grows with the length of the search up to a limit", () => {
    const short = sized({ schedule: { preset: "demo-3" } }) ?? 0;
    const long = sized({ schedule: { preset: "demo-10" } }) ?? 0;
    expect(short).toBeGreaterThanOrEqual(16);
    expect(long).toBeGreaterThan(short);
    expect(sized({ schedule: { preset: "tnd-nas-cifar10" }, dataset: { name: "cifar10" } })).toBe(1500);
    expect(sized({ evaluation: { kind: "training" } })).toBeGreaterThan(100);
  });

  test("costs a fifth of a budget at most", () => {
    const hours = 0.1;
    const evaluation: SpecificationInput["evaluation"] = { kind: "training", architectures: 200 };
    const all = sized({ evaluation });
    const some = sized({ evaluation, budget: { wallClockHours: hours } }) ?? 0;
    expect(all).toBe(1500);
    expect(some).toBeLessThan(all ?? 0);
    const budget = { wallClockHours: hours };
    const { specification: checked } = checkSpecification({ name: "sized", evaluation, budget }, "elsewhere");
    const { scoring } = workOf(checked ?? specification);
    expect(scoring / assumedMacsPerSecond).toBeLessThanOrEqual(3600 * hours * 0.2);
  });

  test("is what the specification says where it does", () => {
    expect(sized({ evaluation: { kind: "supernet", untrained: { architectures: 0 } } })).toBe(0);
    expect(sized({ evaluation: { kind: "supernet", untrained: { architectures: 5 } } })).toBe(5);
  });
});
