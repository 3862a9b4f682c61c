/** What of a network no output depends on: it costs time, and scores nothing. */

import type { Cell, Edge, Network } from "../../shared/network.ts";

/** The derived network without the edges of its cells that lie on no way from an input to the output. */
export const withoutUnread = (network: Network): Network => ({
  ...network,
  cells: network.cells.map((cell) => ({ ...cell, edges: readEdges(cell) })),
});

function readEdges({ edges, inputStates, concat }: Cell): Edge[] {
  const open = edges.filter(({ choices }) => choices.some(({ isNone }) => !isNone));
  const fed = new Set(inputStates.keys());
  // Edges lead to later nodes only.
  for (const { from, to } of open.toSorted((a, b) => a.to - b.to)) if (fed.has(from)) fed.add(to);
  const read = new Set(concat);
  for (const { from, to } of open.toSorted((a, b) => b.to - a.to)) if (read.has(to)) read.add(from);
  return edges.filter((edge) => open.includes(edge) && fed.has(edge.from) && read.has(edge.to));
}
