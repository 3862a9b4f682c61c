import { describe, expect, test } from "vitest";
import { type Code, positionsOf } from "../../../shared/code.ts";
import { ParetoFront } from "../../../shared/pareto.ts";
import { deriveSeed, Random } from "../../../shared/random.ts";
import { resolveSpace } from "../../../shared/space.ts";
import { defaultStrategy } from "./default/index.ts";
import { localSearch } from "./localSearch.ts";
import { nsga2 } from "./nsga2.ts";
import { randomStrategy } from "./random.ts";
import { regularizedEvolution } from "./regularizedEvolution.ts";
import { type Measured, type Problem, type Strategy, sizeOf } from "./strategy.ts";
import { tableProblem } from "./tableProblem.ts";

const strategies: [string, Strategy<unknown>][] = [
  ["default", defaultStrategy as Strategy<unknown>],
  ["random", randomStrategy as Strategy<unknown>],
  ["NSGA-II", nsga2 as Strategy<unknown>],
  ["regularised evolution", regularizedEvolution as Strategy<unknown>],
  ["local search", localSearch as Strategy<unknown>],
];
const baselines = strategies.filter(([name]) => name !== "random");

const space = resolveSpace({
  skeleton: "nas-bench-201",
  nodes: 3,
  normal: ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3"],
});
const positions = positionsOf(space);

const problemOf = (change: Partial<Problem> = {}): Problem => ({ ...tableProblem(space), ...change });

/** Later operations are better and dearer, the more so the later the position. */
function measure(code: Code): Measured {
  const total = (weight: (position: number) => number) =>
    code.reduce((sum, index, position) => sum + index * weight(position), 0);
  return [Math.sqrt(total((position) => 1 + (position % 3))), total((position) => 1 + position)];
}

interface Options {
  rounds: number;
  seed?: number;
  measured?: (code: Code) => Measured;
  first?: readonly Code[];
}

/** What was proposed, with the state going through JSON between rounds. */
function run(
  strategy: Strategy<unknown>,
  problem: Problem,
  { rounds, seed = 1, measured = measure, first }: Options,
): Code[] {
  const random = (...labels: (string | number)[]) => new Random(deriveSeed(seed, ...labels));
  let state = strategy.start(problem, random("start"), first);
  const proposed: Code[] = [];
  for (let round = 0; round < rounds; round++) {
    const proposal = strategy.propose(state, problem, 10, random("propose", round));
    proposed.push(...proposal.codes);
    const observations = proposal.codes.map((code) => ({ code, measured: measured(code), round }));
    state = strategy.learn(proposal.state, problem, observations, random("learn", round));
    state = JSON.parse(JSON.stringify(state));
  }
  return proposed;
}

const texts = (codes: readonly Code[]) => codes.map((code) => code.join(""));

function everyCode({ allowed }: Pick<Problem, "allowed">): number[][] {
  return allowed.reduce<number[][]>(
    (codes, indices) => codes.flatMap((code) => indices.map((index) => [...code, index])),
    [[]],
  );
}

/** Of the front's points, the share that some of the codes reaches. */
function shareOfFront(codes: readonly Code[], problem: Problem): number {
  const pointOf = (code: Code) => {
    const [accuracy, cost] = measure(code);
    return [cost ?? 0, -(accuracy ?? 0)];
  };
  const front = new ParetoFront<string>(2);
  for (const code of everyCode(problem)) front.insert(pointOf(code), "");
  const reached = new Set(codes.map((code) => pointOf(code).join()));
  return front.entries().filter(({ vector }) => reached.has(vector.join())).length / front.size;
}

describe.each(strategies)("%s", (_name, strategy) => {
  test("proposes no architecture twice where measuring is exact", () => {
    const proposed = texts(run(strategy, problemOf(), { rounds: 60 }));
    expect(proposed.length).toBe(600);
    expect(new Set(proposed).size).toBe(600);
  });

  test("exhausts a small space and then proposes nothing", () => {
    const problem = problemOf({ allowed: [[0, 1, 2, 3], [2], [0, 3], [1, 2, 3], [0], [1, 2]] });
    const proposed = texts(run(strategy, problem, { rounds: 10 }));
    expect(proposed.toSorted()).toEqual(texts(everyCode(problem)).toSorted());
    expect(proposed.length).toBe(sizeOf(problem));
  });

  test("keeps proposing where measuring again may tell something new", () => {
    const problem = problemOf({ allowed: positions.map(() => [1, 2]), noisy: true });
    expect(run(strategy, problem, { rounds: 30 }).length).toBe(300);
  });

  test("takes no architecture for an answer whose network does not see its image", () => {
    // The first position alone is cheapest, and looks best.
    const isConnected = (code: Code) => code.some((index, position) => position > 0 && index > 0);
    const problem = problemOf({
      noisy: true,
      isConnected,
      known: (code) => [null, measure(code)[1] as number],
    });
    const flattered = (code: Code): Measured => (isConnected(code) ? measure(code) : [90, 0]);
    const proposed = run(strategy, problem, { rounds: 30, measured: flattered });
    const cut = proposed.slice(50).filter((code) => !isConnected(code));
    expect(cut.length).toBeLessThan(proposed.length * 0.02);
  });

  test("keeps within what is allowed, also after operations were pruned", () => {
    const random = new Random(5);
    const before = problemOf();
    const after = problemOf({ allowed: positions.map((_, position) => [position % 2, 3]) });
    let state = strategy.start(before, random, [[3, 3, 3, 3, 3, 2]]);
    for (const problem of [before, before, before, after, after, after]) {
      const { codes, state: next } = strategy.propose(state, problem, 10, random);
      for (const code of codes) {
        for (const [position, index] of code.entries()) expect(problem.allowed[position]).toContain(index);
      }
      const observations = codes.map((code) => ({ code, measured: measure(code), round: 0 }));
      state = strategy.learn(next, problem, observations, random);
      expect(strategy.logits(state, problem).map(({ length }) => length)).toEqual(
        problem.allowed.map(({ length }) => length),
      );
    }
  });

  test("proposes the same from the same seed, and other things from another", () => {
    const proposed = (seed: number) => texts(run(strategy, problemOf(), { rounds: 20, seed }));
    expect(proposed(4)).toEqual(proposed(4));
    expect(proposed(4)).not.toEqual(proposed(5));
  });

  test("goes on where measurements are missing", () => {
    const problem = problemOf();
    const missing = run(strategy, problem, { rounds: 10, measured: () => [null, null] });
    expect(missing.length).toBe(100);
    const partly = run(strategy, problem, {
      rounds: 10,
      measured: (code) => [measure(code)[0] ?? null, null],
    });
    expect(partly.length).toBe(100);
  });
});

describe.each(baselines)("%s", (_name, strategy) => {
  test("finds most of the front of a space of 4,096 architectures with 600, and more than random finds", () => {
    const problem = problemOf();
    const shares = [strategy, randomStrategy as Strategy<unknown>].map((one) =>
      [1, 2, 3].reduce(
        (sum, seed) => sum + shareOfFront(run(one, problem, { rounds: 60, seed }), problem) / 3,
        0,
      ),
    );
    expect(shares[0]).toBeGreaterThan(0.6);
    expect(shares[0]).toBeGreaterThan(1.5 * (shares[1] ?? 1));
  });

  test("proposes first what it is given to propose first", () => {
    const first = [
      [3, 3, 3, 3, 3, 3],
      [0, 1, 2, 3, 0, 1],
    ];
    expect(run(strategy, problemOf(), { rounds: 1, first }).slice(0, 2)).toEqual(first);
  });

  test("moves to what keeps the limits", () => {
    const goals: Problem["goals"] = [
      { id: "accuracy", goal: "maximize" },
      { id: "cost", goal: "minimize", limit: 20 },
    ];
    const shareKept = (one: Strategy<unknown>) => {
      const costs = run(one, problemOf({ goals }), { rounds: 30 }).map((code) => measure(code)[1] ?? 0);
      return costs.slice(-100).filter((cost) => cost <= 20).length / 100;
    };
    expect(shareKept(randomStrategy as Strategy<unknown>)).toBeLessThan(0.25);
    expect(shareKept(strategy)).toBeGreaterThan(0.5);
  });

  test("takes a cost that is known for one that was not measured", () => {
    const known = (code: Code): Measured => [null, measure(code)[1] ?? null];
    const problem = problemOf({ known });
    const measured = (code: Code): Measured => [measure(code)[0] ?? null, null];
    expect(texts(run(strategy, problem, { rounds: 20, measured }))).toEqual(
      texts(run(strategy, problem, { rounds: 20 })),
    );
  });

  test("keeps a small state, however long it runs", () => {
    const problem = problemOf({ noisy: true });
    let state = strategy.start(problem, new Random(1));
    for (let round = 0; round < 300; round++) {
      const random = new Random(round);
      const { codes, state: next } = strategy.propose(state, problem, 10, random);
      state = strategy.learn(
        next,
        problem,
        codes.map((code) => ({ code, measured: measure(code), round })),
        random,
      );
    }
    expect(JSON.stringify(state).length).toBeLessThan(20_000);
  });
});

test.each(strategies)(
  "%s never proposes again what diverged, even where measuring is noisy",
  (_name, strategy) => {
    const problem = problemOf({ noisy: true });
    const isDiverged = (code: Code) => code[0] === 3 || code[1] === 2;
    const random = (...labels: (string | number)[]) => new Random(deriveSeed(7, ...labels));
    let state = strategy.start(problem, random("start"));
    const barred = new Set<string>();
    for (let round = 0; round < 40; round++) {
      const proposal = strategy.propose(state, problem, 8, random("propose", round));
      for (const text of texts(proposal.codes)) expect(barred).not.toContain(text);
      for (const text of texts(proposal.codes.filter(isDiverged))) barred.add(text);
      const observations = proposal.codes.map((code) =>
        isDiverged(code)
          ? { code, measured: [null, measure(code)[1] ?? null], diverged: true, round }
          : { code, measured: measure(code), round },
      );
      const learnt = strategy.learn(proposal.state, problem, observations, random("learn", round));
      state = JSON.parse(JSON.stringify(learnt));
    }
    expect(barred.size).toBeGreaterThan(5);
  },
);

test.each([
  ["a share", 0.01, 0],
  ["a negative loss", 0.02, -2.3],
  ["0 to 5000", 50, 0],
])("the default strategy proposes the same whatever unit the reward has: %s", (_unit, factor, offset) => {
  const inUnit = (code: Code): Measured => {
    const [reward, cost] = measure(code);
    return [(reward as number) * factor + offset, cost as number];
  };
  const strategy = defaultStrategy as Strategy<unknown>;
  const proposed = texts(run(strategy, problemOf(), { rounds: 15, measured: inUnit }));
  expect(proposed).toEqual(texts(run(strategy, problemOf(), { rounds: 15 })));
});
