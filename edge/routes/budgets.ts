/** Money: what the deployment and each search have spent and set aside, and what it bought. */

import { createRoute, z } from "@hono/zod-openapi";
import { ledgerKinds } from "../../schema/instances.ts";
import { existingSearch } from "../access.ts";
import {
  cursorAfter,
  decodeCreated,
  failure,
  idParam,
  isoTime,
  json,
  lastPage,
  newApp,
  pageOf,
  pageQuery,
  wholeNumber,
} from "../app.ts";
import { requires } from "../auth.ts";
import { searchCap } from "../rentals/caps.ts";
import { pricesOf, usd } from "../rentals/money.ts";
import { capsOf, deploymentOf } from "../rentals/setUp.ts";
import { instancesOf, ledgerOf, listSpending, spendingOfSearch, totals } from "../store/instances.ts";
import { dayMs, spentByDay } from "../store/spending.ts";
import { instanceExample, instanceSchema, instanceView } from "./instances.ts";

const common = {
  tags: ["Rentals"],
  security: [{ token: ["searches:read"] }],
  middleware: requires("searches:read"),
};

const usedSchema = z.object({ used: z.number(), cap: z.number().nullable().describe("null: none is set") });
const spendingFields = {
  searchId: z.string(),
  name: z.string().nullable().describe("null once the search is deleted"),
  spentUsd: z.number(),
  reservedUsd: z.number().describe("set aside for machines that run"),
};

const deploymentSchema = z
  .object({
    deployment: z.string().describe("as in the names of its machines"),
    month: usedSchema.describe("US dollars of this calendar month (UTC), spent and set aside"),
    usdPerHour: usedSchema.describe("of all machines that run"),
    instances: usedSchema,
  })
  .openapi("DeploymentBudget");

const searchBudgetSchema = z
  .object({
    ...spendingFields,
    capUsd: z.number().describe("its budget, or its share of its campaign's"),
    perArchitectureUsd: z.number().nullable().describe("spent for each architecture on the front"),
    perHypervolumePercentUsd: z.number().nullable().describe("spent for each percent of hypervolume"),
    instances: z.array(instanceSchema),
  })
  .openapi("SearchBudget");

const entrySchema = z
  .object({
    id: z.int(),
    instanceId: z.string(),
    kind: z.enum(ledgerKinds),
    amountUsd: z.number(),
    at: z.string(),
  })
  .openapi("LedgerEntry");

const spendingExample = {
  searchId: "k3v7m2q9x4t8w6zb",
  name: "cifar10-compact",
  spentUsd: 1.31,
  reservedUsd: 0.22,
};

const deployment = createRoute({
  ...common,
  method: "get",
  path: "/budgets",
  summary: "What is spent and set aside, against the caps of the deployment",
  responses: {
    200: json(deploymentSchema, "Budgets", {
      deployment: "k2v7m3q9",
      month: { used: 12.4, cap: 100 },
      usdPerHour: { used: 0.44, cap: null },
      instances: { used: 1, cap: 4 },
    }),
    default: failure,
  },
});

const searches = createRoute({
  ...common,
  method: "get",
  path: "/budgets/searches",
  summary: "What each search that rented has spent, the last one that rented first",
  request: { query: pageQuery },
  responses: {
    200: json(pageOf(z.object(spendingFields).openapi("Spending")), "Searches", lastPage(spendingExample)),
    default: failure,
  },
});

const one = createRoute({
  ...common,
  method: "get",
  path: "/searches/{id}/budget",
  summary: "What a search has spent, on which machines, and what it bought",
  request: { params: idParam },
  responses: {
    200: json(searchBudgetSchema, "The search's budget", {
      ...spendingExample,
      capUsd: 25,
      perArchitectureUsd: 0.66,
      perHypervolumePercentUsd: 0.026,
      instances: [instanceExample],
    }),
    default: failure,
  },
});

const entries = createRoute({
  ...common,
  method: "get",
  path: "/searches/{id}/ledger",
  summary: "Every movement of money of a search, the oldest first",
  request: { params: idParam, query: pageQuery },
  responses: {
    200: json(
      pageOf(entrySchema),
      "Entries",
      lastPage({
        id: 1,
        instanceId: instanceExample.id,
        kind: "reserved" as const,
        amountUsd: 0.22,
        at: "2026-03-02T09:30:00.000Z",
      }),
    ),
    default: failure,
  },
});

const days = createRoute({
  ...common,
  method: "get",
  path: "/budgets/days",
  summary: "What was spent by day (UTC) and search, the oldest day first",
  request: {
    query: z.object({ days: wholeNumber(1, 92).default(30).describe("so many, today the last") }),
  },
  responses: {
    200: json(
      z.object({
        data: z.array(
          z
            .object({
              day: z.string(),
              searchId: z.string(),
              name: z.string().nullable().describe("null once the search is deleted"),
              spentUsd: z.number(),
            })
            .openapi("DaySpending"),
        ),
      }),
      "Days on which something was spent",
      {
        data: [
          {
            day: "2026-03-02",
            searchId: spendingExample.searchId,
            name: spendingExample.name,
            spentUsd: 1.31,
          },
        ],
      },
    ),
    default: failure,
  },
});

const capOrNull = (cap: number): number | null => (Number.isFinite(cap) ? cap : null);
const shownInstances = 100;

export const budgets = newApp()
  .openapi(deployment, async (c) => {
    const caps = capsOf(c.env);
    const { monthMicroUsd, microUsdPerHour, instances } = await totals(c.env.DB, Date.now());
    return c.json(
      {
        deployment: await deploymentOf(c.env),
        month: { used: usd(monthMicroUsd), cap: capOrNull(usd(caps.microUsdPerMonth)) },
        usdPerHour: { used: usd(microUsdPerHour), cap: capOrNull(usd(caps.microUsdPerHour)) },
        instances: { used: instances, cap: capOrNull(caps.instances) },
      },
      200,
    );
  })
  .openapi(searches, async (c) => {
    const { cursor, limit } = c.req.valid("query");
    const page = await listSpending(c.env.DB, { before: decodeCreated(cursor), limit });
    const nextCursor = cursorAfter(page, limit, (row) => [row.launchedAt, row.searchId]);
    const data = page.map(({ searchId, name, spent, reserved }) => ({
      searchId,
      name,
      spentUsd: usd(spent),
      reservedUsd: usd(reserved),
    }));
    return c.json({ data, nextCursor }, 200);
  })
  .openapi(days, async (c) => {
    const today = Math.floor(Date.now() / dayMs);
    const rows = await spentByDay(c.env.DB, today - c.req.valid("query").days + 1);
    const data = rows.map(({ day, searchId, name, microUsd }) => ({
      day: isoTime(day * dayMs).slice(0, 10),
      ...{ searchId, name },
      spentUsd: usd(microUsd),
    }));
    return c.json({ data }, 200);
  })
  .openapi(one, async (c) => {
    const search = await existingSearch(c, c.req.valid("param").id);
    const now = Date.now();
    const spending = await spendingOfSearch(c.env.DB, search.id, now);
    const spentUsd = usd(spending.spent);
    const cap = await searchCap(c.env.DB, { ...search, searchId: search.id });
    const rows = await instancesOf(c.env.DB, search.id, shownInstances);
    return c.json(
      {
        searchId: search.id,
        name: search.name,
        spentUsd,
        reservedUsd: usd(spending.reserved),
        capUsd: usd(cap),
        ...pricesOf(spentUsd, search.summary),
        instances: rows.map((row) => instanceView(row, now)),
      },
      200,
    );
  })
  .openapi(entries, async (c) => {
    const { id } = await existingSearch(c, c.req.valid("param").id);
    const { cursor, limit } = c.req.valid("query");
    const after = decodeCreated(cursor)?.[0] ?? 0;
    const page = await ledgerOf(c.env.DB, id, { after, limit });
    const nextCursor = cursorAfter(page, limit, (row) => [row.id, ""]);
    const data = page.map(({ id: entry, instanceId, kind, microUsd, at }) => ({
      ...{ id: entry, instanceId, kind },
      amountUsd: usd(microUsd),
      at: isoTime(at),
    }));
    return c.json({ data, nextCursor }, 200);
  });
