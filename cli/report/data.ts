/** Everything that a report tells, read once from the edge. */

import type { InferResponseType } from "hono/client";
import { Candidates } from "../../dashboard/pages/search/candidates.ts";
import {
  type FrontRow,
  listTrainings,
  readEvents,
  readFront,
  readSearch,
  type Search,
  type Training,
} from "../api.ts";
import type { EdgeClient } from "../client.ts";
import { CliError, exitCodes } from "../errors.ts";

type OfSearch = EdgeClient["v1"]["searches"][":id"];
export type Points = Omit<InferResponseType<OfSearch["points"]["$get"]>, "nextCursor">;
export type Series = Omit<InferResponseType<OfSearch["series"]["$get"]>, "nextCursor">;
export type Budget = InferResponseType<OfSearch["budget"]["$get"]>;
export type Policy = InferResponseType<OfSearch["policy"]["$get"]>;
export type PolicyAt = InferResponseType<OfSearch["policy"]["history"]["$get"]>["data"][number];
export type Timeline = InferResponseType<OfSearch["timeline"]["$get"]>;
export type LedgerEntry = InferResponseType<OfSearch["ledger"]["$get"]>["data"][number];
export type SearchEvent = Awaited<ReturnType<typeof readEvents>>[number];

export interface ReportData {
  search: Search;
  /** Best first. */
  front: FrontRow[];
  points: Points;
  /** The same as arrays of numbers, which pictures are drawn from. */
  candidates: Candidates;
  series: Series;
  /** Newest first. */
  trainings: Training[];
  events: SearchEvent[];
  policy: Policy;
  /** Oldest first. */
  policyHistory: PolicyAt[];
  /** These null where the token may not know. */
  timeline: Timeline | null;
  budget: Budget | null;
  ledger: LedgerEntry[] | null;
  madeAt: Date;
}

export async function readReport(client: EdgeClient, id: string): Promise<ReportData> {
  const of = client.v1.searches[":id"];
  const param = { id };
  const search = await readSearch(client, id);
  const history = client.v1.searches[":id"].policy.history;
  const [front, points, series, trainings, events, policy, { data: policyHistory }] = await Promise.all([
    readFront(client, id),
    columnsOf((query) => client.json(of.points.$get({ param, query }), ["hash", "values"])),
    columnsOf((query) => client.json(of.series.$get({ param, query }), ["round", "hypervolume"])),
    listTrainings(client, id),
    readEvents(client, id),
    client.json(of.policy.$get({ param }), ["cells", "prunings"]),
    client.json(history.$get({ param, query: { points: policySteps } }), ["data"]),
  ]);
  const [timeline, budget, ledger] = await Promise.all([
    client.json(of.timeline.$get({ param }), ["runners"]).catch(unlessForbidden),
    client.json(of.budget.$get({ param }), ["spentUsd"]).catch(unlessForbidden),
    client
      .all((query) => of.ledger.$get({ param, query: { ...query, limit: 200 } }), ["kind"])
      .catch(unlessForbidden),
  ]);
  const candidates = new Candidates();
  candidates.append(points);
  const madeAt = new Date();
  return {
    ...{ search, front, points, candidates, series, trainings, events },
    ...{ policy, policyHistory, timeline, budget, ledger, madeAt },
  };
}

/** Of which the last is drawn, on the scale of all. */
const policySteps = 40;

/** A public search is read without a token, its money is not. */
function unlessForbidden(error: unknown): null {
  if (error instanceof CliError && error.exitCode === exitCodes.unauthorised) return null;
  throw error;
}

type Columns = { [name: string]: unknown[] | Columns };

/** Pages of columns, one below the other. */
async function columnsOf<T extends { nextCursor: string | null }>(
  page: (query: { cursor?: string }) => Promise<T>,
): Promise<Omit<T, "nextCursor">> {
  const { nextCursor, ...all } = await page({});
  for (let cursor = nextCursor; cursor !== null; ) {
    const { nextCursor: next, ...more } = await page({ cursor });
    append(all as Columns, more as Columns);
    cursor = next;
  }
  return all;
}

function append(to: Columns, from: Columns): void {
  for (const [name, column] of Object.entries(from)) {
    const own = to[name];
    if (Array.isArray(own) && Array.isArray(column)) for (const value of column) own.push(value);
    else if (own !== undefined && !Array.isArray(own) && !Array.isArray(column)) append(own, column);
  }
}
