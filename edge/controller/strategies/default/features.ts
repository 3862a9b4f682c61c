/**
 * What two architectures have in common, as bits: the features of an architecture are groups of bits, and how alike
 * two architectures are in a group is the share of bits that they have in common. Counts are written in unary, so
 * that common bits are the smaller count.
 *
 * A cell is compared as what it computes: operations on no path from an input to an output are left out. Besides its
 * edges and the number of each operation, its paths are compared: which operations lie on how many paths, how long
 * paths are, and which operations a path holds (after the path encoding of White et al. 2019, BANANAS, without its
 * order). A space without a graph has positions and counts only.
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
/** Places for counts of paths, a power of two. */
const countedKeys = 512;
/** Steps of a cell's paths that are looked at, those near its inputs first. */
const mostSteps = 192;

/** Groups of bits, in the order in which they lie in an architecture's features. */
export const groups = ["position", "count", "live", "liveCount", "onPath", "path"] as const;
export type Group = (typeof groups)[number];

const groupIndex = Object.fromEntries(groups.map((group, index) => [group, index])) as Record<Group, number>;

const firstOfPaths = groups.indexOf("live");
const everyGroup = groups.map(() => true);

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
  readonly #trees: readonly PathTree[];
  /** By position and index, the number of the operation among all of its kind's. */
  readonly #names: number[][];
  readonly #isNone: boolean[];
  readonly #isSkip: boolean[];
  /** Counts of operations above it are taken for it. */
  readonly #levels: number;
  #wanted: readonly boolean[] = everyGroup;
  readonly #times = new Uint16Array(countedKeys);
  /** Of each step of a tree: operations so far, or -1 behind `none`; hashes of these; paths that end there or beyond. */
  readonly #lengths = new Int32Array(mostSteps);
  readonly #hashes = new Int32Array(mostSteps);
  readonly #paths = new Int32Array(mostSteps);

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
    this.#trees = treesOf(space, positions);
    this.#levels = Math.min(positions.length, largestCount);
    const choices = positions.reduce((sum, { operations: list }) => sum + list.length, 0);
    this.offsets = offsetsOf(
      choices,
      names.length * this.#levels,
      this.#trees.some(({ size }) => size > 0),
    );
  }

  /** @param wanted by group, whether it is: bits of others are 0 */
  of(code: Code, wanted: readonly boolean[] = everyGroup): Features {
    this.#wanted = wanted;
    const bits = new Int32Array(this.offsets[groups.length] ?? 0);
    const counts = new Float64Array(this.#isNone.length);
    const names = code.map((index, position) => this.#names[position]?.[index] ?? 0);
    this.#addPositions(bits, "position", code);
    for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
    this.#addCounts(bits, "count", counts, this.#levels);
    if (wanted.some((isWanted, group) => isWanted && group >= firstOfPaths) && this.#trees.length > 0)
      this.#addPaths(bits, code, names);
    return { bits, sizes: this.#sizes(bits), counts };
  }

  #addPaths(bits: Int32Array, code: Code, names: readonly number[]): void {
    const isLive = new Uint8Array(names.length);
    const through = new Float64Array(this.#isNone.length);
    const lengths = new Float64Array(this.#trees.length * (longestPath + 1));
    this.#times.fill(0);
    for (const [kind, tree] of this.#trees.entries()) {
      this.#walk(kind, tree, names, bits, lengths);
      for (let step = tree.size - 1; step >= 0; step--) {
        const paths = this.#paths[step] as number;
        if (paths === 0) continue;
        const position = tree.positions[step] as number;
        const name = names[position] as number;
        isLive[position] = 1;
        if (!this.#isSkip[name]) through[name] = (through[name] as number) + paths;
        const parent = tree.parents[step] as number;
        if (parent >= 0) this.#paths[parent] = (this.#paths[parent] as number) + paths;
      }
    }
    this.#addCounts(bits, "onPath", through, largestCount);
    this.#addCounts(bits, "onPath", lengths, largestCount, this.#isNone.length * largestCount);
    this.#addPositions(bits, "live", code, isLive);
    const counts = new Float64Array(this.#isNone.length);
    for (const [position, name] of names.entries())
      if (isLive[position] === 1) counts[name] = (counts[name] ?? 0) + 1;
    this.#addCounts(bits, "liveCount", counts, this.#levels);
  }

  /** Goes from the inputs on, each step once whatever paths share it, and leaves in `#paths` where paths end. */
  #walk(
    kind: number,
    { size, positions, parents, isEnd }: PathTree,
    names: readonly number[],
    bits: Int32Array,
    lengths: Float64Array,
  ): void {
    const lengthOf = this.#lengths;
    const hashOf = this.#hashes;
    for (let step = 0; step < size; step++) {
      this.#paths[step] = 0;
      const parent = parents[step] as number;
      const name = names[positions[step] as number] as number;
      let length = parent < 0 ? 0 : (lengthOf[parent] as number);
      if (length < 0 || this.#isNone[name]) {
        lengthOf[step] = -1;
        continue;
      }
      let hash = parent < 0 ? mixed(kind) : (hashOf[parent] as number);
      if (!this.#isSkip[name]) {
        length++;
        hash = (hash + mixed(name + 1)) | 0;
      }
      lengthOf[step] = length;
      hashOf[step] = hash;
      if (isEnd[step] === 0) continue;
      this.#paths[step] = 1;
      const slot = kind * (longestPath + 1) + Math.min(length, longestPath);
      lengths[slot] = (lengths[slot] as number) + 1;
      this.#more(bits, "path", mixed(hash));
    }
  }

  /** One more of what the key stands for; keys that share a place are counted together. */
  #more(bits: Int32Array, group: Group, key: number): void {
    if (!this.#wanted[groupIndex[group]]) return;
    const place = key & (countedKeys - 1);
    const count = (this.#times[place] as number) + 1;
    this.#times[place] = count;
    if (count <= largestCount) this.#setBit(bits, group, mixed(key + count) >>> 0);
  }

  #addPositions(bits: Int32Array, group: Group, code: Code, isLive?: Uint8Array): void {
    if (!this.#wanted[groupIndex[group]]) return;
    let first = 0;
    for (let position = 0; position < code.length; position++) {
      if (isLive?.[position] !== 0) this.#setBit(bits, group, first + (code[position] as number));
      first += (this.positions[position] as Position).operations.length;
    }
  }

  /** Each count in unary, from a first bit on. */
  #addCounts(bits: Int32Array, group: Group, counts: Float64Array, levels: number, first = 0): void {
    if (!this.#wanted[groupIndex[group]]) return;
    for (let index = 0; index < counts.length; index++) {
      const count = Math.min(counts[index] as number, levels);
      for (let level = 0; level < count; level++) this.#setBit(bits, group, first + index * levels + level);
    }
  }

  #setBit(bits: Int32Array, group: Group, number: number): void {
    const index = groupIndex[group];
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

/** The paths of a kind of cell from its inputs on, as a tree: a step is an edge after the steps before it. */
interface PathTree {
  size: number;
  /** By step, the edge's position. */
  positions: Int32Array;
  /** The step before, a smaller number; -1 for none. */
  parents: Int32Array;
  /** 1 where the step leads to a node of the output. */
  isEnd: Uint8Array;
}

function treesOf(space: SearchSpace, places: readonly Position[]): PathTree[] {
  if (space.skeleton === "positions") return [];
  const edges = edgesOf(space);
  const ends = new Set(concatOf(space));
  return Object.keys(space.cells).map((kind) => {
    const first = places.findIndex((position) => position.kind === kind);
    const steps: { position: number; parent: number; node: number }[] = [];
    const grow = (node: number, parent: number) => {
      for (const { from, to, position } of edges)
        if (from === node) steps.push({ position: first + position, parent, node: to });
    };
    for (let input = 0; input < space.inputs; input++) grow(input, -1);
    for (let step = 0; step < steps.length && steps.length < mostSteps; step++)
      grow((steps[step] as (typeof steps)[number]).node, step);
    const kept = steps.slice(0, mostSteps);
    return {
      size: kept.length,
      positions: Int32Array.from(kept, ({ position }) => position),
      parents: Int32Array.from(kept, ({ parent }) => parent),
      isEnd: Uint8Array.from(kept, ({ node }) => (ends.has(node) ? 1 : 0)),
    };
  });
}
