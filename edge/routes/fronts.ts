/** Fronts across searches: what is best on a data set, whoever found it. */

import { createRoute, z } from "@hono/zod-openapi";
import { type Objective, objectiveId } from "../../shared/specification.ts";
import { readsAll } from "../access.ts";
import { failure, json, newApp, tagged, wholeNumber } from "../app.ts";
import { boundsOf, selectFront } from "../front.ts";
import { mergedFront } from "../mergedFront.ts";
import { frontsOf } from "../store/architectures.ts";
import { searchesOn } from "../store/searches.ts";
import { mergedExample, mergedRowSchema, mergedRowView } from "./campaigns.ts";

/** Searches that are looked at, the newest. */
const mostSearches = 64;

const query = z
  .object({
    dataset: z.string().min(1).max(63).describe("name of a data set, or of a table"),
    sort: z.string().optional(),
    limit: wholeNumber(1, 1000).default(100),
  })
  .describe("also max_<objective id> and min_<objective id>");

const across = createRoute({
  method: "get",
  path: "/fronts",
  middleware: tagged,
  tags: ["Results"],
  security: [{ token: ["searches:read"] }, {}],
  summary: `Non-dominated architectures of the newest ${mostSearches} searches on a data set; without a token, of the public ones`,
  request: { query },
  responses: {
    200: json(z.object({ data: z.array(mergedRowSchema) }), "The front", mergedExample),
    default: failure,
  },
});

export const fronts = newApp().openapi(across, async (c) => {
  const { dataset, sort, limit } = c.req.valid("query");
  const isPublic = !readsAll(c);
  const searches = await searchesOn(c.env.DB, { data: dataset, isPublic, limit: mostSearches });
  const objectives = objectivesOf(searches.flatMap(({ specification }) => specification.objectives));
  const bounds = searches.length === 0 ? [] : boundsOf(c.req.query(), objectives);
  const rows = mergedFront(
    searches,
    await frontsOf(
      c.env.DB,
      searches.map(({ id }) => id),
    ),
  );
  // What can be compared comes first, whatever the order.
  const data = (["all searches", "own search"] as const)
    .flatMap((compared) => {
      const members = rows
        .filter((merged) => merged.compared === compared)
        .map((merged) => ({ merged, hash: merged.row.hash, values: merged.row.values }));
      return members.length === 0 ? [] : selectFront(members, objectives, { sort, limit, bounds });
    })
    .slice(0, limit)
    .map(({ merged }) => mergedRowView(merged));
  c.header("cache-control", isPublic ? "public, max-age=60" : "private, no-cache");
  return c.json({ data }, 200);
});

/** Each once. */
const objectivesOf = (list: readonly Objective[]): Objective[] => [
  ...new Map(list.map((objective) => [objectiveId(objective), objective])).values(),
];
