/**
 * Where a network's weights are kept while it is trained: each list of layers has one row, and rows of one width
 * stand in one matrix, so that reading and updating those of a path takes a few operations however many there are.
 */

import type { Layer, Network } from "../../shared/network.ts";
import { layerLists, type NamedValues, sizeOf, startValues } from "../weightShapes.ts";
import { rowLayout, rowSize } from "./functions.ts";

/** A row of weights. */
export interface Row {
  group: number;
  row: number;
}

/** Rows of one width. Two more follow: one of zeros for layers without weights, and one that takes what is not wanted. */
interface Group {
  width: number;
  rows: { path: string; layers: Layer[] }[];
}

const EXTRA_ROWS = 2;

export class Rows {
  readonly groups: Group[] = [];
  readonly #byPath = new Map<string, Row>();
  readonly #groupOfWidth = new Map<number, number>();
  /** By the path of a list of layers, the width of the rows of its place. */
  readonly #widths = new Map<string, number>();

  constructor(network: Network) {
    const places = new Map<string, { path: string; layers: Layer[] }[]>();
    for (const list of layerLists(network)) places.set(list.path, [list]);
    for (const cell of network.cells) {
      for (const { choices } of cell.edges) {
        for (const choice of choices) places.delete(choice.path);
        const [first] = choices;
        if (first) places.set(first.path, choices);
      }
    }
    for (const alternatives of places.values()) {
      const width = Math.max(...alternatives.map(({ layers }) => rowSize(layers)));
      for (const { path, layers } of alternatives) {
        this.#widths.set(path, width);
        if (rowSize(layers) > 0) this.#byPath.set(path, this.#append(width, { path, layers }));
      }
    }
  }

  /** Width of the rows of the place of a list of layers; 0 where none there has weights. */
  widthOf(path: string): number {
    return this.#widths.get(path) ?? 0;
  }

  /** The row of a list of layers; undefined where it has no weights. */
  of(path: string): Row | undefined {
    return this.#byPath.get(path);
  }

  groupOf(width: number): number {
    return this.#groupOfWidth.get(width) as number;
  }

  rowsOf(group: number): number {
    return (this.groups[group] as Group).rows.length + EXTRA_ROWS;
  }

  zeroRow(group: number): number {
    return this.rowsOf(group) - EXTRA_ROWS;
  }

  trashRow(group: number): number {
    return this.rowsOf(group) - 1;
  }

  /** The first values of all weights, by group. */
  start(seed: number): Float32Array[] {
    return this.#fill((name, shape) => startValues({ ...shape, name }, seed));
  }

  /** Matrices from named values, under `prefix`; what has no value is 0. */
  from(values: NamedValues, prefix = ""): Float32Array[] {
    return this.#fill((name) => values.get(`${prefix}${name}`)?.values);
  }

  /** Calls `visit` for every weight with its place in the matrix of its group. */
  visit(
    visit: (weight: { name: string; shape: number[]; path: string }, group: number, offset: number) => void,
  ): void {
    for (const [group, { width, rows }] of this.groups.entries()) {
      for (const [row, { path, layers }] of rows.entries()) {
        let offset = row * width;
        for (const { name, shape } of rowLayout(layers, path)) {
          visit({ name, shape, path }, group, offset);
          offset += sizeOf(shape);
        }
      }
    }
  }

  #append(width: number, entry: { path: string; layers: Layer[] }): Row {
    let group = this.#groupOfWidth.get(width);
    if (group === undefined) {
      group = this.groups.length;
      this.groups.push({ width, rows: [] });
      this.#groupOfWidth.set(width, group);
    }
    const { rows } = this.groups[group] as Group;
    rows.push(entry);
    return { group, row: rows.length - 1 };
  }

  #fill(
    valuesOf: (name: string, shape: ReturnType<typeof rowLayout>[number]) => Float32Array | undefined,
  ): Float32Array[] {
    return this.groups.map(({ width, rows }, group) => {
      const matrix = new Float32Array(this.rowsOf(group) * width);
      for (const [row, { path, layers }] of rows.entries()) {
        let offset = row * width;
        for (const shape of rowLayout(layers, path)) {
          const values = valuesOf(shape.name, shape);
          if (values) matrix.set(values, offset);
          offset += sizeOf(shape.shape);
        }
      }
      return matrix;
    });
  }
}
