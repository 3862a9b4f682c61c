/** An architecture as plain data: which operation sits on which edge of each kind of cell. */

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
