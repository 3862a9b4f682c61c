/** How alike two architectures are, for what decides quality and for what decides costs. */

import { type Features, type Group, groups, ones } from "./features.ts";

/** Weights of groups of features: of bits in common over bits in either. */
type Weights = Partial<Record<Group, number>>;

/** What decides quality is what a cell computes, whatever edges compute it. */
const quality: Weights = { live: 0.1, liveCount: 0.1, sequence: 0.1, onPath: 0.35, path: 0.35 };
const qualityWithoutPaths: Weights = { position: 0.5, count: 0.5 };

/** Costs mostly add up over operations. */
const cost: Weights = { position: 0.2, onPath: 0.15 };
const costWithoutPaths: Weights = { position: 0.35 };
/** Weight of the share of positions with the same operation: for what adds up over positions. */
const linear = 0.15;
/** Weight of the product of operations' counts: for what adds up whatever the position. */
const counted = 0.6;

/** Architectures side by side, for loops without objects. */
export class Packed {
  readonly size: number;
  readonly bits: Int32Array;
  readonly sizes: Int32Array;
  readonly counts: Float64Array;

  constructor(list: readonly Features[]) {
    const [first] = list;
    const words = first?.bits.length ?? 0;
    const names = first?.counts.length ?? 0;
    this.size = list.length;
    this.bits = new Int32Array(words * list.length);
    this.sizes = new Int32Array(groups.length * list.length);
    this.counts = new Float64Array(names * list.length);
    for (const [index, { bits, sizes, counts }] of list.entries()) {
      this.bits.set(bits, index * words);
      this.sizes.set(sizes, index * groups.length);
      this.counts.set(counts, index * names);
    }
  }
}

/** The kernel for quality and the one for costs, which share most of their work. */
export class Kernels {
  readonly #offsets: Int32Array;
  readonly #quality: Float64Array;
  readonly #cost: Float64Array;
  readonly #positions: number;

  /** @param offsets of the space's `FeatureMap` */
  constructor(offsets: Int32Array, positions: number, usesPaths = true) {
    const first = groups.indexOf("onPath");
    const hasPaths = usesPaths && (offsets[first + 1] as number) > (offsets[first] as number);
    const weights = (of: Weights) => Float64Array.from(groups, (group) => of[group] ?? 0);
    this.#offsets = offsets;
    this.#quality = weights(hasPaths ? quality : qualityWithoutPaths);
    this.#cost = weights(hasPaths ? cost : costWithoutPaths);
    this.#positions = positions;
  }

  /** Writes both kernels between an architecture and the first `count` others, from `at` on. */
  write(
    { bits, sizes, counts }: Features,
    others: Packed,
    into: { quality: Float64Array; cost: Float64Array },
    count = others.size,
    at = 0,
  ): void {
    const words = bits.length;
    const names = counts.length;
    const offsets = this.#offsets;
    for (let other = 0; other < count; other++) {
      let forQuality = 0;
      let forCost = 0;
      const firstWord = other * words;
      const firstSize = other * groups.length;
      for (let group = 0; group < groups.length; group++) {
        const start = offsets[group] as number;
        const end = offsets[group + 1] as number;
        const qualityWeight = this.#quality[group] as number;
        const costWeight = this.#cost[group] as number;
        if (start === end || (qualityWeight === 0 && costWeight === 0)) continue;
        let common = 0;
        for (let word = start; word < end; word++)
          common += ones((bits[word] as number) & (others.bits[firstWord + word] as number));
        const either = (sizes[group] as number) + (others.sizes[firstSize + group] as number) - common;
        const share = either === 0 ? 1 : common / either;
        forQuality += qualityWeight * share;
        forCost += costWeight * share;
        if (group === 0) forCost += (linear * common) / this.#positions;
      }
      let product = 0;
      const firstCount = other * names;
      for (let name = 0; name < names; name++)
        product += (counts[name] as number) * (others.counts[firstCount + name] as number);
      into.quality[at + other] = forQuality;
      into.cost[at + other] = forCost + (counted * product) / (this.#positions * this.#positions);
    }
  }
}
