/**
 * What two architectures have in common, as bits: the features of an architecture are groups of bits, and how alike
 * two architectures are in a group is the share of bits that they have in common. Counts are written in unary, so
 * that common bits are the smaller count.
 *
 * A cell is compared as what it computes: operations on no path from an input to an output are left out. Besides its
 * edges and the number of each operation, its paths are compared: which operations lie on how many paths, how long
 * paths are, which operations a path holds in any order, and in order (the path encoding of White et al. 2019,
 * BANANAS). A space without a graph has positions and counts only.
 */

import type { Code, Position } from "../../../../shared/code.ts";
import { operations } from "../../../../shared/operations.ts";
import { concatOf, edgesOf, type SearchSpace } from "../../../../shared/space.ts";

const wordBits = 32;
/** Words of a group whose bits are hashed, and the most that any group has. */
const hashedWords = 3;
const mostWords = 8;
/** Larger counts are taken for it. */
const largestCount = 12;
const longestPath = 8;
/** Paths of a cell that are looked at, short ones first. */
const mostPaths = 128;

/** Groups of bits, in the order in which they lie in an architecture's features. */
export const groups = ["position", "count", "live", "liveCount", "onPath", "path", "sequence"] as const;
export type Group = (typeof groups)[number];

export interface Features {
  bits: Int32Array;
  /** By group, the number of bits that are set. */
  sizes: Int32Array;
  /** How often each operation occurs, by kind of cell and operation. */
  counts: Float64Array;
}

/** Features of the architectures of one space. */
export class FeatureMap {
  /** First word of each group, and the end of the last. */
  readonly offsets: Int32Array;
  readonly positions: readonly Position[];
  readonly #kinds: readonly (readonly (readonly number[])[])[];
  /** By position and index, the number of the operation among all of its kind's. */
  readonly #names: number[][];
  readonly #isNone: boolean[];
  readonly #isSkip: boolean[];
  /** Counts of operations above it are taken for it. */
  readonly #levels: number;

  constructor(space: SearchSpace, positions: readonly Position[]) {
    this.positions = positions;
    const numbers = new Map<string, number>();
    const names: string[] = [];
    this.#names = positions.map(({ kind, operations: list }) =>
      list.map((name) => {
        const key = `${kind} ${name}`;
        const number = numbers.get(key) ?? names.push(name) - 1;
        numbers.set(key, number);
        return number;
      }),
    );
    this.#isNone = names.map((name) => operations[name]?.isNone ?? false);
    this.#isSkip = names.map((name) => operations[name]?.isSkip ?? false);
    this.#kinds = pathsOf(space, positions);
    this.#levels = Math.min(positions.length, largestCount);
    const choices = positions.reduce((sum, { operations: list }) => sum + list.length, 0);
    this.offsets = offsetsOf(
      choices,
      names.length * this.#levels,
      this.#kinds.some((paths) => paths.length > 0),
    );
  }

  of(code: Code): Features {
    const bits = new Int32Array(this.offsets[groups.length] ?? 0);
    const counts = new Float64Array(this.#isNone.length);
    const names = code.map((index, position) => this.#names[position]?.[index] ?? 0);
    this.#addPositions(bits, "position", code, () => true);
    for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
    this.#addCounts(bits, "count", counts, this.#levels);
    if (this.offsets[groups.length] !== this.offsets[2]) this.#addPaths(bits, code, names);
    return { bits, sizes: this.#sizes(bits), counts };
  }

  #addPaths(bits: Int32Array, code: Code, names: readonly number[]): void {
    const isLive = new Uint8Array(names.length);
    const through = new Float64Array(names.length);
    const lengths = new Float64Array(this.#kinds.length * (longestPath + 1));
    const seen = new Map<number, number>();
    for (const [kind, paths] of this.#kinds.entries())
      for (const path of paths) {
        if (path.some((position) => this.#isNone[names[position] as number])) continue;
        let length = 0;
        let unordered = mixed(kind);
        let ordered = unordered;
        for (const position of path) {
          const name = names[position] as number;
          isLive[position] = 1;
          if (this.#isSkip[name]) continue;
          length++;
          through[name] = (through[name] ?? 0) + 1;
          unordered = (unordered + mixed(name + 1)) | 0;
          ordered = mixed(ordered ^ (name + 1));
        }
        const slot = kind * (longestPath + 1) + Math.min(length, longestPath);
        lengths[slot] = (lengths[slot] ?? 0) + 1;
        this.#more(bits, "path", mixed(unordered), seen);
        this.#more(bits, "sequence", mixed(ordered ^ 0x5bd1e995), seen);
      }
    this.#addCounts(bits, "onPath", through, largestCount);
    this.#addCounts(bits, "onPath", lengths, largestCount, names.length * largestCount);
    this.#addPositions(bits, "live", code, (position) => isLive[position] === 1);
    const counts = new Float64Array(this.#isNone.length);
    for (const [position, name] of names.entries())
      if (isLive[position] === 1) counts[name] = (counts[name] ?? 0) + 1;
    this.#addCounts(bits, "liveCount", counts, this.#levels);
  }

  /** One more of what the key stands for. */
  #more(bits: Int32Array, group: Group, key: number, seen: Map<number, number>): void {
    const count = (seen.get(key) ?? 0) + 1;
    seen.set(key, count);
    if (count <= largestCount) this.#setBit(bits, group, mixed(key + count) >>> 0);
  }

  #addPositions(bits: Int32Array, group: Group, code: Code, includes: (position: number) => boolean): void {
    let first = 0;
    for (const [position, { operations: list }] of this.positions.entries()) {
      if (includes(position)) this.#setBit(bits, group, first + (code[position] ?? 0));
      first += list.length;
    }
  }

  /** Each count in unary, from a first bit on. */
  #addCounts(bits: Int32Array, group: Group, counts: Float64Array, levels: number, first = 0): void {
    for (const [index, count] of counts.entries())
      for (let level = 0; level < Math.min(count, levels); level++)
        this.#setBit(bits, group, first + index * levels + level);
  }

  #setBit(bits: Int32Array, group: Group, number: number): void {
    const index = groups.indexOf(group);
    const start = this.offsets[index] ?? 0;
    const words = (this.offsets[index + 1] ?? 0) - start;
    if (words === 0) return;
    const bit = number % (words * wordBits);
    const word = start + (bit >>> 5);
    bits[word] = (bits[word] ?? 0) | (1 << (bit & 31));
  }

  #sizes(bits: Int32Array): Int32Array {
    const sizes = new Int32Array(groups.length);
    for (let group = 0; group < groups.length; group++)
      for (let word = this.offsets[group] ?? 0; word < (this.offsets[group + 1] ?? 0); word++)
        sizes[group] = (sizes[group] ?? 0) + ones(bits[word] ?? 0);
    return sizes;
  }
}

/** First word of each group, and the end of the last. */
function offsetsOf(choices: number, countBits: number, hasPaths: boolean): Int32Array {
  const words: Record<Group, number> = {
    position: Math.ceil(choices / wordBits),
    count: Math.ceil(countBits / wordBits),
    live: hasPaths ? Math.ceil(choices / wordBits) : 0,
    liveCount: hasPaths ? Math.ceil(countBits / wordBits) : 0,
    onPath: hasPaths ? hashedWords : 0,
    path: hasPaths ? hashedWords : 0,
    sequence: hasPaths ? hashedWords : 0,
  };
  const offsets = new Int32Array(groups.length + 1);
  for (const [index, group] of groups.entries())
    offsets[index + 1] = (offsets[index] ?? 0) + Math.min(words[group], mostWords);
  return offsets;
}

/** Bits that are set in a 32-bit word. */
export function ones(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** Bits of a number, scattered: the finaliser of MurmurHash3 (Appleby). */
function mixed(value: number): number {
  let bits = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}

/** By kind of cell, the paths from an input node to a node of the output, each as indices of positions. */
function pathsOf(space: SearchSpace, positions: readonly Position[]): number[][][] {
  if (space.skeleton === "positions") return [];
  const edges = edgesOf(space);
  const ends = new Set(concatOf(space));
  return Object.keys(space.cells).map((kind) => {
    const first = positions.findIndex((position) => position.kind === kind);
    const paths: number[][] = [];
    let growing = Array.from({ length: space.inputs }, (_, node) => ({ node, path: [] as number[] }));
    while (growing.length > 0 && paths.length < mostPaths) {
      growing = growing.flatMap(({ node, path }) =>
        edges
          .filter(({ from }) => from === node)
          .map(({ to, position }) => ({ node: to, path: [...path, first + position] })),
      );
      for (const { node, path } of growing) if (ends.has(node)) paths.push(path);
    }
    return paths.slice(0, mostPaths);
  });
}
