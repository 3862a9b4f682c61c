/** What happened in a search: its rounds, candidates and events. */

import { createRoute, z } from "@hono/zod-openapi";
import { isOver, readableSearch } from "../access.ts";
import {
  alsoAs,
  cursorAfter,
  decodeCursor,
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
import { eventStream } from "../eventStream.ts";
import { type EventRow, eventsAfter } from "../store/events.ts";
import { candidatesAfter, roundsAfter } from "../store/rounds.ts";

const common = { method: "get" as const, tags: ["History"], security: [{ token: ["searches:read"] }, {}] };
const roundCursor = z.tuple([z.number()]);
const values = z.record(z.string(), z.number().nullable());

const roundSchema = z
  .object({
    round: z.int(),
    stage: z.int(),
    phase: z.enum(["warmup", "search", "confirm"]),
    trainLoss: z.number().nullable(),
    hypervolume: z.number().nullable(),
    pruned: z.array(z.unknown()),
    digest: z.string(),
    seconds: z.object({ train: z.number(), evaluate: z.number(), idle: z.number() }),
    createdAt: z.string(),
  })
  .openapi("Round");

const roundExample: z.infer<typeof roundSchema> = {
  round: 12,
  stage: 0,
  phase: "search",
  trainLoss: 1.62,
  hypervolume: 0.503,
  pruned: [],
  digest: "9e3779b97f4a7c15",
  seconds: { train: 4.1, evaluate: 2.7, idle: 0.1 },
  createdAt: "2026-03-02T09:44:50.120Z",
};

const candidateSchema = z
  .object({
    round: z.int(),
    stage: z.int(),
    phase: z.enum(["warmup", "search", "confirm"]),
    hash: z.string(),
    selection: z.record(z.string(), z.array(z.string())),
    values,
    loss: z.number().nullable(),
    reward: z.number().nullable(),
    feasible: z.boolean(),
    images: z.int().optional().describe("that its accuracy was measured on"),
    failure: z.enum(["diverged"]).optional().describe("why it has no accuracy"),
  })
  .openapi("Candidate");

/** In a space of one node. */
const candidateExample: z.infer<typeof candidateSchema> = {
  round: 12,
  stage: 0,
  phase: "search",
  hash: "hjq6xowqvtpjj",
  selection: { normal: ["sep_conv_3x3", "skip_connect"], reduction: ["max_pool_3x3", "skip_connect"] },
  values: { accuracy: 58.2, parameters: 232_890 },
  loss: 1.21,
  reward: 0.58,
  feasible: true,
  images: 256,
};

const eventSchema = z
  .object({
    sequence: z.int(),
    type: z.string(),
    data: z.record(z.string(), z.unknown()),
    createdAt: z.string(),
  })
  .openapi("Event");

const eventExample: z.infer<typeof eventSchema> = {
  sequence: 1,
  type: "search.created",
  data: { name: "small cells" },
  createdAt: "2026-03-02T09:30:00.000Z",
};

export const eventView = ({ sequence, type, data, createdAt }: EventRow): z.infer<typeof eventSchema> => ({
  sequence,
  type,
  data,
  createdAt: isoTime(createdAt),
});

const rounds = createRoute({
  ...common,
  path: "/searches/{id}/rounds",
  summary: "Rounds, oldest first",
  request: { params: idParam, query: pageQuery },
  responses: { 200: json(pageOf(roundSchema), "Rounds", lastPage(roundExample)), default: failure },
});

const candidates = createRoute({
  ...common,
  path: "/searches/{id}/candidates",
  summary: "Measured candidates, oldest first; a page holds those of `limit` rounds",
  request: {
    params: idParam,
    query: pageQuery.extend({ round: wholeNumber(0).optional().describe("only those of this round") }),
  },
  responses: {
    200: json(pageOf(candidateSchema), "Candidates", lastPage(candidateExample)),
    default: failure,
  },
});

const events = createRoute({
  ...common,
  path: "/searches/{id}/events",
  summary: "Events, oldest first; with `accept: text/event-stream` a stream that Last-Event-ID resumes",
  request: { params: idParam, query: pageQuery },
  responses: {
    200: alsoAs(
      "text/event-stream",
      json(pageOf(eventSchema), "Events, or a stream of them", lastPage(eventExample)),
    ),
    default: failure,
  },
});

export const history = newApp()
  .openapi(rounds, async (c) => {
    const { cursor, limit } = c.req.valid("query");
    const { id } = await readableSearch(c, c.req.valid("param").id);
    const page = await roundsAfter(c.env.DB, id, decodeCursor(cursor, roundCursor)?.[0] ?? -1, limit);
    const data = page.map(({ createdAt, ...round }) => ({ ...round, createdAt: isoTime(createdAt) }));
    return c.json({ data, nextCursor: cursorAfter(page, limit, (row) => [row.round]) }, 200);
  })
  .openapi(candidates, async (c) => {
    const { cursor, limit, round: one } = c.req.valid("query");
    const { id } = await readableSearch(c, c.req.valid("param").id);
    const after = one === undefined ? (decodeCursor(cursor, roundCursor)?.[0] ?? -1) : one - 1;
    const found = await candidatesAfter(c.env.DB, id, after, one === undefined ? limit : 1);
    const page = found.filter(({ round }) => one === undefined || round === one);
    const data = page.flatMap(({ candidates: list, ...round }) =>
      list.map((candidate) => ({ ...round, ...candidate })),
    );
    const nextCursor = one === undefined ? cursorAfter(page, limit, (row) => [row.round]) : null;
    return c.json({ data, nextCursor }, 200);
  })
  .openapi(events, async (c) => {
    const { cursor, limit } = c.req.valid("query");
    const search = await readableSearch(c, c.req.valid("param").id);
    if (c.req.header("accept")?.includes("text/event-stream")) {
      c.header("content-type", "text/event-stream");
      c.header("cache-control", "no-store");
      const last = Number.parseInt(c.req.header("last-event-id") ?? "0", 10);
      return c.body(eventStream(c.env.DB, search.id, Number.isNaN(last) ? 0 : last, isOver(search))) as never;
    }
    const page = await eventsAfter(c.env.DB, search.id, decodeCursor(cursor, roundCursor)?.[0] ?? 0, limit);
    return c.json(
      { data: page.map(eventView), nextCursor: cursorAfter(page, limit, (row) => [row.sequence]) },
      200,
    );
  });
