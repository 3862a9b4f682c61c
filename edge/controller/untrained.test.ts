/** What a search makes of architectures that were scored without training. */

import { describe, expect, test } from "vitest";
import { codeOf, codeOfText, positionsOf, selectionOf, textOf } from "../../shared/code.ts";
import { spaceOf } from "../../shared/networkCosts.ts";
import type { TrainRoundReport, TrainRoundTask } from "../../shared/protocol.ts";
import { type SpecificationInput, specificationSchema } from "../../shared/specification.ts";
import type { UntrainedScores } from "../../shared/untrained.ts";
import { checkSpecification } from "../../shared/validate.ts";
import { Context } from "./context.ts";
import { completeRound, currentTask, startSearch } from "./controller.ts";
import type { ControllerState } from "./state.ts";

const input: SpecificationInput = {
  name: "scored",
  strategy: { name: "nsga2" },
  objectives: [
    { name: "accuracy", goal: "maximize" },
    { name: "parameters", goal: "minimize", limit: 80_000 },
  ],
  evaluation: { kind: "supernet", network: { channels: 8, layers: 5 }, untrained: { architectures: 40 } },
  schedule: {
    stepsPerRound: 4,
    warmupStepsPerRound: 10,
    policy: { candidates: 5, evaluationImages: 100 },
    stages: [{ layers: 3, channels: 4, steps: 40, warmupSteps: 15, drop: { normal: 4, reduction: 2 } }],
  },
};
const specification = specificationSchema.parse(input);
const positions = positionsOf(spaceOf(specification));

const taskOf = (state: ControllerState) => currentTask(state) as TrainRoundTask;

const alike = (value: number): UntrainedScores => ({
  expressivity: value,
  progressivity: value,
  trainability: -value,
  macs: value,
  distinctPatterns: value,
});

const reportOf = (untrained?: TrainRoundReport["untrained"]): TrainRoundReport => ({
  kind: "trainRound",
  leaseId: "l",
  trainLoss: 1,
  digest: "0",
  seconds: { train: 0, evaluate: 0, idle: 0 },
  measurements: [],
  ...(untrained === undefined ? {} : { untrained }),
});

/** The candidates of the first round that measures any, as text of their codes. */
function firstCandidates(untrained?: TrainRoundReport["untrained"]): string[] {
  let { state } = completeRound(startSearch(specification, "s"), specification, reportOf(untrained));
  while (taskOf(state).candidates.length === 0) state = completeRound(state, specification, reportOf()).state;
  return taskOf(state).candidates.map(({ selection }) => textOf(codeOf(positions, selection)));
}

describe("architectures that are scored without training", () => {
  const { untrained } = taskOf(startSearch(specification, "s"));
  const codes = untrained?.codes ?? [];

  test("are as many different ones as were asked for, within the limits, in the first round alone", () => {
    expect(new Set(codes).size).toBe(40);
    const context = new Context(specification);
    for (const code of codes) {
      const selection = selectionOf(positions, codeOfText(code));
      expect(context.cheap(selection).parameters).toBeLessThanOrEqual(80_000);
    }
    const { state } = completeRound(startSearch(specification, "s"), specification, reportOf());
    expect(taskOf(state).untrained).toBeUndefined();
  });

  test("are none where the specification asks for none", () => {
    const { untrained: _, ...evaluation } = { untrained: undefined, ...(input.evaluation as object) };
    const without = specificationSchema.parse({ ...input, evaluation });
    expect(taskOf(startSearch(without, "s")).untrained).toBeUndefined();
  });

  test("are what the search starts from, the best of each size first", () => {
    const random = firstCandidates();
    expect(random.some((code) => codes.includes(code))).toBe(false);
    const parameters = codes.map(
      (code) =>
        new Context(specification).cheap(selectionOf(positions, codeOfText(code))).parameters as number,
    );
    // Scores that fall with the size leave one that nothing beats; it comes first, then what only it beats.
    const smallest = codes[parameters.indexOf(Math.min(...parameters))];
    const first = firstCandidates(
      parameters.map((count) => ({ ...alike(1e6 - count), trainability: -count })),
    );
    expect(first[0]).toBe(smallest);
    expect(first.every((code) => codes.includes(code))).toBe(true);
    expect(first.length).toBe(5);
  });

  test("without numbers are left out, and a runner that scores nothing changes nothing", () => {
    const scored = codes.map((_, index) => (index < 3 ? alike(index + 1) : null));
    const first = firstCandidates(scored);
    expect(first.filter((code) => codes.includes(code)).length).toBeGreaterThan(0);
    for (const code of first) expect(codes.indexOf(code)).toBeLessThan(3);
    expect(firstCandidates()).toEqual(firstCandidates(codes.map(() => null)));
  });

  test("must each have their scores", () => {
    expect(() => firstCandidates([alike(1)])).toThrow(/40 architectures to score, not 1/);
  });

  test("are refused where no warm-up round can score them", () => {
    const schedule = { stages: [{ layers: 3, channels: 4, steps: 40, drop: { normal: 4, reduction: 2 } }] };
    const { errors } = checkSpecification({ ...input, schedule }, "elsewhere") as { errors: object[] };
    expect(JSON.stringify(errors)).toMatch(/evaluation\/untrained.*warmupSteps/);
  });
});
