/**
 * The searches on tables that have a name: what they see, by what they are scored, and what a measurement costs. P1 is
 * the one that strategies may be tuned on.
 */

import type { InlineSpace, PositionSpace } from "../../shared/space.ts";

/** A search on a table. */
export interface TabularSearch {
  name: string;
  /** File, CSV or gzipped CSV. */
  table: string;
  /** The search space: its name, or all of it. */
  space: string | InlineSpace | PositionSpace;
  /** Columns of the table. */
  architecture: string;
  /** What the search sees and climbs. */
  reward: string;
  /** What an architecture is really worth, in percent of accuracy; the search does not see it. */
  score: string;
  /** To be minimised. */
  cost: string;
}

/** Relative to the project; absent where only the project is. */
export const nasBench201 = "../shared/data/nasbench201.csv.gz";

const accuracyColumns: Record<string, { reward: string; score: string }> = {
  c10: { reward: "c10_valid_12", score: "c10_test_200" },
  c100: { reward: "c100_valid_12", score: "c100_test_200" },
};

const named: [name: string, data: string, cost: string][] = [
  ["P1", "c10", "raspi4_ms"],
  ["P2", "c100", "pixel3_ms"],
  ["c10-pixel3", "c10", "pixel3_ms"],
  ["c10-eyeriss", "c10", "eyeriss_ms"],
  ["c10-parameters", "c10", "params_c10"],
  ["c10-gold6226", "c10", "gold_6226_ms"],
  ["c10-1080ti", "c10", "1080ti_1_ms"],
  ["c100-raspi4", "c100", "raspi4_ms"],
  ["c100-1080ti", "c100", "1080ti_1_ms"],
];

export const problems: readonly TabularSearch[] = named.map(([name, data, cost]) => {
  const { reward = "", score = "" } = accuracyColumns[data] ?? {};
  return { name, table: nasBench201, space: "nas-bench-201", architecture: "arch", reward, score, cost };
});
