/** Reported rounds. */

import { and, asc, eq, gt, gte } from "drizzle-orm";
import { rounds } from "../../schema/rounds.ts";
import { database } from "./database.ts";

const after = (searchId: string, round: number) =>
  and(eq(rounds.searchId, searchId), gt(rounds.round, round));

/** What became of rounds, without tasks and candidates. */
export const roundsAfter = (db: D1Database, searchId: string, round: number, limit: number) =>
  database(db)
    .select({
      round: rounds.round,
      stage: rounds.stage,
      phase: rounds.phase,
      trainLoss: rounds.trainLoss,
      hypervolume: rounds.hypervolume,
      pruned: rounds.pruned,
      digest: rounds.digest,
      seconds: rounds.seconds,
      createdAt: rounds.createdAt,
    })
    .from(rounds)
    .where(after(searchId, round))
    .orderBy(asc(rounds.round))
    .limit(limit);

export const candidatesAfter = (db: D1Database, searchId: string, round: number, limit: number) =>
  database(db)
    .select({ round: rounds.round, stage: rounds.stage, phase: rounds.phase, candidates: rounds.candidates })
    .from(rounds)
    .where(after(searchId, round))
    .orderBy(asc(rounds.round))
    .limit(limit);

/** Tasks of reported rounds from one on, for a runner that resumes. */
export const replayFrom = (db: D1Database, searchId: string, round: number, limit: number) =>
  database(db)
    .select({ round: rounds.round, task: rounds.task, digest: rounds.digest })
    .from(rounds)
    .where(and(eq(rounds.searchId, searchId), gte(rounds.round, round)))
    .orderBy(asc(rounds.round))
    .limit(limit);
