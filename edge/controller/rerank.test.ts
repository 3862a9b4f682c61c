import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { rerankingLength } from "../../shared/reranking.ts";
import { type Objective, specificationSchema } from "../../shared/specification.ts";
import { nonDominated } from "./archive.ts";
import {
  agreement,
  type Judge,
  type Member,
  type NextStep,
  nextStep,
  type ShortTraining,
  type Standing,
  toRerank,
  trainedFront,
} from "./rerank.ts";

const objectives: Objective[] = [
  { name: "accuracy", goal: "maximize" },
  { name: "parameters", goal: "minimize" },
];
const judge: Judge = { objectives, preference: ({ accuracy }) => accuracy ?? 0 };

const member = (hash: string, accuracy: number, parameters: number): Member => ({
  hash,
  values: { accuracy, parameters },
  feasible: true,
});

const archive = fc
  .uniqueArray(fc.tuple(fc.integer({ min: 10, max: 90 }), fc.integer({ min: 1, max: 50 })), {
    minLength: 2,
    maxLength: 20,
    selector: ([, parameters]) => parameters,
  })
  .map((list) => list.map(([accuracy, parameters], index) => member(`a${index}`, accuracy, parameters)));

/** What training gives, by architecture and rung: an accuracy, or null for a failure. */
type Truth = (hash: string, rung: number) => number | null;
const truth: fc.Arbitrary<Truth> = fc
  .func(fc.option(fc.integer({ min: 0, max: 100 }), { freq: 4, nil: null }))
  .map((of) => (hash, rung) => of(hash, rung));

const opened = (hashes: readonly string[], rung: number): ShortTraining[] =>
  hashes.map((hash) => ({ hash, rung, isOpen: true, accuracy: null }));

/** Trains until the archive is handed over; `budget` trainings can be paid. */
function play(members: Member[], rungs: number, accuracyOf: Truth, budget = Number.POSITIVE_INFINITY) {
  let trainings = opened(
    members.map(({ hash }) => hash),
    0,
  );
  const widths = [trainings.length];
  let paid = 0;
  for (;;) {
    const standing: Standing = { members, trainings, rungs, isBudgetSpent: paid >= budget };
    const step: NextStep = nextStep(standing, judge);
    if (step.kind === "handOver") return { step, standing, widths };
    if (step.kind === "train") {
      widths.push(step.hashes.length);
      trainings = [...trainings, ...opened(step.hashes, step.rung)];
      continue;
    }
    const next = trainings.findIndex(({ isOpen }) => isOpen);
    paid += 1;
    trainings = trainings.map((training, index) =>
      index === next
        ? { ...training, isOpen: false, accuracy: accuracyOf(training.hash, training.rung) }
        : training,
    );
  }
}

describe("successive halving of the archive", () => {
  test("ends, and every rung trains at most half of the one before, rounded up", () => {
    fc.assert(
      fc.property(archive, fc.integer({ min: 1, max: 6 }), truth, (members, rungs, accuracyOf) => {
        const { widths } = play(members, rungs, accuracyOf);
        expect(widths.length).toBeLessThanOrEqual(rungs);
        for (const [index, width] of widths.slice(1).entries())
          expect(width).toBeLessThanOrEqual(Math.ceil((widths[index] as number) / 2));
      }),
    );
  });

  test("trains as often as a profile says where nothing fails", () => {
    fc.assert(
      fc.property(archive, fc.integer({ min: 1, max: 6 }), (members, rungs) => {
        const { widths } = play(members, rungs, (hash, rung) => hash.length + rung);
        const reranking = { architectures: members.length, rungs: Array(rungs).fill({ steps: 1 }) };
        const { trainings } = rerankingLength(specificationSchema.parse({ name: "x", reranking }));
        expect(trainings).toBe(widths.reduce((total, width) => total + width, 0));
      }),
    );
  });

  test("hands every architecture over once, but those that failed", () => {
    fc.assert(
      fc.property(archive, fc.integer({ min: 1, max: 4 }), truth, (members, rungs, accuracyOf) => {
        const { step, standing } = play(members, rungs, accuracyOf);
        const failed = standing.trainings.filter(({ accuracy }) => accuracy === null);
        const left = members.filter(({ hash }) => !failed.some((training) => training.hash === hash));
        const expected = left.length > 0 ? left : members;
        expect(step.order.toSorted()).toEqual(expected.map(({ hash }) => hash).toSorted());
      }),
    );
  });

  test("puts first what no architecture of its last rung beats", () => {
    fc.assert(
      fc.property(archive, fc.integer({ min: 1, max: 4 }), (members, rungs) => {
        const { step, standing } = play(members, rungs, (hash, rung) => hash.length * 7 + rung);
        const last = Math.max(...standing.trainings.map(({ rung }) => rung));
        const trained = standing.trainings.filter(({ rung }) => rung === last);
        expect(trained.map(({ hash }) => hash)).toContain(step.order[0]);
      }),
    );
  });

  test("stops promoting once the budget is spent, says so, and hands over what it has, the trained first", () => {
    fc.assert(
      fc.property(archive, truth, fc.integer({ min: 0, max: 8 }), (members, accuracyOf, budget) => {
        const { step, standing } = play(members, 3, accuracyOf, budget);
        const closed = standing.trainings.filter(({ isOpen }) => !isOpen);
        expect(closed.length).toBeLessThanOrEqual(budget);
        if (step.reason !== "budget") return;
        expect(closed.length).toBe(budget);
        const trained = closed.filter(({ accuracy }) => accuracy !== null).map(({ hash }) => hash);
        const failed = closed.filter(({ accuracy }) => accuracy === null).map(({ hash }) => hash);
        const good = new Set(trained.filter((hash) => !failed.includes(hash)));
        if (good.size > 0) expect(new Set(step.order.slice(0, good.size))).toEqual(good);
      }),
    );
  });

  test("gives the same order whatever shared weights said", () => {
    fc.assert(
      fc.property(archive, fc.integer({ min: 0, max: 1000 }), (members, seed) => {
        const accuracyOf: Truth = (hash, rung) => ((Number(hash.slice(1)) * 7919 + seed) % 997) / 10 + rung;
        const other = members.map(({ hash, values }) =>
          member(hash, 100 - (values.accuracy ?? 0), values.parameters ?? 0),
        );
        expect(play(other, 3, accuracyOf).step.order).toEqual(play(members, 3, accuracyOf).step.order);
      }),
    );
  });

  test("decides within a layer by what the search prefers", () => {
    const members = [member("large", 1, 9), member("small", 1, 2), member("worse", 1, 8)];
    const accuracies: Record<string, number> = { large: 90, small: 80, worse: 70 };
    const standing: Standing = {
      members,
      trainings: members.map(({ hash }) => ({
        hash,
        rung: 0,
        isOpen: false,
        accuracy: accuracies[hash] ?? 0,
      })),
      rungs: 2,
      isBudgetSpent: false,
    };
    expect(nextStep(standing, judge)).toEqual({ kind: "train", rung: 1, hashes: ["large", "small"] });
    const frugal = { ...judge, preference: ({ parameters }: Member["values"]) => -(parameters ?? 0) };
    expect(nextStep(standing, frugal)).toMatchObject({ hashes: ["small", "large"] });
  });

  test("half of what goes on is the top by preference, though all of the front is smaller", () => {
    const members = [
      ...Array.from({ length: 6 }, (_, index) => member(`front${index}`, 50, 10 + index)),
      ...Array.from({ length: 2 }, (_, index) => member(`top${index}`, 40, 100 + index)),
    ];
    const accuracies: Record<string, number> = { top0: 84, top1: 83 };
    const { standing } = play(members, 2, (hash) => accuracies[hash] ?? 70 + Number(hash.slice(5)));
    const second = standing.trainings.filter(({ rung }) => rung === 1).map(({ hash }) => hash);
    expect(second).toHaveLength(4);
    expect(second).toEqual(expect.arrayContaining(["top0", "top1"]));
  });

  test("ends with what was known before where nothing could be trained", () => {
    const members = [member("a", 50, 2), member("b", 40, 1)];
    expect(play(members, 2, () => null).step).toEqual({
      kind: "handOver",
      reason: "failed",
      order: ["a", "b"],
    });
  });
});

describe("the front of trained networks", () => {
  test("holds exactly the trained members that no trained member beats", () => {
    fc.assert(
      fc.property(archive, fc.integer({ min: 1, max: 3 }), truth, (members, rungs, accuracyOf) => {
        const { standing } = play(members, rungs, accuracyOf);
        const front = trainedFront(standing, judge);
        for (const { hash, rung, values } of front) {
          expect(standing.trainings).toContainEqual({ hash, rung, isOpen: false, accuracy: values.accuracy });
          expect(standing.trainings.some((other) => other.hash === hash && other.rung > rung)).toBe(false);
        }
        expect(nonDominated(front, objectives)).toHaveLength(front.length);
      }),
    );
  });

  test("has a network of skips and pools only where its training reached what half of all did", () => {
    const selection = { normal: ["skip_connect", "max_pool_3x3", "none", "avg_pool_3x3"] };
    const members = [
      { ...member("skips", 60, 1), selection },
      { ...member("small", 50, 2), selection: { normal: ["conv_1x1", "skip_connect"] } },
      { ...member("large", 40, 3), selection: { normal: ["conv_3x3", "conv_3x3"] } },
    ];
    const frontWith = (skips: number) => {
      const accuracies: Record<string, number> = { skips, small: 70, large: 80 };
      const { standing } = play(members, 1, (hash) => accuracies[hash] ?? null);
      return trainedFront(standing, judge).map(({ hash }) => hash);
    };
    expect(frontWith(60)).toEqual(["small", "large"]);
    expect(frontWith(75)).toEqual(["skips", "large"]);
  });

  test("agrees with shared weights by Kendall's tau of the first rung", () => {
    const members = [member("a", 60, 3), member("b", 50, 2), member("c", 40, 1)];
    const of = (accuracies: Record<string, number>) =>
      agreement(play(members, 1, (hash) => accuracies[hash] ?? null).standing);
    expect(of({ a: 90, b: 80, c: 70 })).toBe(1);
    expect(of({ a: 70, b: 80, c: 90 })).toBe(-1);
    expect(of({ a: 70 })).toBeNull();
  });
});

describe("what is trained of an archive", () => {
  test("are so many different members, the most accurate by shared weights among them", () => {
    fc.assert(
      fc.property(archive, fc.integer({ min: 2, max: 12 }), (members, count) => {
        const chosen = toRerank(members, count, judge);
        expect(new Set(chosen.map(({ hash }) => hash)).size).toBe(Math.min(count, members.length));
        const best = Math.max(...members.map(({ values }) => values.accuracy ?? 0));
        expect(chosen.some(({ values }) => values.accuracy === best)).toBe(true);
      }),
    );
  });

  test("are of all sizes, also where shared weights think the better of a network the smaller it is", () => {
    fc.assert(
      fc.property(fc.integer({ min: 20, max: 64 }), fc.integer({ min: 6, max: 16 }), (length, count) => {
        const members = Array.from({ length }, (_, index) =>
          member(`a${index}`, 60 - index / 4, 10_000 + 1000 * index),
        );
        const sizes = toRerank(members, count, judge).map(({ values }) => values.parameters ?? 0);
        const largest = 9000 + 1000 * length;
        const middle = Math.sqrt(10_000 * largest);
        expect(Math.min(...sizes)).toBe(10_000);
        expect(Math.max(...sizes)).toBeGreaterThan(0.6 * largest);
        expect(sizes.filter((size) => size > middle).length).toBeGreaterThanOrEqual(Math.floor(count / 4));
      }),
    );
  });

  test("are mostly near the target where there is one, and none far beyond it", () => {
    fc.assert(
      fc.property(fc.integer({ min: 6, max: 16 }), fc.integer({ min: 20, max: 60 }), (count, target) => {
        const members = Array.from({ length: 64 }, (_, index) =>
          member(`a${index}`, 60 - index / 4, 2 + index),
        );
        const wanted: Objective[] = [
          { name: "accuracy", goal: "maximize" },
          { name: "parameters", goal: "minimize", target },
        ];
        const sizes = toRerank(members, count, { ...judge, objectives: wanted }).map(
          ({ values }) => values.parameters ?? 0,
        );
        expect(Math.max(...sizes)).toBeLessThanOrEqual(1.5 * target);
        const near = sizes.filter((size) => size >= target / 2 && size <= 1.15 * target);
        expect(near.length).toBeGreaterThanOrEqual(Math.floor((3 * count) / 8));
      }),
    );
  });

  test("are networks with convolutions, as long as there are some", () => {
    const cell = (convolutions: number) => ({
      normal: Array.from({ length: 14 }, (_, edge) =>
        edge < convolutions ? "sep_conv_3x3" : "skip_connect",
      ),
    });
    const skips = Array.from({ length: 20 }, (_, index) => ({
      ...member(`skip${index}`, 70 + index, 10 + index),
      selection: cell(0),
    }));
    const others = Array.from({ length: 8 }, (_, index) => ({
      ...member(`conv${index}`, 40 + index, 100 + index),
      selection: cell(4 + index),
    }));
    const chosen = toRerank([...skips, ...others], 6, judge).map(({ hash }) => hash);
    expect(chosen.filter((hash) => hash.startsWith("conv"))).toHaveLength(6);
    expect(toRerank(skips, 6, judge)).toHaveLength(6);
  });

  test("are strangers where the archive has nothing but skips and pools, of sizes apart from each other", () => {
    const skips = Array.from({ length: 20 }, (_, index) => ({
      ...member(`skip${index}`, 70 + index, 10 + index),
      selection: { normal: ["skip_connect", "max_pool_3x3"] },
    }));
    const strangers = Array.from({ length: 100 }, (_, index) => ({
      hash: `new${index}`,
      values: { accuracy: null, parameters: 100 + index },
      feasible: true,
      selection: { normal: ["sep_conv_3x3", "skip_connect"] },
    }));
    const chosen = toRerank<Member>(skips, 6, judge, { list: strangers, share: 1 / 5 });
    expect(chosen.every(({ hash }) => hash.startsWith("new"))).toBe(true);
    const sizes = chosen.map(({ values }) => values.parameters ?? 0).toSorted((a, b) => a - b);
    const gaps = sizes.slice(1).map((size, index) => size - (sizes[index] ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThan(5);
    const others = Array.from({ length: 20 }, (_, index) => member(`a${index}`, 50 + index, 100 + index));
    for (const [share, places] of [
      [1 / 5, 2],
      [1 / 2, 5],
    ] as const) {
      const mixed = toRerank<Member>(others, 10, judge, { list: strangers, share }).map(({ hash }) => hash);
      expect(mixed.filter((hash) => hash.startsWith("new"))).toHaveLength(places);
    }
  });

  test("keeps both ends of a front that is too long", () => {
    fc.assert(
      fc.property(fc.integer({ min: 5, max: 40 }), fc.integer({ min: 3, max: 5 }), (length, count) => {
        const members = Array.from({ length }, (_, index) => member(`a${index}`, 10 + index, 1 + index));
        const chosen = toRerank(members, count, judge).map(({ hash }) => hash);
        expect(chosen).toContain("a0");
        expect(chosen).toContain(`a${length - 1}`);
      }),
    );
  });
});
