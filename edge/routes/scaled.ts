/** What architectures of a search reached at other sizes than its own. */

import { createRoute, z } from "@hono/zod-openapi";
import { readableSearch } from "../access.ts";
import { alsoAs, failure, idParam, json, lastPage, newApp } from "../app.ts";
import { Problem } from "../problems.ts";
import { scaledCsv, scaledExample, scaledRowSchema, scaledRows } from "../scaled.ts";
import { scaledTrainings } from "../store/trainings.ts";

const mostTrainings = 500;

const list = createRoute({
  method: "get",
  path: "/searches/{id}/scaled",
  tags: ["Results"],
  security: [{ token: ["searches:read"] }, {}],
  summary: `Completed final trainings at other channels or layers than the search's own, newest first, at most ${mostTrainings}`,
  request: { params: idParam, query: z.object({ format: z.enum(["json", "csv"]).default("json") }) },
  responses: {
    200: alsoAs(
      "text/csv",
      json(
        z.object({ data: z.array(scaledRowSchema), nextCursor: z.null() }),
        "The points, or CSV",
        lastPage(scaledExample),
      ),
    ),
    default: failure,
  },
});

export const scaled = newApp().openapi(list, async (c) => {
  const { id, specification } = await readableSearch(c, c.req.valid("param").id);
  if (specification.evaluation.kind === "tabular") throw new Problem("not-trainable");
  const data = scaledRows(await scaledTrainings(c.env.DB, id, mostTrainings), specification);
  if (c.req.valid("query").format === "csv") {
    c.header("content-type", "text/csv; charset=utf-8");
    return c.body(scaledCsv(data, specification)) as never;
  }
  return c.json({ data, nextCursor: null }, 200);
});
