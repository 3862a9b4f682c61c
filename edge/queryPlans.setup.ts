/**
 * No query of the edge may scan a table: a deployment pays for every row that is read. Every statement that a file's
 * tests prepare is explained when they have ended.
 */

import { afterAll, expect } from "vitest";
import { env } from "./testEdge.ts";

const seen = new Set<string>();
const prototype = Object.getPrototypeOf(env.DB) as D1Database;
const { prepare } = prototype;
prototype.prepare = function (this: D1Database, query: string) {
  seen.add(query);
  return prepare.call(this, query);
};

const explained = /^\s*(select|insert|update|delete|with)\b/i;
/** Rows of a JSON parameter, or of a query that is planned by lines of its own. */
const harmless = /^SCAN (json_each|CONSTANT ROW|\d+ CONSTANT ROWS|\(|SUBQUERY|VIRTUAL)|VIRTUAL TABLE/;

afterAll(async () => {
  const scans: { query: string; step: string }[] = [];
  for (const query of seen) {
    if (!explained.test(query)) continue;
    const parameters = new Set(query.match(/\?\d*/g) ?? []);
    const numbered = [...parameters].filter((name) => name !== "?").length;
    const count = numbered + (query.match(/\?(?!\d)/g)?.length ?? 0);
    const plan = await prepare
      .call(env.DB, `EXPLAIN QUERY PLAN ${query}`)
      .bind(...Array.from({ length: count }, () => null))
      .all<{ detail: string }>();
    for (const { detail } of plan.results)
      if (/^SCAN /.test(detail) && !harmless.test(detail) && !isPaged(query, detail))
        scans.push({ query, step: detail });
  }
  expect(scans).toEqual([]);
});

/** A list in the order of an index that ends at its limit reads no more than it answers. */
const isPaged = (query: string, step: string): boolean =>
  / USING (COVERING )?INDEX /.test(step) && /\blimit\b/i.test(query);
