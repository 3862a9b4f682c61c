/**
 * What the documentation tells people to search for, and what the form for new searches begins with, through the real
 * controller: measurements are made up, as shared weights of a short search were seen to be, which think the better of a
 * network the less there is to learn; scores without training say something of size and little else, or nothing;
 * trainings say otherwise. No training, no edge: what is tested is which networks are trained and handed over.
 */

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { firstSpecification } from "../dashboard/pages/newSearch/defaults.ts";
import { Context } from "../edge/controller/context.ts";
import { completeRound, currentTask, startSearch } from "../edge/controller/controller.ts";
import {
  judgeOf,
  nextStep,
  type Standing,
  trainedFront,
  weightlessShare,
} from "../edge/controller/rerank.ts";
import type { ArchiveEntry, ControllerState } from "../edge/controller/state.ts";
import { codeOfText, selectionOf } from "../shared/code.ts";
import { extremesOf } from "../shared/networkCosts.ts";
import { deriveSeed, Random } from "../shared/random.ts";
import { rerankingLength } from "../shared/reranking.ts";
import { resolveReranking, type Specification, scoredFirst } from "../shared/specification.ts";
import type { UntrainedScores } from "../shared/untrained.ts";
import { checkSpecification } from "../shared/validate.ts";

const pushed = {
  birds: { image: { height: 32, width: 32, channels: 3 }, classes: 5, trainImages: 4000, testImages: 1000 },
};

/** The first YAML of a page that says `of`. */
function documented(page: string, of: string): unknown {
  const text = readFileSync(new URL(`../${page}`, import.meta.url), "utf8");
  const blocks = [...text.matchAll(/^( *)```yaml\n([\s\S]*?)^ *```/gm)].map(([, indent = "", body = ""]) =>
    body.replaceAll(new RegExp(`^${indent}`, "gm"), ""),
  );
  return parse(blocks.find((block) => block.includes(of)) ?? "");
}

const searches: [string, unknown][] = [
  ["the tutorial's", documented("docs/tutorial.md", "name: small")],
  ["the one of images of one's own", documented("docs/how-to/own-data.md", "name: birds")],
  ["the README's", documented("README.md", "name: small-and-good")],
  ["the form's first", firstSpecification],
];

const flat: UntrainedScores = {
  expressivity: 1,
  progressivity: 0,
  trainability: 0,
  macs: 1,
  distinctPatterns: 1,
};
const scored = {
  kind: "score" as const,
  leaseId: "l",
  measurements: [],
  digest: "0",
  seconds: { train: 0, evaluate: 0, idle: 0 },
};

const noise = (seed: number, ...labels: string[]): number => new Random(deriveSeed(seed, ...labels)).normal();

/** Of a search that ends, with its short trainings. */
function handedOver(specification: Specification, seed: number, isScored: boolean) {
  const context = new Context(specification);
  const { minimum, maximum } = extremesOf(specification).parameters;
  /** 0 for the smallest network of the space, 1 for the largest. */
  const sizeOf = (parameters: number) => Math.log(parameters / minimum) / Math.log(maximum / minimum);
  const scoresOf = (code: string): UntrainedScores => {
    const selection = selectionOf(context.positions, codeOfText(code));
    const size = sizeOf(context.cheap(selection).parameters ?? 0);
    const value = 10 * size + 2 * noise(seed, "scored", code);
    return { ...flat, expressivity: 100 + value, macs: 1e6 * (1 + size) };
  };
  let state = startSearch({ ...specification, seed }, "s");
  let rerank: string[] = [];
  const rows = new Map<string, ArchiveEntry>();
  for (let task = currentTask(state); task !== null; task = currentTask(state)) {
    if (task.kind === "score") {
      const scores = task.codes.map((code) => (isScored ? scoresOf(code) : null));
      state = completeRound(state, specification, { ...scored, scores }).state;
      continue;
    }
    const measurements = task.candidates.map(({ selection }, candidate) => {
      const { parameters = 0 } = context.cheap(selection);
      const accuracy =
        58 - 20 * sizeOf(parameters ?? 0) + 3 * noise(seed, "shared", `${task.round}.${candidate}`);
      return { candidate, values: { accuracy }, images: 250, loss: 1 };
    });
    const outcome = completeRound(state, specification, {
      kind: "trainRound",
      leaseId: "l",
      trainLoss: 1,
      digest: "0",
      seconds: { train: 0, evaluate: 0, idle: 0 },
      measurements,
    });
    state = JSON.parse(JSON.stringify(outcome.state)) as ControllerState;
    rerank = outcome.rerank;
    for (const row of outcome.archive) rows.set(row.hash, row);
  }
  const members = rerank.flatMap((hash) => rows.get(hash) ?? []);
  const judge = judgeOf(context, state.stage);
  const rungs = resolveReranking(specification)?.rungs.length ?? 0;
  const accuracyOf = (hash: string, rung: number) => {
    const parameters = members.find((member) => member.hash === hash)?.values.parameters ?? 0;
    return 70 + 5 * rung + 15 * Math.sqrt(sizeOf(parameters)) + 0.4 * noise(seed, "trained", hash);
  };
  const train = (hashes: string[], rung: number) =>
    hashes.map((hash) => ({ hash, rung, isOpen: false, accuracy: accuracyOf(hash, rung) }));
  let standing: Standing = { members, trainings: train(rerank, 0), rungs, isBudgetSpent: false };
  for (;;) {
    const step = nextStep(standing, judge);
    if (step.kind !== "train")
      return {
        front: trainedFront(standing, judge),
        first: step.kind === "handOver" ? step.order[0] : undefined,
        trainings: standing.trainings.length,
        minimum,
      };
    standing = { ...standing, trainings: [...standing.trainings, ...train(step.hashes, step.rung)] };
  }
}

describe.each(searches)("%s search", (_, input) => {
  const { specification, errors } = checkSpecification(input, pushed);
  if (specification === undefined) throw new Error(JSON.stringify(errors));
  const target = specification.objectives.find(({ name }) => name === "parameters")?.target;

  test("scores architectures first", () => {
    expect(scoredFirst(specification)).toBeGreaterThanOrEqual(16);
  });

  test.each([
    [1, true],
    [2, true],
    [1, false],
    [2, false],
  ])(
    "ends with a front of at least three trained networks, none the smallest of the space or of skips and pools alone (seed %d, scored %s)",
    (seed, isScored) => {
      const { front, first, trainings, minimum } = handedOver(specification, seed, isScored);
      expect(trainings).toBeLessThanOrEqual(rerankingLength(specification).trainings);
      expect(front.length).toBeGreaterThanOrEqual(3);
      for (const { selection, values } of front) {
        expect(values.parameters).toBeGreaterThan(minimum);
        expect(weightlessShare(selection)).toBeLessThan(1);
      }
      const chosen = front.find(({ hash }) => hash === first)?.values.parameters ?? 0;
      if (target === undefined) return;
      // It uses what it may: not far beyond the target, and not far below it.
      expect(chosen).toBeLessThanOrEqual(1.2 * target);
      expect(chosen).toBeGreaterThanOrEqual(target / 2.5);
    },
  );
});
