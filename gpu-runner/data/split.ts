/** Splits training images in the half that trains weights and the half that rewards architectures. */

import { deriveSeed, Random } from "../../shared/random.ts";
import type { Images } from "./dataset.ts";

/** Two disjoint lists of image indices that together name every image, each in random order. */
export interface Halves {
  /** Half A: images on which weights are trained. */
  weights: Int32Array;
  /** Half B: images on which architectures are judged. */
  rewards: Int32Array;
}

/**
 * A seeded split that keeps the proportion of every class to within one image.
 *
 * @param options `valid`: the fraction of the images that goes to half B, above 0 and below 1
 * @throws RangeError where the fraction is not between 0 and 1
 * @example
 * const { weights, rewards } = splitHalves(dataset.train, 7, { valid: 0.5 });
 */
export function splitHalves(
  { labels, classes }: Pick<Images, "labels" | "classes">,
  seed: number,
  { valid }: { valid: number },
): Halves {
  if (!(valid > 0 && valid < 1)) throw new RangeError(`valid must be between 0 and 1, not ${valid}`);
  const random = new Random(deriveSeed(seed, "split"));
  const byClass = Array.from({ length: classes }, (): number[] => []);
  for (const [index, label] of labels.entries()) byClass[label]?.push(index);

  const weights: number[] = [];
  const rewards: number[] = [];
  let seen = 0;
  for (const members of byClass) {
    random.shuffle(members);
    seen += members.length;
    // Rounding the running total makes the whole exact, not only each class.
    const rewardsOfClass = Math.round(seen * valid) - rewards.length;
    rewards.push(...members.slice(0, rewardsOfClass));
    weights.push(...members.slice(rewardsOfClass));
  }
  random.shuffle(weights);
  random.shuffle(rewards);
  return { weights: Int32Array.from(weights), rewards: Int32Array.from(rewards) };
}
