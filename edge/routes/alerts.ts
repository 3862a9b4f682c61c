/** What somebody who pays for machines should see, of all searches at once. */

import { createRoute, z } from "@hono/zod-openapi";
import { alertTypes } from "../../schema/events.ts";
import { failure, isoTime, json, newApp, wholeNumber } from "../app.ts";
import { requires } from "../auth.ts";
import { listAlerts, listWaiting } from "../store/alerts.ts";
import { sentenceOf } from "../webhooks/sentences.ts";

const waitingSchema = z
  .object({
    searchId: z.string(),
    name: z.string(),
    problem: z.string().describe("such as balance, auth or capacity"),
    detail: z.string(),
    failures: z.int().describe("in a row"),
    since: z.string(),
    tryAt: z.string().describe("when it is tried again"),
  })
  .openapi("WaitingSearch");

const alertSchema = z
  .object({
    searchId: z.string(),
    name: z.string().nullable().describe("null once the search is deleted"),
    sequence: z.int().describe("of the event in its search"),
    type: z.string().describe(alertTypes.join(", ")),
    text: z.string().describe("in a sentence"),
    data: z.record(z.string(), z.unknown()),
    createdAt: z.string(),
  })
  .openapi("Alert");

const list = createRoute({
  method: "get",
  path: "/alerts",
  tags: ["Rentals"],
  security: [{ token: ["searches:read"] }],
  middleware: requires("searches:read"),
  summary: "Searches that wait for a machine, and events that tell of trouble with money, the newest first",
  request: { query: z.object({ limit: wholeNumber(1, 200).default(50) }) },
  responses: {
    200: json(
      z.object({ waiting: z.array(waitingSchema), data: z.array(alertSchema) }),
      "What waits, and what happened",
      {
        waiting: [
          {
            searchId: "k3v7m2q9x4t8w6zb",
            name: "cifar10-compact",
            problem: "balance",
            detail: "the account of runpod has no credit left",
            failures: 3,
            since: "2026-03-02T09:30:00.000Z",
            tryAt: "2026-03-02T09:42:00.000Z",
          },
        ],
        data: [
          {
            searchId: "k3v7m2q9x4t8w6zb",
            name: "cifar10-compact",
            sequence: 14,
            type: "budget.threshold",
            text: 'Search "cifar10-compact" has used 80 % of its dollars: 2.40 of 3.',
            data: { budget: "usd", percent: 80, used: 2.4, limit: 3 },
            createdAt: "2026-03-02T12:10:00.000Z",
          },
        ],
      },
    ),
    default: failure,
  },
});

export const alerts = newApp().openapi(list, async (c) => {
  const [waiting, events] = await Promise.all([
    listWaiting(c.env.DB),
    listAlerts(c.env.DB, c.req.valid("query").limit),
  ]);
  return c.json(
    {
      waiting: waiting.map(({ since, tryAt, ...rest }) => ({
        ...rest,
        since: isoTime(since),
        tryAt: isoTime(tryAt),
      })),
      data: events.map(({ createdAt, ...event }) => ({
        ...event,
        text: sentenceOf({ type: event.type, data: { ...event.data, name: event.name ?? event.searchId } }),
        createdAt: isoTime(createdAt),
      })),
    },
    200,
  );
});
