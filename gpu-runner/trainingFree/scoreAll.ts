/** Scores the architectures of a task. */

import { setImmediate as nextTurn } from "node:timers/promises";
import { codeOfText, positionsOf, selectionOf } from "../../shared/code.ts";
import { deriveNetwork, type Network, type NetworkSize } from "../../shared/network.ts";
import type { ScoreTask } from "../../shared/protocol.ts";
import { deriveSeed, Random } from "../../shared/random.ts";
import { genotypeFromSelection, type InlineSpace, resolveSpace } from "../../shared/space.ts";
import { meanScores, type UntrainedScores, untrainedScoresSchema } from "../../shared/untrained.ts";
import type { Images } from "../data/dataset.ts";
import type { Backend } from "../kernels/backend.ts";
import type { WorkHooks } from "../trainRound.ts";
import { PATTERN_IMAGES } from "./activationPatterns.ts";
import { Scorer } from "./scorer.ts";
import { withoutUnread } from "./unread.ts";

type Facts = Pick<Images, "height" | "width" | "channels" | "classes">;

/**
 * Means over the task's seeds, in the order of its architectures; null where a score is no number. What an architecture
 * leaves unread is left out.
 */
export async function scoreAll(
  backend: Backend,
  task: ScoreTask,
  facts: Facts,
  hooks: WorkHooks,
): Promise<(UntrainedScores | null)[]> {
  const { codes, seeds, images } = task;
  const { height, width, channels } = facts;
  const scorers = seeds.map((seed) => {
    const random = new Random(deriveSeed(seed, "noise"));
    const noise = Float32Array.from({ length: images * height * width * channels }, () => random.normal());
    return new Scorer(backend, { seed, images: noise, patternImages: Math.min(images, PATTERN_IMAGES) });
  });
  const networkOf = networks(task, facts);
  const all: (UntrainedScores | null)[] = [];
  try {
    for (const [index, code] of codes.entries()) {
      const network = networkOf(code);
      all.push(usable(meanScores(scorers.map((scorer) => scorer.score(network)))));
      hooks.progress?.(index + 1, codes.length, null);
      await nextTurn(); // timers, such as the heartbeat's, run here
      hooks.throwIfEnded?.();
    }
  } finally {
    for (const scorer of scorers) scorer.dispose();
  }
  return all;
}

/** Ranks alone count: more digits would only make reports longer. */
const digits = 6;

/** Null for what no report may hold. */
function usable(scores: UntrainedScores | null): UntrainedScores | null {
  const entries = Object.entries(scores ?? {}).map(([name, value]) => [
    name,
    Number(value.toPrecision(digits)),
  ]);
  const rounded = untrainedScoresSchema.safeParse(Object.fromEntries(entries));
  return rounded.success ? rounded.data : null;
}

/** Makes an architecture's derived network of the task's size. */
function networks(task: ScoreTask, { classes, ...image }: Facts): (code: string) => Network {
  const space = resolveSpace(task.space as string | InlineSpace);
  const positions = positionsOf(space);
  const { channels, layers, stem } = task;
  const { height, width } = image;
  const size: NetworkSize = {
    channels,
    layers,
    stem,
    classes,
    image: { height, width, channels: image.channels },
  };
  return (code) => {
    const genotype = genotypeFromSelection(space, selectionOf(positions, codeOfText(code)));
    return withoutUnread(deriveNetwork({ genotype, skeleton: space.skeleton, auxiliary: false, ...size }));
  };
}
