import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { candidateTrainings } from "../../shared/candidateTrainings.ts";
import {
  type Specification,
  type SpecificationInput,
  type StrategyName,
  strategyNames,
  type TrainingEvaluation,
} from "../../shared/specification.ts";
import { checkSpecification } from "../../shared/validate.ts";
import { startSearch } from "./controller.ts";
import {
  beginTraining,
  type Chosen,
  endTraining,
  type HalvingEnd,
  halvingOf,
  type TrainingResult,
} from "./halving.ts";
import type { ControllerState } from "./state.ts";

const rungs = [{ steps: 5 }, { steps: 10 }, { steps: 20 }];

function specified(
  evaluation: Partial<TrainingEvaluation> = {},
  change: Partial<SpecificationInput> = {},
): Specification {
  const checked = checkSpecification({
    name: "trained",
    space: { normal: ["none", "skip_connect", "sep_conv_3x3"], nodes: 2 },
    evaluation: {
      kind: "training",
      untrained: { architectures: 0 },
      network: { channels: 4, layers: 3 },
      architectures: 12,
      rungs,
      ...evaluation,
    },
    strategy: { name: "random" },
    ...change,
  });
  if (checked.errors !== undefined) throw new Error(JSON.stringify(checked.errors));
  return checked.specification;
}

/** What training is taken to give: more convolutions and more steps, better; a few architectures give no numbers. */
function resultOf({ hash, selection, rung }: Chosen, fails: (hash: string) => boolean): TrainingResult {
  if (fails(hash)) return { failure: "the loss is no number", diverged: true };
  const convolutions = (selection.normal ?? []).filter((name) => name.includes("conv")).length;
  const accuracy = 30 + 8 * convolutions + 5 * rung + (hash.charCodeAt(0) % 7);
  return { accuracy, images: 100, loss: 1, trainLoss: 1, steps: 5 * 2 ** rung };
}

interface Logged {
  chosen: Chosen[];
  /** In the order in which they ended. */
  ends: Chosen[];
  end: HalvingEnd;
  state: ControllerState;
  mostOpen: number;
}

/** Works on a search with so many runners, whichever of them is next. */
function worked(
  specification: Specification,
  {
    runners = 1,
    next = () => 0,
    fails = () => false,
  }: {
    runners?: number;
    next?: (below: number) => number;
    fails?: (hash: string) => boolean;
  } = {},
): Logged {
  let state = startSearch(specification, "searchsearchsear");
  const open: Chosen[] = [];
  const chosen: Chosen[] = [];
  const ends: Chosen[] = [];
  let mostOpen = 0;
  for (let steps = 0; steps < 10_000; steps++) {
    const canAsk = open.length < runners && !halvingOf(state).isWaiting;
    if (canAsk && (open.length === 0 || next(2) === 0)) {
      const begun = beginTraining(state, specification);
      state = begun.state;
      if (begun.end !== null) return { chosen, ends, end: begun.end, state, mostOpen };
      if (begun.chosen === null) continue;
      chosen.push(begun.chosen);
      open.push(begun.chosen);
      mostOpen = Math.max(mostOpen, open.length);
      continue;
    }
    const [one] = open.splice(next(open.length), 1);
    if (one === undefined) throw new Error("nothing is open and nothing can be begun");
    ends.push(one);
    const ended = endTraining(state, specification, { hash: one.hash, result: resultOf(one, fails) });
    state = ended.state;
    if (ended.end !== null) return { chosen, ends, end: ended.end, state, mostOpen };
  }
  throw new Error("the search did not end");
}

/** Deterministic numbers from a list that fast-check drew. */
function drawing(numbers: readonly number[]): (below: number) => number {
  let at = 0;
  return (below) => (numbers[at++ % numbers.length] ?? 0) % below;
}

describe("a search by training", () => {
  test("trains no architecture twice on a rung, keeps to its limits and ends with a front, in whatever order runners end", () => {
    fc.assert(
      fc.property(
        fc.constantFrom<StrategyName>(...strategyNames),
        fc.integer({ min: 1, max: 16 }),
        fc.option(fc.integer({ min: 1, max: 8 }), { nil: undefined }),
        fc.option(fc.integer({ min: 1, max: 25 }), { nil: undefined }),
        fc.array(fc.nat(1000), { minLength: 5, maxLength: 40 }),
        fc.integer({ min: 0, max: 4 }),
        (name, runners, parallel, evaluations, numbers, failing) => {
          const specification = specified(parallel === undefined ? {} : { parallel }, {
            strategy: { name },
            budget: evaluations === undefined ? {} : { evaluations },
          });
          const fails = (hash: string) => hash.charCodeAt(1) % 9 < failing;
          const { chosen, end, state, mostOpen } = worked(specification, {
            runners,
            next: drawing(numbers),
            fails,
          });
          const { candidates } = halvingOf(state);
          expect(new Set(chosen.map(({ hash, rung }) => `${hash} ${rung}`)).size).toBe(chosen.length);
          expect(mostOpen).toBeLessThanOrEqual(Math.min(runners, parallel ?? runners));
          expect(chosen.length).toBeLessThanOrEqual(evaluations ?? Number.POSITIVE_INFINITY);
          expect(candidates.length).toBeLessThanOrEqual(12);
          expect(candidates.some((candidate) => candidate.state === "open")).toBe(false);
          for (const { hash, rung } of chosen)
            if (rung > 0)
              expect(chosen.some((before) => before.hash === hash && before.rung === rung - 1)).toBe(true);
          const trained = candidates.filter((candidate) => candidate.state === "trained");
          expect(end.failure === null).toBe(trained.length > 0);
          if (trained.length > 0) expect(state.archive.length).toBeGreaterThan(0);
          for (const { hash, values } of state.archive) {
            const candidate = candidates.find((other) => other.hash === hash);
            expect(candidate?.state).toBe("trained");
            expect(values.accuracy).toBe(candidate?.accuracies.at(-1));
          }
          expect(state.archive.map(({ hash }) => hash)).toEqual(expect.arrayContaining(end.best));
        },
      ),
      { numRuns: 60 },
    );
  });

  test("promotes only of the better half of a rung, the best first, and begins nothing new before", () => {
    const specification = specified(
      { architectures: 16 },
      { objectives: [{ name: "accuracy", goal: "maximize" }] },
    );
    const { chosen } = worked(specification);
    const reached = new Map<string, number>();
    for (const one of chosen) {
      const result = resultOf(one, () => false);
      if (one.rung > 0) {
        const on = chosen.slice(0, one.number).filter(({ rung }) => rung === one.rung - 1);
        const accuracies = on
          .map(({ hash, rung }) => reached.get(`${hash} ${rung}`) ?? 0)
          .sort((a, b) => b - a);
        const last = accuracies[Math.floor(on.length / 2) - 1] ?? Number.POSITIVE_INFINITY;
        expect(reached.get(`${one.hash} ${one.rung - 1}`)).toBeGreaterThanOrEqual(last);
      }
      if ("accuracy" in result) reached.set(`${one.hash} ${one.rung}`, result.accuracy);
    }
    expect(chosen.filter(({ rung }) => rung === 2).length).toBeGreaterThanOrEqual(4);
    expect(chosen.filter(({ rung }) => rung === 0)).toHaveLength(16);
  });

  test.each([...strategyNames])("finds the same with the same seed and one runner: %s", (name) => {
    const specification = specified({}, { strategy: { name } });
    const first = worked(specification);
    expect(worked(specification)).toEqual(first);
    const other = worked({ ...specification, seed: 2 });
    expect(other.chosen.map(({ hash }) => hash)).not.toEqual(first.chosen.map(({ hash }) => hash));
  });

  test("gives each choice again from what was recorded of it", () => {
    const specification = specified({}, { strategy: { name: "default" } });
    const { chosen, ends } = worked(specification, {
      runners: 5,
      next: drawing([3, 0, 7, 2, 1, 0, 0, 11, 5]),
    });
    let state = startSearch(specification, "searchsearchsear");
    let ended = 0;
    for (const recorded of chosen) {
      for (; ended < recorded.ended; ended++) {
        const one = ends[ended];
        if (one === undefined) throw new Error("an end is missing");
        state = endTraining(state, specification, {
          hash: one.hash,
          result: resultOf(one, () => false),
        }).state;
      }
      const begun = beginTraining(state, specification);
      expect(begun.chosen).toEqual(recorded);
      state = begun.state;
    }
  });

  test("ends at once with what it has where its budget is spent, whatever is open", () => {
    const specification = specified();
    let state = startSearch(specification, "searchsearchsear");
    const begin = () => {
      const begun = beginTraining(state, specification);
      state = begun.state;
      if (begun.chosen === null) throw new Error("nothing begins");
      return begun.chosen;
    };
    const [first] = [begin(), begin()];
    const result = resultOf(first, () => false);
    const ended = endTraining(state, specification, { hash: first.hash, result }, { isBudgetSpent: true });
    expect(ended.end).toMatchObject({ best: [first.hash], failure: null });
    expect(beginTraining(ended.state, specification).chosen).toBeNull();
    const none = beginTraining(startSearch(specification, "searchsearchsear"), specification, {
      isBudgetSpent: true,
    });
    expect(none.end?.failure).toContain("before one was trained");
  });

  test("trains nothing that breaks a limit that is known beforehand, and ends where nothing else is left", () => {
    const space = { normal: ["skip_connect", "sep_conv_3x3"], nodes: 1 };
    const whole = specified({ architectures: 200 }, { space });
    const costs = worked(whole).state.archive.map(({ values }) => values.parameters ?? 0);
    const limit = Math.ceil((Math.min(...costs) + Math.max(...costs)) / 2);
    const specification = specified(
      { architectures: 200 },
      {
        space,
        objectives: [
          { name: "accuracy", goal: "maximize" },
          { name: "parameters", goal: "minimize", limit },
        ],
      },
    );
    const all = halvingOf(worked(whole).state).candidates;
    const { state, end } = worked(specification);
    expect(end.failure).toBeNull();
    expect(all.length).toBeLessThanOrEqual(16);
    expect(halvingOf(state).candidates.length).toBeLessThan(all.length);
    for (const { hash } of halvingOf(state).candidates)
      expect(all.some((candidate) => candidate.hash === hash)).toBe(true);
    for (const { values } of state.archive) expect(values.parameters).toBeLessThanOrEqual(limit);
  });

  test("says so where no network is better than guessing, and what to check", () => {
    const specification = specified({ architectures: 2 });
    let state = startSearch(specification, "searchsearchsear");
    for (;;) {
      const begun = beginTraining(state, specification);
      if (begun.chosen === null) throw new Error("the search did not end");
      const result = { accuracy: 11, images: 1000, loss: 2.3, trainLoss: 2.3, steps: 5 };
      const ended = endTraining(begun.state, specification, { hash: begun.chosen.hash, result });
      state = ended.state;
      if (ended.end === null) continue;
      expect(ended.end.events).toMatchObject([
        { type: "candidates.untaught", data: { bestAccuracy: 11, chance: 10 } },
      ]);
      return;
    }
  });

  test("tells beforehand how many trainings there are where nothing fails and one runner works", () => {
    const specification = specified({}, { objectives: [{ name: "accuracy", goal: "maximize" }] });
    const told = candidateTrainings(specification, specification.evaluation as TrainingEvaluation);
    const { chosen } = worked(specification);
    expect(told).toEqual({ trainings: 12 + 6 + 3, steps: 12 * 5 + 6 * 10 + 3 * 20 });
    expect(chosen.length).toBeGreaterThanOrEqual(told.trainings);
    expect(chosen.length).toBeLessThanOrEqual(told.trainings + 6);
  });
});
