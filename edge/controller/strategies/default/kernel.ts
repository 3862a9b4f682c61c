/**
 * How alike two architectures are, in several ways, and the kernels that are made of them: which of the kernels an
 * objective follows is decided by what was measured.
 */

import { type Features, groups, ones } from "./features.ts";

/**
 * Ways of being alike, from 0 to 1: the bits in common over the bits in either, by group of features; `linear`, the
 * share of positions with the same operation, for what adds up over positions; `counted`, the product of operations'
 * counts, for what adds up whatever the position.
 */
const similarities = [...groups, "linear", "counted"] as const;
type Similarity = (typeof similarities)[number];
const linear = similarities.indexOf("linear");
const counted = similarities.indexOf("counted");

/** A kernel: what each way of being alike weighs. */
type Weights = Partial<Record<Similarity, number>>;

const ofGraphs: readonly Weights[] = [
  { live: 0.15, liveCount: 0.15, onPath: 0.35, path: 0.35 },
  { live: 0.5, liveCount: 0.5 },
];
const ofPositions: readonly Weights[] = [
  { position: 0.5, count: 0.5 },
  { linear: 0.5, counted: 0.5 },
];

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

/** Kernels between architectures of one space, all computed together. */
export class Kernels {
  readonly count: number;
  readonly #offsets: Int32Array;
  readonly #positions: number;
  /** By similarity, the weight in each kernel. */
  readonly #weights: Float64Array[];
  /** Bits in common with each other architecture, from one group to the next. */
  #commons = new Int32Array();

  /** @param offsets of the space's `FeatureMap` */
  constructor(offsets: Int32Array, positions: number, list = kernelsFor(offsets)) {
    this.count = list.length;
    this.#offsets = offsets;
    this.#positions = positions;
    this.#weights = similarities.map((name) => Float64Array.from(list, (weights) => weights[name] ?? 0));
  }

  /** By group of features, whether any of the kernels compares it. */
  get wanted(): boolean[] {
    return groups.map((_, index) => {
      const isLinear = index === 0 && !isZero(this.#weights[linear] as Float64Array);
      return isLinear || !isZero(this.#weights[index] as Float64Array);
    });
  }

  /** Some of the kernels, each as often as it is named; -1 for one that is 0. */
  only(indices: readonly number[]): Kernels {
    const list = indices.map((index) =>
      Object.fromEntries(similarities.map((name, at) => [name, this.#weights[at]?.[index] ?? 0])),
    );
    return new Kernels(this.#offsets, this.#positions, list);
  }

  /** Writes each kernel between an architecture and the first `count` others into its array, from `at` on. */
  write(
    features: Features,
    others: Packed,
    into: readonly Float64Array[],
    count = others.size,
    at = 0,
  ): void {
    for (const array of into) array.fill(0, at, at + count);
    for (let group = 0; group < groups.length; group++)
      this.#writeGroup(group, features, others, into, count, at);
    this.#writeCounted(features, others, into, count, at);
  }

  #writeGroup(
    group: number,
    { bits, sizes }: Features,
    others: Packed,
    into: readonly Float64Array[],
    count: number,
    at: number,
  ): void {
    const start = this.#offsets[group] as number;
    const end = this.#offsets[group + 1] as number;
    const weights = this.#weights[group] as Float64Array;
    const linearWeights = group === 0 ? (this.#weights[linear] as Float64Array) : none;
    if (start === end || (isZero(weights) && isZero(linearWeights))) return;
    const words = bits.length;
    const size = sizes[group] as number;
    const commons = this.#reserved(count);
    for (let other = 0, first = 0; other < count; other++, first += words) {
      let common = 0;
      for (let word = start; word < end; word++)
        common += ones((bits[word] as number) & (others.bits[first + word] as number));
      commons[other] = common;
    }
    for (let kernel = 0; kernel < into.length; kernel++) {
      const array = into[kernel] as Float64Array;
      const weight = weights[kernel] as number;
      const perCommon = group === 0 ? (linearWeights[kernel] as number) / this.#positions : 0;
      if (weight === 0 && perCommon === 0) continue;
      for (let other = 0; other < count; other++) {
        const common = commons[other] as number;
        const either = size + (others.sizes[other * groups.length + group] as number) - common;
        const share = either === 0 ? 1 : common / either;
        array[at + other] = (array[at + other] as number) + weight * share + perCommon * common;
      }
    }
  }

  #reserved(count: number): Int32Array {
    if (this.#commons.length < count) this.#commons = new Int32Array(count);
    return this.#commons;
  }

  #writeCounted(
    { counts }: Features,
    others: Packed,
    into: readonly Float64Array[],
    count: number,
    at: number,
  ): void {
    const weights = this.#weights[counted] as Float64Array;
    if (isZero(weights)) return;
    const names = counts.length;
    const largest = this.#positions * this.#positions;
    for (let other = 0; other < count; other++) {
      let product = 0;
      for (let name = 0; name < names; name++)
        product += (counts[name] as number) * (others.counts[other * names + name] as number);
      for (let kernel = 0; kernel < into.length; kernel++) {
        const array = into[kernel] as Float64Array;
        array[at + other] = (array[at + other] as number) + ((weights[kernel] as number) * product) / largest;
      }
    }
  }
}

const none = new Float64Array();

function isZero(weights: Float64Array): boolean {
  for (const weight of weights) if (weight !== 0) return false;
  return true;
}

/** Those that a space has the features for. */
function kernelsFor(offsets: Int32Array): readonly Weights[] {
  const first = groups.indexOf("onPath");
  const hasPaths = (offsets[first + 1] as number) > (offsets[first] as number);
  return hasPaths ? [...ofGraphs, ...ofPositions] : ofPositions;
}
