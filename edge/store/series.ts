/** Histories of searches without the bulk of what they were made from: as little of each round as a picture shows. */

import { statement } from "./database.ts";

export interface RoundPoints {
  round: number;
  stage: number;
  /** Of each candidate: hash, values by objective id, feasible, loss, reward. */
  points: [string, Record<string, number | null>, boolean, number | null, number | null][];
}

/** Candidates of the rounds after one, taken apart in the database: selections are most of their bytes. */
export async function pointsAfter(
  db: D1Database,
  searchId: string,
  round: number,
  limit: number,
): Promise<RoundPoints[]> {
  const { results } = await statement(
    db,
    `SELECT round, stage, (
       SELECT json_group_array(json_array(value ->> '$.hash', value -> '$.values', value -> '$.feasible',
         value -> '$.loss', value -> '$.reward')) FROM json_each(rounds.candidates)) AS points
     FROM rounds WHERE search_id = :searchId AND round > :round ORDER BY round LIMIT :limit`,
    { searchId, round, limit },
  ).all<Omit<RoundPoints, "points"> & { points: string }>();
  return results.map((row) => ({ ...row, points: JSON.parse(row.points) as RoundPoints["points"] }));
}

export interface PolicyAt {
  round: number;
  stage: number;
  phase: "warmup" | "search" | "confirm";
  /** By kind of cell, edge and operation that was left. */
  logits: Record<string, number[][]>;
  choices: Record<string, string[][]>;
}

/** The policy that each of these rounds was drawn from; nothing for rounds on a table, whose tasks hold none. */
export async function policiesAt(
  db: D1Database,
  searchId: string,
  rounds: readonly number[],
): Promise<PolicyAt[]> {
  const { results } = await statement(
    db,
    `SELECT round, stage, phase, task -> '$.logits' AS logits, task -> '$.stage.choices' AS choices
     FROM rounds WHERE search_id = :searchId AND round IN (SELECT value FROM json_each(:rounds))
       AND task -> '$.logits' IS NOT NULL ORDER BY round`,
    { searchId, rounds: JSON.stringify(rounds) },
  ).all<Omit<PolicyAt, "logits" | "choices"> & { logits: string; choices: string }>();
  return results.map(({ logits, choices, ...row }) => ({
    ...row,
    logits: JSON.parse(logits) as PolicyAt["logits"],
    choices: JSON.parse(choices) as PolicyAt["choices"],
  }));
}

export interface TrendPoint {
  searchId: string;
  round: number;
  hypervolume: number;
}

/** Hypervolume of so many rounds of each search, evenly apart: as many rows as are answered, however long the searches. */
export async function trendsOf(
  db: D1Database,
  searchIds: readonly string[],
  points: number,
): Promise<TrendPoint[]> {
  const shares = Array.from({ length: points }, (_, step) => step / (points - 1));
  const { results } = await statement(
    db,
    `SELECT DISTINCT r.search_id AS searchId, r.round, r.hypervolume
     FROM json_each(:ids) ids
     CROSS JOIN controller_states c ON c.search_id = ids.value
     CROSS JOIN json_each(:shares) shares
     CROSS JOIN rounds r ON r.search_id = c.search_id
       AND r.round = CAST(round((c.round - 1) * shares.value) AS INTEGER)
     WHERE r.hypervolume IS NOT NULL ORDER BY r.search_id, r.round`,
    { ids: JSON.stringify(searchIds), shares: JSON.stringify(shares) },
  ).all<TrendPoint>();
  return results;
}
