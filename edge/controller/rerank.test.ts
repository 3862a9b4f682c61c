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
  test("are so many different members, no layer before the one in front of it is whole", () => {
    fc.assert(
      fc.property(archive, fc.integer({ min: 2, max: 12 }), (members, count) => {
        const chosen = toRerank(members, count, judge);
        expect(new Set(chosen.map(({ hash }) => hash)).size).toBe(Math.min(count, members.length));
        const front = nonDominated(members, objectives).map(({ hash }) => hash);
        const ofFront = chosen.filter(({ hash }) => front.includes(hash));
        expect(ofFront.length).toBe(Math.min(count, front.length));
      }),
    );
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
