/** Searches: what was asked for, and how far it is. The controller's state is a row of its own, rewritten each round. */

import { sql } from "drizzle-orm";
import { index, integer, real, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type { Place } from "../shared/campaign.ts";
import type { Specification } from "../shared/specification.ts";
import { campaigns } from "./campaigns.ts";
import { datasets } from "./datasets.ts";
import { triggers } from "./triggers.ts";

export const searchStates = ["queued", "running", "paused", "completed", "failed", "cancelled"] as const;
export type SearchState = (typeof searchStates)[number];
/** Of a search that has ended. */
export const finishedStates: readonly SearchState[] = ["completed", "failed", "cancelled"];

export interface Summary {
  stage: number;
  phase: "warmup" | "search" | "confirm";
  evaluations: number;
  /** Null before anything was measured. */
  hypervolume: number | null;
  frontSize: number;
  bestAccuracy: number | null;
  /** The best that a short or final training reached; absent where none has ended. */
  bestTrainedAccuracy?: number;
  /** Of the runners, over all rounds: at work or waiting for the next round. */
  seconds: { busy: number; idle: number };
}

export const searches = sqliteTable(
  "searches",
  {
    id: text().primaryKey(),
    name: text().notNull(),
    state: text({ enum: searchStates }).notNull(),
    /** Rounds are left: false once only final trainings remain. */
    searching: integer({ mode: "boolean" }).notNull(),
    visibility: text({ enum: ["private", "public"] }).notNull(),
    specification: text({ mode: "json" }).$type<Specification>().notNull(),
    /** Name of the data set it trains on, or of the table it searches. */
    data: text().notNull(),
    /** The pushed data set it trains on; null for a built-in one, or when it was deleted after the search. */
    datasetId: text().references(() => datasets.id, { onDelete: "set null" }),
    /** The campaign that it is of, and where on its grid it stands. */
    campaignId: text().references(() => campaigns.id, { onDelete: "set null" }),
    place: text({ mode: "json" }).$type<Place>(),
    /** The trigger that started it. */
    triggerId: text().references(() => triggers.id, { onDelete: "set null" }),
    /** Whether machines may be rented for it. */
    rents: integer({ mode: "boolean" }).notNull().default(false),
    failure: text(),
    version: integer().notNull(),
    createdAt: integer().notNull(),
    startedAt: integer(),
    finishedAt: integer(),
    /** When it was last told that nobody works on it. */
    stalledAt: integer(),
    /** Shares of its budget that were told, in percent. */
    gpuHoursTold: integer().notNull().default(0),
    wallClockHoursTold: integer().notNull().default(0),
    usdTold: integer().notNull().default(0),
  },
  (table) => [
    index("searches_by_creation").on(table.createdAt, table.id),
    index("searches_by_state").on(table.state, table.createdAt, table.id),
    index("searches_by_data").on(table.data, table.visibility, table.createdAt, table.id),
    index("searches_by_campaign").on(table.campaignId).where(sql`campaign_id IS NOT NULL`),
    index("searches_by_trigger").on(table.triggerId, table.state).where(sql`trigger_id IS NOT NULL`),
    index("searches_renting").on(table.state, table.createdAt).where(sql`rents = 1`),
    index("searches_by_dataset").on(table.datasetId).where(sql`dataset_id IS NOT NULL`),
  ],
);

export const controllerStates = sqliteTable("controller_states", {
  searchId: text().primaryKey(),
  /** The round whose report is awaited: as many as were reported. */
  round: integer().notNull(),
  state: text().notNull(),
  /** How far the search is, for people. */
  summary: text({ mode: "json" }).$type<Summary>().notNull(),
  /** Runner time of all reported rounds, against `budget.gpuHours`. */
  busySeconds: real().notNull(),
});
