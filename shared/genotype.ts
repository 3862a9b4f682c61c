/**
 * An architecture as plain data: which operation sits on which edge of each kind of cell. Its JSON form is the object
 * itself; its text forms are those of DARTS and NAS-Bench-201; its hash is the same for isomorphic cells.
 */

import { z } from "zod";
import { hashText } from "./hash.ts";
import { operations } from "./operations.ts";
import type { SearchSpace } from "./space.ts";
import { spaces } from "./space.ts";
import { didYouMean } from "./suggest.ts";

export interface GenotypeEdge {
  operation: string;
  /** Index of the source node within the cell; inputs come first. */
  input: number;
}

export interface CellGenotype {
  /** For each intermediate node, its incoming edges; `none` is never listed; an empty list is a node of zeros. */
  nodes: GenotypeEdge[][];
  /** Node indices (inputs counted) whose concatenation is the output. */
  concat: number[];
}

export interface Genotype {
  /** Name of the space or `inline`. */
  space: string;
  /** By cell kind: `normal`, and `reduction` where the space has one. */
  cells: Record<string, CellGenotype>;
}

const MAX_NODES = 32;
const DARTS_INPUTS = 2;
/** The text form's name of each kind of cell. */
const TEXT_KINDS: readonly (readonly [kind: string, text: string])[] = [
  ["normal", "normal"],
  ["reduction", "reduce"],
];

const cellSchema = z.object({
  nodes: z
    .array(
      z.array(
        z.object({
          operation: z.string().refine((name) => name !== "none" && Object.hasOwn(operations, name), {
            error: (issue) =>
              `There is no operation "${issue.input}" for an edge. ${didYouMean(String(issue.input), operationNames())}`,
          }),
          input: z.int().min(0).max(MAX_NODES),
        }),
      ),
    )
    .min(1)
    .max(MAX_NODES),
  concat: z.array(z.int().min(0).max(MAX_NODES)).min(1),
});

/** The JSON form of a genotype. Whether edges point backwards depends on the space and is checked when it is built. */
export const genotypeSchema = z.object({
  space: z.string().min(1).max(64),
  cells: z.record(z.string(), cellSchema),
});

/**
 * The genotype as DARTS prints it, or as NAS-Bench-201 does when it has no reduction cell. Cells whose every node has two
 * edges give flat lists; others give one list per node.
 *
 * @throws Error when a NAS-Bench-201 cell has two operations on one edge, which its text cannot say
 */
export function printGenotype(genotype: Genotype): string {
  const { normal, reduction, positions } = genotype.cells;
  if (positions) return positions.nodes.map(([edge]) => edge?.operation ?? "none").join(", ");
  if (normal && !reduction) return printNasBench(normal);
  const parts = TEXT_KINDS.flatMap(([kind, name]) => {
    const cell = genotype.cells[kind];
    return cell ? [`${name}=${printNodes(cell.nodes)}`, `${name}_concat=${printConcat(cell.concat)}`] : [];
  });
  return `Genotype(${parts.join(", ")})`;
}

function printNodes(nodes: readonly GenotypeEdge[][]): string {
  const printed = nodes.map((node) =>
    node.map(({ operation, input }) => `('${operation}', ${input})`).join(", "),
  );
  const isFlat = nodes.every((node) => node.length === 2);
  return `[${(isFlat ? printed : printed.map((node) => `[${node}]`)).join(", ")}]`;
}

function printConcat(concat: readonly number[]): string {
  const first = concat[0] ?? 0;
  const isRange = concat.every((node, index) => node === first + index);
  return isRange ? `range(${first}, ${first + concat.length})` : `[${concat.join(", ")}]`;
}

function printNasBench(cell: CellGenotype): string {
  return cell.nodes
    .map((node, index) => {
      const names = Array.from({ length: index + 1 }, (_, input) => {
        const here = node.filter((edge) => edge.input === input);
        if (here.length > 1) throw new Error(`Node ${index + 1} has two operations from node ${input}.`);
        return `${here[0]?.operation ?? "none"}~${input}|`;
      });
      return `|${names.join("")}`;
    })
    .join("+");
}

/**
 * Reads a genotype from its text form: `Genotype(normal=[...], normal_concat=..., reduce=[...], reduce_concat=...)` as
 * printed by DARTS and its successors, or `|op~0|+|op~0|op~1|+...` of NAS-Bench-201. A leading `NAME =`, comments, either
 * quotes, lists, tuples and `range` are understood; a flat list means two operations per node.
 *
 * @param space name of the space it belongs to; by default the first built-in space that has all its operations, or
 *   `inline`
 * @throws Error saying what was expected, at which line and column
 * @example parseGenotype("Genotype(normal=[('skip_connect', 0), ('sep_conv_3x3', 1)], reduce=[...])")
 */
export function parseGenotype(text: string, space?: string): Genotype {
  const scanner = new Scanner(text);
  const cells = scanner.peek("|") ? { normal: readNasBench(scanner) } : readDarts(scanner);
  scanner.end();
  return { space: space ?? spaceOf(cells), cells };
}

function spaceOf(cells: Genotype["cells"]): string {
  const kinds = Object.keys(cells).join();
  const fits = (space: SearchSpace) =>
    Object.keys(space.cells).join() === kinds &&
    Object.entries(cells).every(
      ([kind, cell]) =>
        cell.nodes.length === space.nodes &&
        cell.nodes.flat().every(({ operation }) => space.cells[kind]?.operations.includes(operation)),
    );
  // DARTS comes before TND-NAS in published genotypes, and the two share operations.
  const order = ["darts", "tnd-nas", "nas-bench-201"].flatMap((name) => spaces[name] ?? []);
  return order.find(fits)?.name ?? "inline";
}

interface Value {
  position: number;
  data: number | string | Value[];
}

function readDarts(scanner: Scanner): Genotype["cells"] {
  const name = scanner.word("Genotype(...) or |operation~0|+|...|");
  if (scanner.take("=")) scanner.expectWord("Genotype");
  else if (name !== "Genotype") scanner.fail(`Expected Genotype(...), found "${name}".`);
  scanner.expect("(");
  const values = new Map<string, Value>();
  const known = TEXT_KINDS.flatMap(([, kindName]) => [kindName, `${kindName}_concat`]);
  while (!scanner.take(")")) {
    const start = scanner.position;
    const key = scanner.word("the name of a cell");
    if (!known.includes(key))
      scanner.fail(`There is no "${key}" in a genotype. ${didYouMean(key, known)}`, start);
    if (values.has(key)) scanner.fail(`"${key}" is given twice.`, start);
    scanner.expect("=");
    values.set(key, readValue(scanner));
    if (!scanner.take(",") && !scanner.peek(")")) scanner.fail('Expected "," or ")".');
  }
  const cells: Genotype["cells"] = {};
  for (const [kind, key] of TEXT_KINDS) {
    const value = values.get(key) ?? scanner.fail(`The genotype lacks "${key}".`);
    const nodes = toNodes(scanner, value);
    cells[kind] = { nodes, concat: toConcat(scanner, values.get(`${key}_concat`), nodes.length) };
  }
  return cells;
}

function readValue(scanner: Scanner): Value {
  scanner.passBlanks();
  const position = scanner.position;
  const close = scanner.take("[") ? "]" : scanner.take("(") ? ")" : undefined;
  if (close) {
    const data: Value[] = [];
    while (!scanner.take(close)) {
      data.push(readValue(scanner));
      if (!scanner.take(",") && !scanner.peek(close)) scanner.fail(`Expected "," or "${close}".`);
    }
    return { position, data };
  }
  const text = scanner.quoted();
  if (text !== undefined) return { position, data: text };
  const number = scanner.number();
  if (number !== undefined) return { position, data: number };
  scanner.expectWord("range", "a list, a tuple, a range, a quoted name or a whole number");
  return { position, data: readRange(scanner) };
}

function readRange(scanner: Scanner): Value[] {
  scanner.expect("(");
  const position = scanner.position;
  const first = scanner.number() ?? scanner.fail("Expected a whole number.");
  const second = scanner.take(",")
    ? (scanner.number() ?? scanner.fail("Expected a whole number."))
    : undefined;
  scanner.expect(")");
  const [from, to] = second === undefined ? [0, first] : [first, second];
  if (to - from > MAX_NODES) scanner.fail(`A cell has at most ${MAX_NODES} nodes.`, position);
  return Array.from({ length: Math.max(0, to - from) }, (_, index) => ({ position, data: from + index }));
}

function toNodes(scanner: Scanner, value: Value): GenotypeEdge[][] {
  const list = Array.isArray(value.data) ? value.data : [];
  if (list.length === 0) scanner.fail("Expected a list of operations.", value.position);
  const isPair = (entry: Value) => Array.isArray(entry.data) && typeof entry.data[0]?.data === "string";
  let groups: Value[][];
  if (list.every(isPair)) {
    if (list.length % 2 !== 0) {
      scanner.fail(
        `A flat list has two operations per node; this one has ${list.length}. Use one list per node.`,
        value.position,
      );
    }
    groups = Array.from({ length: list.length / 2 }, (_, index) => list.slice(2 * index, 2 * index + 2));
  } else {
    groups = list.map((node) =>
      Array.isArray(node.data) && !isPair(node)
        ? node.data
        : scanner.fail("Expected the list of a node's operations.", node.position),
    );
  }
  if (groups.length > MAX_NODES) scanner.fail(`A cell has at most ${MAX_NODES} nodes.`, value.position);
  return groups.map((group, index) =>
    group
      .map((entry) => toEdge(scanner, entry, index + DARTS_INPUTS))
      .filter(({ operation }) => operation !== "none"),
  );
}

function toEdge(scanner: Scanner, value: Value, node: number): GenotypeEdge {
  const [operation, input, ...rest] = Array.isArray(value.data) ? value.data : [];
  if (typeof operation?.data !== "string" || typeof input?.data !== "number" || rest.length > 0) {
    return scanner.fail("Expected ('operation', input).", value.position);
  }
  checkOperation(scanner, operation.data, operation.position);
  if (input.data < 0 || input.data >= node) {
    scanner.fail(`Node ${node} takes inputs 0 to ${node - 1}, not ${input.data}.`, input.position);
  }
  return { operation: operation.data, input: input.data };
}

function toConcat(scanner: Scanner, value: Value | undefined, nodes: number): number[] {
  const last = DARTS_INPUTS + nodes - 1;
  if (!value) return Array.from({ length: nodes }, (_, index) => DARTS_INPUTS + index);
  if (!Array.isArray(value.data) || value.data.length === 0) {
    return scanner.fail("Expected the nodes to concatenate.", value.position);
  }
  return value.data.map(({ data, position }) => {
    if (typeof data === "number" && data >= DARTS_INPUTS && data <= last) return data;
    return scanner.fail(`Nodes to concatenate are whole numbers from ${DARTS_INPUTS} to ${last}.`, position);
  });
}

function readNasBench(scanner: Scanner): CellGenotype {
  const nodes: GenotypeEdge[][] = [];
  do {
    const node: GenotypeEdge[] = [];
    scanner.expect("|");
    for (let input = 0; input <= nodes.length; input++) {
      scanner.passBlanks();
      const start = scanner.position;
      const operation = scanner.word("an operation");
      checkOperation(scanner, operation, start);
      scanner.expect("~");
      const at = scanner.position;
      const from = scanner.number();
      if (from !== input)
        scanner.fail(`Node ${nodes.length + 1} lists its inputs 0 to ${nodes.length} in order.`, at);
      scanner.expect("|");
      if (operation !== "none") node.push({ operation, input });
    }
    nodes.push(node);
    if (nodes.length > MAX_NODES) scanner.fail(`A cell has at most ${MAX_NODES} nodes.`);
  } while (scanner.take("+"));
  return { nodes, concat: [nodes.length] };
}

function checkOperation(scanner: Scanner, name: string, position: number): void {
  if (Object.hasOwn(operations, name)) return;
  scanner.fail(`There is no operation "${name}". ${didYouMean(name, operationNames())}`, position);
}

function operationNames(): string[] {
  return Object.keys(operations);
}

/** Reads a text token by token; whitespace, comments and line continuations between tokens mean nothing. */
class Scanner {
  readonly #text: string;
  position = 0;

  constructor(text: string) {
    this.#text = text;
    this.passBlanks();
  }

  passBlanks(): void {
    this.#match(/(?:\s|\\\r?\n|#.*)*/y);
  }

  peek(token: string): boolean {
    this.passBlanks();
    return this.#text.startsWith(token, this.position);
  }

  take(token: string): boolean {
    if (!this.peek(token)) return false;
    this.position += token.length;
    return true;
  }

  expect(token: string): void {
    if (!this.take(token)) this.fail(`Expected "${token}".`);
  }

  word(expected: string): string {
    this.passBlanks();
    return this.#match(/[A-Za-z_]\w*/y) ?? this.fail(`Expected ${expected}.`);
  }

  expectWord(word: string, expected = word): void {
    this.passBlanks();
    const start = this.position;
    if (this.#match(/[A-Za-z_]\w*/y) !== word) this.fail(`Expected ${expected}.`, start);
  }

  number(): number | undefined {
    this.passBlanks();
    const digits = this.#match(/-?\d{1,9}(?![\w.])/y);
    return digits === undefined ? undefined : Number(digits);
  }

  quoted(): string | undefined {
    this.passBlanks();
    return this.#match(/'[^'\n]*'|"[^"\n]*"/y)?.slice(1, -1);
  }

  end(): void {
    this.passBlanks();
    if (this.position < this.#text.length) this.fail("Expected the end of the text.");
  }

  fail(message: string, position = this.position): never {
    const before = this.#text.slice(0, position).split("\n");
    throw new Error(`${message} (line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1})`);
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.position;
    const found = pattern.exec(this.#text)?.[0];
    this.position += found?.length ?? 0;
    return found;
  }
}

/**
 * A name for the architecture: 13 lower-case base32 characters, equal for genotypes whose cells differ only in the order of
 * edges or the numbering of intermediate nodes.
 *
 * Nodes are told apart by what they are connected to, round after round; where some remain alike, each is tried as the
 * first and the smallest description counts (individualisation and refinement, McKay 1981).
 */
export function canonicalHash(genotype: Genotype, space: Pick<SearchSpace, "skeleton" | "inputs">): string {
  if (space.skeleton === "positions") return hashText(JSON.stringify(genotype.cells));
  const cells = Object.keys(genotype.cells)
    .toSorted()
    .map((kind) => {
      const cell = genotype.cells[kind];
      return cell ? `${kind}{${canonicalCell(cell, space.inputs)}}` : "";
    });
  return hashText(`${space.skeleton} ${space.inputs} ${cells.join(" ")}`);
}

/** What the intermediate nodes of a cell are connected to, nodes counted from 0. */
interface CellGraph {
  /** Per node, its edges; inputs are negative (-1 is the cell's first input). */
  incoming: { operation: string; from: number }[][];
  outgoing: { operation: string; to: number }[][];
  /** How often the node is in the output. */
  outputs: number[];
}

function canonicalCell(cell: CellGenotype, inputs: number): string {
  const graph: CellGraph = {
    incoming: cell.nodes.map((node) =>
      node.map(({ operation, input }) => ({ operation, from: input < inputs ? -1 - input : input - inputs })),
    ),
    outgoing: cell.nodes.map(() => []),
    outputs: cell.nodes.map((_, index) => cell.concat.filter((node) => node === index + inputs).length),
  };
  for (const [to, edges] of graph.incoming.entries()) {
    for (const { operation, from } of edges) graph.outgoing[from]?.push({ operation, to });
  }
  return smallestDescription(graph, refine(graph, ranksOf(graph.outputs.map(String))));
}

function smallestDescription(graph: CellGraph, ranks: readonly number[]): string {
  const alike = firstTie(ranks);
  if (!alike) return describe(graph, ranks);
  let smallest: string | undefined;
  const tried: number[] = [];
  for (const node of alike) {
    if (tried.some((other) => areTwins(graph, other, node))) continue;
    tried.push(node);
    // Ranks doubled leave a gap in which the chosen node goes before those like it.
    const chosen = ranks.map((rank, index) => 2 * rank + (index === node ? 0 : 1));
    const description = smallestDescription(graph, refine(graph, chosen));
    if (smallest === undefined || description < smallest) smallest = description;
  }
  return smallest ?? "";
}

function refine(graph: CellGraph, start: readonly number[]): number[] {
  let ranks = [...start];
  for (let classes = 0; new Set(ranks).size > classes; ) {
    classes = new Set(ranks).size;
    ranks = ranksOf(
      ranks.map((rank, node) => `${String(rank).padStart(4, "0")} ${signature(graph, node, ranks)}`),
    );
  }
  return ranks;
}

function signature(graph: CellGraph, node: number, labels: readonly number[]): string {
  const labelOf = (index: number) => (index < 0 ? `i${-1 - index}` : `${labels[index]}`);
  const incoming = (graph.incoming[node] ?? []).map(({ operation, from }) => `${operation}@${labelOf(from)}`);
  const outgoing = (graph.outgoing[node] ?? []).map(({ operation, to }) => `${operation}@${labelOf(to)}`);
  return `${incoming.toSorted().join()}>${outgoing.toSorted().join()}`;
}

/** Each text's place among the distinct texts. */
function ranksOf(texts: readonly string[]): number[] {
  const order = new Map([...new Set(texts)].toSorted().map((text, index) => [text, index]));
  return texts.map((text) => order.get(text) ?? 0);
}

/** The first class of two or more nodes of the same rank. */
function firstTie(ranks: readonly number[]): number[] | undefined {
  for (const rank of ranks.toSorted((left, right) => left - right)) {
    const nodes = [...ranks.keys()].filter((node) => ranks[node] === rank);
    if (nodes.length > 1) return nodes;
  }
  return undefined;
}

/** Nodes with the very same neighbours can be swapped, so trying one of them is enough. */
function areTwins(graph: CellGraph, left: number, right: number): boolean {
  const identity = [...graph.incoming.keys()];
  return signature(graph, left, identity) === signature(graph, right, identity);
}

function describe(graph: CellGraph, ranks: readonly number[]): string {
  const nodes = [...ranks.keys()].toSorted((left, right) => (ranks[left] ?? 0) - (ranks[right] ?? 0));
  return nodes.map((node) => `${graph.outputs[node]}:${signature(graph, node, ranks)}`).join("|");
}
