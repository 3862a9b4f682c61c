import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { RoundReport, TrainRoundReport, TrainRoundTask } from "../../shared/protocol.ts";
import {
  resolveSchedule,
  type SpecificationInput,
  scheduleLength,
  specificationSchema,
  type TabularEvaluation,
} from "../../shared/specification.ts";
import { checkSpecification } from "../../shared/validate.ts";
import { Context } from "./context.ts";
import { completeRound, currentTask, startSearch } from "./controller.ts";
import { policyView } from "./policyView.ts";
import { reward } from "./reward.ts";
import type { ControllerState } from "./state.ts";

const small: SpecificationInput = {
  name: "small",
  objectives: [
    { name: "accuracy", goal: "maximize" },
    { name: "parameters", goal: "minimize", target: 300_000 },
  ],
  evaluation: { kind: "supernet", network: { channels: 16, layers: 5 } },
  schedule: {
    stepsPerRound: 4,
    warmupStepsPerRound: 10,
    policy: { candidates: 5, evaluationImages: 100 },
    stages: [
      { layers: 3, channels: 4, steps: 40, warmupSteps: 15, drop: { normal: 4, reduction: 2 } },
      { layers: 3, channels: 4, steps: 30, warmupSteps: 10, drop: { normal: 5, reduction: 3 } },
    ],
  },
};

const trainTask = (state: ControllerState) => currentTask(state) as TrainRoundTask | null;

/** A measurement that depends on the selection alone: more convolutions, better accuracy. */
function report(
  state: ControllerState,
  missing: (candidate: number) => boolean = () => false,
): TrainRoundReport {
  const task = currentTask(state);
  return {
    kind: "trainRound",
    leaseId: "l",
    trainLoss: 1,
    digest: "0",
    seconds: { train: 0, evaluate: 0, idle: 0 },
    measurements: (task?.candidates ?? []).flatMap(({ selection }, candidate) =>
      missing(candidate)
        ? []
        : [
            {
              candidate,
              values: {
                accuracy: 50 + (selection.normal ?? []).filter((op) => op.includes("conv")).length,
              },
              images: 100,
              loss: 1,
            },
          ],
    ),
  };
}

function run(input: SpecificationInput, missing?: (candidate: number) => boolean) {
  const specification = specificationSchema.parse(input);
  let state = startSearch(specification, "s");
  const outcomes = [];
  while (currentTask(state) !== null) {
    const outcome = completeRound(state, specification, report(state, missing), {});
    state = JSON.parse(JSON.stringify(outcome.state)) as ControllerState;
    outcomes.push(outcome);
    if (outcomes.length > 5000) throw new Error("the search does not end");
  }
  return { outcomes, state, specification };
}

describe("a search", () => {
  test("runs its rounds and stages to the end and names the architecture to train", () => {
    const { outcomes, specification } = run(small);
    expect(outcomes.length).toBe(scheduleLength(specification).rounds);
    expect(outcomes.map(({ record }) => record.round)).toEqual(outcomes.map((_, index) => index));
    const last = outcomes.at(-1);
    expect(last?.done).toBe(true);
    expect(last?.best.length).toBe(1);
    expect(
      outcomes.filter(({ events }) => events.some(({ type }) => type === "stage.completed")).length,
    ).toBe(2);
  });

  test("has nothing on its front whose network does not see its image, however well it scores", () => {
    const specification = specificationSchema.parse(small);
    let state = startSearch(specification, "s");
    while (currentTask(state)?.candidates.length === 0)
      state = completeRound(state, specification, report(state)).state;
    const [first] = currentTask(state)?.candidates ?? [];
    // The last of 5 cells is a normal one.
    if (first?.selection.normal) first.selection.normal = first.selection.normal.map(() => "none");
    const scored = report(state);
    for (const { candidate, values } of scored.measurements) if (candidate === 0) values.accuracy = 99;
    const { record, archive } = completeRound(state, specification, scored);
    const [cut, ...others] = record.candidates;
    expect(cut?.feasible).toBe(false);
    expect(others.some(({ feasible }) => feasible)).toBe(true);
    expect(archive.filter(({ onFront }) => onFront).map(({ hash }) => hash)).not.toContain(cut?.hash);
  });

  test("is the same, round for round, for the same seed, and another for another seed", () => {
    const trace = (seed: number) =>
      JSON.stringify(run({ ...small, seed }).outcomes.map(({ record }) => record));
    expect(trace(5)).toBe(trace(5));
    expect(trace(5)).not.toBe(trace(6));
  });

  describe.each(["default", "nsga2"] as const)("on a table, with %s", (name) => {
    const hashesOf = (isomorphic: "apart" | "one") => {
      const specification = specificationSchema.parse({
        name: "table",
        strategy: { name },
        space: { skeleton: "nas-bench-201", nodes: 3, normal: ["none", "skip_connect", "nor_conv_1x1"] },
        evaluation: { kind: "tabular", table: "t", architecture: "a", reward: "r", isomorphic },
        objectives: [{ name: "accuracy", goal: "maximize" }],
        budget: { evaluations: 729 },
      });
      const canonical = new Context({
        ...specification,
        evaluation: { ...specification.evaluation, isomorphic: "one" } as TabularEvaluation,
      });
      const hashes: string[] = [];
      let state = startSearch(specification, "s");
      for (let task = currentTask(state); task !== null; task = currentTask(state)) {
        hashes.push(...task.candidates.map(({ selection }) => canonical.hash(selection)));
        const measurements = task.candidates.map(({ selection }, candidate) => {
          const accuracy = selection.normal?.filter((operation) => operation === "nor_conv_1x1").length ?? 0;
          return { candidate, values: { accuracy }, images: 0, loss: null };
        });
        const looked: RoundReport = {
          kind: "tabular",
          leaseId: "l",
          digest: "0",
          seconds: { train: 0, evaluate: 0, idle: 0 },
          measurements,
        };
        state = completeRound(state, specification, looked).state;
      }
      return hashes;
    };

    test("looks up every row by default, and isomorphic cells once where they are one", () => {
      const [apart, one] = [hashesOf("apart"), hashesOf("one")];
      expect(apart).toHaveLength(729);
      expect(new Set(one).size).toBe(one.length);
      expect(one.length).toBe(new Set(apart).size);
      expect(one.length).toBeLessThan(729);
    });
  });

  test("goes on when any measurements are missing", () => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.boolean()), (holes) => {
        const { outcomes } = run(small, () => holes.next().value as boolean);
        expect(outcomes.at(-1)?.done).toBe(true);
      }),
      { numRuns: 5, seed: 1 },
    );
  });

  test("keeps its state small and drops operations between stages only", () => {
    const { outcomes } = run(small);
    for (const { state } of outcomes) expect(JSON.stringify(state).length).toBeLessThan(200_000);
    const sizes = outcomes.map(({ state }) => state.choices.normal?.[0]?.length);
    expect(new Set(sizes)).toEqual(new Set([10, 6]));
  });

  test("ends after confirming what it has when the budget of evaluations is spent", () => {
    const { outcomes } = run({ ...small, budget: { evaluations: 10 } });
    expect(outcomes.filter(({ record }) => record.phase === "search").length).toBe(2);
    expect(outcomes.at(-1)?.record.phase).toBe("confirm");
    expect(outcomes.at(-1)?.best.length).toBe(1);
  });

  test("a task announces the next round's weight steps exactly where nothing that is measured decides them", () => {
    const pairs = (schedule: object, budget = {}) => {
      const specification = specificationSchema.parse({
        ...small,
        budget,
        schedule: { ...small.schedule, ...schedule },
      });
      const found: { phase: string; ahead: unknown; next: unknown }[] = [];
      let state = startSearch(specification, "s");
      for (let done = false; !done; ) {
        const { phase } = state;
        const task = trainTask(state);
        const outcome = completeRound(state, specification, report(state));
        ({ state, done } = outcome);
        const following = done ? null : trainTask(state);
        found.push({
          phase: `${phase} ${task?.stage.index}`,
          ahead: task?.ahead,
          next: following && {
            steps: following.steps,
            paths: following.paths,
            skipDropout: following.skipDropout,
          },
        });
      }
      return found;
    };
    const fair = pairs({});
    for (const { ahead, next } of fair) if (ahead !== undefined) expect(ahead).toEqual(next);
    const without = fair.filter(({ ahead }) => ahead === undefined).map(({ phase }) => phase);
    expect(without).toEqual(["search 0", "confirm 0", "search 1", "confirm 1"]);
    const policy = pairs({ weights: { warmupPaths: "uniform", paths: "policy" } });
    expect(
      policy.filter(({ ahead }) => ahead !== undefined).every(({ phase }) => phase.startsWith("warmup")),
    ).toBe(true);
    for (const { ahead, next } of pairs({}, { evaluations: 12 }))
      if (ahead !== undefined) expect(ahead).toEqual(next);
  });

  test("has candidates tuned in confirmation rounds only, and in none unless asked", () => {
    const tuningsWith = (confirmation: object) => {
      const schedule = { ...(small.schedule as object), confirmation } as SpecificationInput["schedule"];
      const specification = specificationSchema.parse({ ...small, schedule });
      const found: { phase: string; tuning: TrainRoundTask["tuning"] }[] = [];
      for (let state = startSearch(specification, "s"); currentTask(state) !== null; ) {
        found.push({ phase: state.phase, tuning: trainTask(state)?.tuning });
        ({ state } = completeRound(state, specification, report(state)));
      }
      return found;
    };
    const wanted = { steps: 30, learningRate: 0.02 };
    for (const { phase, tuning } of tuningsWith({ tuningSteps: 30 }))
      expect(tuning).toEqual(phase === "confirm" ? wanted : undefined);
    expect(tuningsWith({}).every(({ tuning }) => tuning === undefined)).toBe(true);
  });

  test("the front holds confirmed, feasible architectures within a hard limit", () => {
    const limit = 400_000;
    const { outcomes } = run({
      ...small,
      objectives: [
        { name: "accuracy", goal: "maximize" },
        { name: "parameters", goal: "minimize", limit },
      ],
    });
    const front = outcomes.at(-1)?.archive.filter(({ onFront }) => onFront) ?? [];
    expect(front.length).toBeGreaterThan(0);
    for (const { values, feasible } of front) {
      expect(feasible).toBe(true);
      expect(values.parameters).toBeLessThanOrEqual(limit);
    }
  });

  test("the policy's view has one probability distribution per edge", () => {
    const { state, specification } = run(small);
    for (const edges of Object.values(policyView(state, specification).cells))
      for (const { probabilities } of edges)
        expect(Object.values(probabilities).reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 2);
  });

  test("the policy's view says how often each operation of a finished stage was trained, where that was reported", () => {
    const specification = specificationSchema.parse(small);
    const stagesAfter = (countsOf: (task: TrainRoundTask) => TrainRoundReport["trainedSteps"]) => {
      let state = startSearch(specification, "s");
      for (let task = trainTask(state); task !== null; task = trainTask(state)) {
        const trainedSteps = state.phase === "confirm" ? countsOf(task) : undefined;
        const outcome = completeRound(state, specification, { ...report(state), trainedSteps });
        state = JSON.parse(JSON.stringify(outcome.state)) as ControllerState;
      }
      return policyView(state, specification).stages;
    };
    /** By stage, operations of the edge that has most of them left. */
    const most: number[] = [];
    const counted = ({ stage: { index: stage, choices } }: TrainRoundTask) => {
      most[stage] = Math.max(
        ...Object.values(choices).flatMap((edges) => edges.map((operations) => operations.length)),
      );
      return Object.fromEntries(
        Object.entries(choices).map(([kind, edges]) => [
          kind,
          edges.map((operations) => operations.map((_, index) => 10 * stage + index)),
        ]),
      );
    };
    const stages = stagesAfter(counted);
    expect(stages.map(({ stage, minimum, maximum }) => [stage, minimum, maximum])).toEqual([
      [0, 0, 9],
      [1, 10, 9 + (most[1] as number)],
    ]);
    const operations = startSearch(specification, "s").choices.normal?.[3] ?? [];
    expect(stages[0]?.trainedSteps.normal?.[3]).toEqual(
      Object.fromEntries(operations.map((operation, index) => [operation, index])),
    );
    expect(stagesAfter(() => undefined)).toEqual([]);
    expect(stagesAfter((task) => ({ ...counted(task), normal: [[1]] }))).toEqual([]);
  });

  test("the preset of the published cell makes 2,940 updates on 29,400 sampled architectures", () => {
    const specification = specificationSchema.parse({
      name: "paper",
      dataset: { name: "cifar10" },
      schedule: { preset: "tnd-nas-cifar10" },
    });
    expect(scheduleLength(specification).evaluations).toBe(29_400);
    expect(trainTask(startSearch(specification, "s"))?.paths).toBe("mixture");
  });
});

describe("the reward", () => {
  const specification = specificationSchema.parse({
    name: "r",
    objectives: [
      { name: "accuracy", goal: "maximize" },
      { name: "parameters", goal: "minimize", target: 100, exponent: -0.5 },
    ],
  });
  const schedule = resolveSchedule(specification);
  const stage = schedule.stages[0] as (typeof schedule.stages)[number];
  const withForm = (form: "hinge" | "multiplicative") => ({
    ...schedule,
    policy: { ...schedule.policy, reward: form },
  });

  test.each([
    ["hinge", 50, 80],
    ["hinge", 400, 40],
    ["multiplicative", 25, 160],
    ["multiplicative", 400, 40],
  ] as const)("%s at %d parameters is %d", (form, parameters, expected) => {
    expect(reward({ accuracy: 80, parameters }, specification, withForm(form), stage)).toBeCloseTo(
      expected,
      9,
    );
  });

  test("is missing when accuracy is", () => {
    expect(reward({ accuracy: null, parameters: 5 }, specification, schedule, stage)).toBeNull();
  });
});

describe("a specification that cannot be run is refused by field", () => {
  test.each<[string, object, string]>([
    ["unknown key", { nmae: 1 }, "/nmae"],
    ["unknown space", { space: "dartz" }, "/space"],
    ["unknown operation", { space: { normal: ["conv_9x9"] } }, "/space"],
    ["unknown preset", { schedule: { preset: "x" } }, "/schedule/preset"],
    ["unknown data set", { dataset: { name: "mnist" } }, "/dataset/name"],
    [
      "unsatisfiable limit",
      {
        objectives: [
          { name: "accuracy", goal: "maximize" },
          { name: "parameters", goal: "minimize", limit: 10 },
        ],
      },
      "/objectives/1/limit",
    ],
    [
      "too many drops",
      { schedule: { stages: [{ layers: 3, channels: 4, steps: 5, drop: { normal: 10, reduction: 0 } }] } },
      "/schedule/stages/0/drop/normal",
    ],
    [
      "tuning that is a training",
      {
        schedule: {
          confirmation: { tuningSteps: 201 },
          stages: [{ layers: 3, channels: 4, steps: 5, drop: {} }],
        },
      },
      "/schedule/confirmation/tuningSteps",
    ],
    ["unknown strategy", { strategy: { name: "nsga9" } }, "/strategy/name"],
    ["rental without a budget", { rental: { providers: ["runpod"], maxUsdPerHour: 1 } }, "/budget/usd"],
    [
      "a budget that does not pay for the final training",
      { rental: { providers: ["runpod"], maxUsdPerHour: 1 }, budget: { usd: 0.01 } },
      "/budget/usd",
    ],
    [
      "rental for a search that trains nothing",
      {
        evaluation: { kind: "tabular", table: "t", architecture: "a", reward: "r" },
        rental: { providers: ["runpod"], maxUsdPerHour: 1 },
      },
      "/rental",
    ],
    [
      "a table without a number of evaluations",
      { evaluation: { kind: "tabular", table: "t", architecture: "a", reward: "r" } },
      "/budget/evaluations",
    ],
  ])("%s", (_, change, pointer) => {
    const { errors } = checkSpecification({ name: "x", ...change });
    expect(errors?.map((error) => error.pointer)).toContain(pointer);
    for (const { detail } of errors ?? []) expect(detail.length).toBeGreaterThan(10);
  });

  test("the smallest specification has a name only", () => {
    expect(checkSpecification({ name: "x" }).specification?.space).toBe("tnd-nas");
  });
});
