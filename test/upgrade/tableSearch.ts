/** A search on a small table, which needs no TensorFlow and finds the same on every machine. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { runCli } from "../../cli/run.testing.ts";
import type { SpecificationInput } from "../../shared/specification.ts";
import type { TestEdge } from "../wholeSearch.ts";

const POSITIONS = 6;
const OPERATIONS = ["thin", "wide", "deep"];

export const tableSearch: SpecificationInput = {
  name: "on a table",
  space: { positions: POSITIONS, operations: OPERATIONS },
  evaluation: {
    kind: "tabular",
    table: "blocks",
    architecture: "blocks",
    reward: "accuracy",
    costs: { latency: "ms" },
  },
  objectives: [
    { name: "accuracy", goal: "maximize" },
    { name: "latency", goal: "minimize" },
  ],
  budget: { evaluations: 60 },
  seed: 5,
};

function table(): string {
  const lines = ["blocks,accuracy,ms"];
  for (let number = 0; number < OPERATIONS.length ** POSITIONS; number++) {
    const blocks = number.toString(OPERATIONS.length).padStart(POSITIONS, "0");
    const weight = [...blocks].reduce(
      (sum, digit, place) => sum + Number(digit) * (1 + ((place * 7) % 5)),
      0,
    );
    const accuracy = Math.round((95 - 200 / (3 + weight) - (number % 17) / 4) * 1000) / 1000;
    lines.push(`${blocks},${accuracy},${1 + weight / 2}`);
  }
  return `${lines.join("\n")}\n`;
}

/** Stores the table of `tableSearch` at the edge. */
export async function pushTable({ edge }: TestEdge): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), "nasturtium-table-"));
  try {
    writeFileSync(path.join(folder, "blocks.csv"), table());
    const env = { NASTURTIUM_EDGE: edge.url, NASTURTIUM_TOKEN: edge.token };
    const args = ["data", "push", "blocks.csv", "--name", "blocks"];
    const { code, stderr } = await runCli(args, { cwd: folder, env });
    if (code !== 0) throw new Error(stderr);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
