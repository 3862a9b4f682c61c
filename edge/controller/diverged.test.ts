/** Networks without numbers, and accuracies on fewer images than were asked for. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Measurement, TrainRoundReport, TrainRoundTask } from "../../shared/protocol.ts";
import { type SpecificationInput, specificationSchema } from "../../shared/specification.ts";
import { standardErrorsOf } from "../front.ts";
import { amendCandidate } from "./amend.ts";
import { completeRound, currentTask, startSearch } from "./controller.ts";
import { divergenceOf } from "./merge.ts";
import type { ControllerState, RoundOutcome } from "./state.ts";

const runs = 150;
const imagesAsked = 100;

const input: SpecificationInput = {
  name: "diverging",
  objectives: [
    { name: "accuracy", goal: "maximize" },
    { name: "parameters", goal: "minimize" },
    { name: "latency", goal: "minimize" },
  ],
  space: { nodes: 1, normal: ["skip_connect", "sep_conv_3x3"], reduction: ["skip_connect", "max_pool_3x3"] },
  evaluation: { kind: "supernet", network: { channels: 16, layers: 5 } },
  schedule: {
    stepsPerRound: 1,
    warmupStepsPerRound: 1,
    policy: { candidates: 4, evaluationImages: imagesAsked },
    confirmation: { images: imagesAsked, architectures: 6 },
    stages: [{ layers: 3, channels: 4, steps: 5, warmupSteps: 1, drop: { normal: 0, reduction: 0 } }],
  },
};
const specification = specificationSchema.parse(input);

/** What a runner may say of a candidate, whatever its version. */
type Told = { loss: number | null; accuracy: number | null; images: number; isNamed: boolean } | "nothing";

const numbers = fc.double({ min: 0, max: 100, noNaN: true });
const told: fc.Arbitrary<Told> = fc.oneof(
  fc.constant("nothing" as const),
  fc.record({
    loss: fc.oneof(numbers, fc.constantFrom(null, Number.NaN, Number.POSITIVE_INFINITY)),
    accuracy: fc.oneof(
      { weight: 4, arbitrary: numbers },
      fc.constantFrom(null, Number.NaN, -1, 100.1, Number.POSITIVE_INFINITY),
    ),
    images: fc.oneof(
      { weight: 9, arbitrary: fc.integer({ min: 1, max: imagesAsked }) },
      fc.constantFrom(0, imagesAsked + 1),
    ),
    isNamed: fc.boolean(),
  }),
);

/** @param list of the first candidates; of the others nothing is told */
function reportOf(task: TrainRoundTask, list: readonly Told[]): TrainRoundReport {
  const known = task.candidates.flatMap((_, candidate) => {
    const one = list[candidate] ?? "nothing";
    return one === "nothing" ? [] : [{ candidate, ...one }];
  });
  return {
    kind: "trainRound",
    leaseId: "l",
    trainLoss: 1,
    digest: "0",
    seconds: { train: 0, evaluate: 0, idle: 0 },
    measurements: known.map(
      ({ candidate, accuracy, images, loss }): Measurement => ({
        candidate,
        values: { accuracy, latency: 1 },
        images,
        loss,
      }),
    ),
    diverged: known.filter(({ isNamed }) => isNamed).map(({ candidate }) => candidate),
  };
}

const sound = (accuracy: number, images = imagesAsked): Told => ({
  loss: 1,
  accuracy,
  images,
  isNamed: false,
});
const lost: Told = { loss: null, accuracy: 96.67, images: imagesAsked, isNamed: false };
const others = [sound(20), sound(20), sound(20)];

const taskOf = (state: ControllerState): TrainRoundTask => {
  const task = currentTask(state);
  if (task?.kind !== "trainRound") throw new Error("the search is over");
  return task;
};

function afterWarmup(of = specification): ControllerState {
  const state = startSearch(of, "s");
  return completeRound(state, of, reportOf(taskOf(state), [])).state;
}

/** The outcome of a round; null where the report is refused. */
function outcomeOf(state: ControllerState, report: TrainRoundReport): RoundOutcome | null {
  try {
    return completeRound(state, specification, report);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

describe("a loss that is no number", () => {
  const hasNumbers = (one: Told): boolean =>
    one !== "nothing" && !one.isNamed && one.loss !== null && Number.isFinite(one.loss);

  test("puts no row on a front, whatever else a report says", () => {
    const reports = fc.array(fc.array(told, { minLength: 6, maxLength: 6 }), { minLength: 5, maxLength: 15 });
    let accepted = 0;
    fc.assert(
      fc.property(reports, (list) => {
        let state = startSearch(specification, "s");
        /** Whether what was told of an architecture last had numbers. */
        const isSound = new Map<string, boolean>();
        for (const round of list) {
          if (currentTask(state) === null) break;
          const outcome = outcomeOf(state, reportOf(taskOf(state), round));
          if (outcome === null) continue;
          accepted++;
          for (const [index, { hash, failure, values }] of outcome.record.candidates.entries()) {
            const one = round[index] ?? "nothing";
            if (one === "nothing") continue;
            expect(failure).toBe(hasNumbers(one) ? undefined : "diverged");
            if (failure === "diverged") expect(values.accuracy).toBeNull();
            if (failure === "diverged" || values.accuracy !== null) isSound.set(hash, failure === undefined);
          }
          for (const { hash, values } of outcome.archive.filter(({ onFront }) => onFront)) {
            expect(isSound.get(hash)).toBe(true);
            expect(values.accuracy).toBeGreaterThanOrEqual(0);
            expect(values.accuracy).toBeLessThanOrEqual(100);
          }
          for (const hash of [...outcome.best, ...outcome.rerank]) expect(isSound.get(hash)).toBe(true);
          state = JSON.parse(JSON.stringify(outcome.state)) as ControllerState;
        }
      }),
      { numRuns: runs, seed: 17 },
    );
    expect(accepted).toBeGreaterThan(2 * runs);
  });

  test("takes a member off the front that once had one, and its row says so", () => {
    const state = afterWarmup();
    const first = completeRound(state, specification, reportOf(taskOf(state), [sound(90), ...others]));
    const member = first.archive.find(({ values }) => values.accuracy === 90);
    const [candidate] = taskOf(first.state).candidates;
    if (member?.onFront !== true || candidate === undefined) throw new Error("nothing was on the front");
    candidate.selection = member.selection;
    const second = completeRound(
      first.state,
      specification,
      reportOf(taskOf(first.state), [lost, ...others]),
    );
    expect(second.archive.find(({ hash }) => hash === member.hash)).toMatchObject({
      onFront: false,
      feasible: false,
      images: 0,
      values: { accuracy: null },
    });
    expect(second.events).toContainEqual({
      type: "candidates.diverged",
      data: { round: 2, diverged: 1, candidates: 4 },
    });
  });

  test("of all candidates, or of the training, means that the round leads nowhere", () => {
    const task = taskOf(afterWarmup());
    expect(divergenceOf(task, reportOf(task, [lost, lost, lost, lost]))).toMatch(/none of 4 candidates/);
    expect(divergenceOf(task, reportOf(task, [lost, lost, lost, sound(1)]))).toBeNull();
    expect(divergenceOf(task, reportOf(task, []))).toBeNull();
    const untrained = { ...reportOf(task, [sound(1)]), trainLoss: null };
    expect(divergenceOf(task, untrained)).toMatch(/diverged: the loss of round 1/);
  });

  test("is not amended away by an accuracy that comes late", () => {
    const state = afterWarmup();
    const task = taskOf(state);
    const { record, ...outcome } = completeRound(state, specification, reportOf(task, [lost, ...others]));
    expect(() =>
      amendCandidate(outcome.state, specification, { ...record, task }, 0, { accuracy: 96 }),
    ).toThrow(/candidate 0 of round 1 diverged/);
  });
});

describe("the images behind an accuracy", () => {
  test("are those that were measured, not those that were asked for, and errors follow from them", () => {
    const state = afterWarmup();
    const list = [sound(50, 18), sound(10, 18), sound(10, 18), sound(10, 18)];
    const { archive } = completeRound(state, specification, reportOf(taskOf(state), list));
    const row = archive.find(({ values }) => values.accuracy === 50);
    expect(row?.images).toBe(18);
    const { accuracy } = standardErrorsOf(row?.values ?? {}, row?.images ?? 0);
    expect(accuracy).toBeCloseTo(100 * Math.sqrt(0.25 / 20), 5);
  });

  test("count once, however often an architecture is measured on the same", () => {
    const facts = {
      image: { height: 8, width: 8, channels: 3 },
      classes: 2,
      trainImages: 36,
      testImages: 4,
    };
    const few = { ...specification, dataset: { name: "few", facts } };
    let state = afterWarmup(few);
    for (let round = 0; round < 3; round++) {
      const task = taskOf(state);
      const [candidate] = task.candidates;
      const [known] = state.archive;
      if (candidate !== undefined && known !== undefined) candidate.selection = known.selection;
      state = completeRound(state, few, reportOf(task, [sound(50, 18)])).state;
    }
    expect(state.archive.map(({ images }) => images)).toEqual([18]);
  });

  test("count once where another value of their candidate comes late", () => {
    const state = afterWarmup();
    const task = taskOf(state);
    const full = reportOf(task, [sound(50), ...others]);
    const measurements = full.measurements.map((one) => ({
      ...one,
      values: { accuracy: one.values.accuracy ?? null },
    }));
    const outcome = completeRound(state, specification, { ...full, measurements });
    const recorded = { ...outcome.record, task };
    const amended = amendCandidate(outcome.state, specification, recorded, 0, { latency: 3 });
    const hash = outcome.record.candidates[0]?.hash;
    const [before, after] = [outcome.state, amended.state].map(({ archive }) =>
      archive.find((entry) => entry.hash === hash),
    );
    expect(before?.images).toBeGreaterThanOrEqual(imagesAsked);
    expect(after).toMatchObject({
      images: before?.images,
      values: { accuracy: before?.values.accuracy, latency: 3 },
    });
  });

  test.each([0, imagesAsked + 1, 1.5])("are between 1 and those that were asked for: not %d", (images) => {
    const state = afterWarmup();
    const report = reportOf(taskOf(state), [sound(50, images), ...others]);
    expect(() => completeRound(state, specification, report)).toThrow(/must be 1 to 100/);
  });
});
