/** What pictures are drawn from: whole histories in columns, many times smaller than the same as a list of objects. */

import { createRoute, z } from "@hono/zod-openapi";
import { softmax } from "../../shared/softmax.ts";
import { edgesOf, resolveSpace } from "../../shared/space.ts";
import { objectiveId } from "../../shared/specification.ts";
import { readableSearch } from "../access.ts";
import {
  cursorAfter,
  decodeCursor,
  failure,
  idParam,
  isoTime,
  json,
  newApp,
  tagged,
  wholeNumber,
} from "../app.ts";
import { requires } from "../auth.ts";
import { roundsAfter } from "../store/rounds.ts";
import { type PolicyAt, pointsAfter, policiesAt, type RoundPoints, trendsOf } from "../store/series.ts";

const tags = ["History"];
const common = {
  method: "get" as const,
  tags,
  security: [{ token: ["searches:read"] }, {}],
  middleware: tagged,
};
const roundCursor = z.tuple([z.number()]);
const column = z.array(z.number().nullable());
const roundsQuery = (most: number) =>
  z.object({
    cursor: z.string().optional(),
    limit: wholeNumber(1, most).default(most),
    after: wholeNumber(0).optional().describe("only rounds after this one; a cursor goes before it"),
  });

/** The round that a page begins after. */
const beginOf = ({ cursor, after }: { cursor?: string | undefined; after?: number | undefined }): number =>
  decodeCursor(cursor, roundCursor)?.[0] ?? after ?? -1;

/** Rounds of which a page of candidates holds all. */
const pointRounds = 1000;
const seriesRounds = 2000;
const mostSearches = 100;

const pointsSchema = z
  .object({
    round: z.array(z.int()),
    stage: z.array(z.int()),
    hash: z.array(z.string()),
    feasible: z.array(z.boolean()),
    loss: column,
    reward: column,
    values: z.record(z.string(), column).describe("by objective id"),
    nextCursor: z.string().nullable(),
  })
  .openapi("Points");

const points = createRoute({
  ...common,
  path: "/searches/{id}/points",
  summary: "Measured candidates in columns, oldest first; a page holds those of `limit` rounds",
  request: { params: idParam, query: roundsQuery(pointRounds) },
  responses: {
    200: json(pointsSchema, "A column for each thing that is known, a place in it for each candidate", {
      round: [12, 12],
      stage: [0, 0],
      hash: ["hjq6xowqvtpjj", "oe3q4pkdg4k23"],
      feasible: [true, true],
      loss: [1.21, 1.18],
      reward: [0.58, 0.59],
      values: { accuracy: [58.2, 59.1], parameters: [232_890, 246_106] },
      nextCursor: null,
    }),
    default: failure,
  },
});

const seriesSchema = z
  .object({
    round: z.array(z.int()),
    stage: z.array(z.int()),
    phase: z.array(z.enum(["warmup", "search", "confirm"])),
    trainLoss: column,
    hypervolume: column,
    pruned: z.array(z.int()).describe("operations that went"),
    trainSeconds: z.array(z.number()),
    evaluateSeconds: z.array(z.number()),
    idleSeconds: z.array(z.number()),
    createdAt: z.array(z.string()),
    nextCursor: z.string().nullable(),
  })
  .openapi("Series");

const series = createRoute({
  ...common,
  path: "/searches/{id}/series",
  summary: "Rounds in columns, oldest first",
  request: { params: idParam, query: roundsQuery(seriesRounds) },
  responses: {
    200: json(seriesSchema, "A column for each thing that is known, a place in it for each round", {
      round: [11, 12],
      stage: [0, 0],
      phase: ["search", "search"],
      trainLoss: [1.66, 1.62],
      hypervolume: [0.491, 0.503],
      pruned: [0, 0],
      trainSeconds: [4.2, 4.1],
      evaluateSeconds: [2.7, 2.7],
      idleSeconds: [0.1, 0.1],
      createdAt: ["2026-03-02T09:44:43.020Z", "2026-03-02T09:44:50.120Z"],
      nextCursor: null,
    }),
    default: failure,
  },
});

const policyAtSchema = z
  .object({
    round: z.int(),
    stage: z.int(),
    phase: z.enum(["warmup", "search", "confirm"]),
    cells: z
      .record(
        z.string(),
        z.array(
          z.object({
            position: z.int(),
            from: z.int(),
            to: z.int(),
            probabilities: z.record(z.string(), z.number()),
          }),
        ),
      )
      .describe("probability of each operation that was left, per edge of each kind of cell"),
  })
  .openapi("PolicyAt");

const policyHistory = createRoute({
  ...common,
  path: "/searches/{id}/policy/history",
  summary: "The policy at so many rounds, evenly apart; a search on a table keeps none of the past",
  request: { params: idParam, query: z.object({ points: wholeNumber(2, 200).default(60) }) },
  responses: {
    200: json(z.object({ data: z.array(policyAtSchema) }), "Policies, oldest first", {
      data: [
        {
          round: 12,
          stage: 0,
          phase: "search" as const,
          cells: {
            normal: [
              { position: 0, from: 0, to: 2, probabilities: { sep_conv_3x3: 0.7, skip_connect: 0.3 } },
            ],
          },
        },
      ],
    }),
    default: failure,
  },
});

const trends = createRoute({
  method: "get",
  path: "/trends",
  tags,
  security: [{ token: ["searches:read"] }],
  middleware: requires("searches:read"),
  summary: "How the hypervolume of several searches went, at so many rounds of each, evenly apart",
  request: {
    query: z.object({
      searches: z.string().describe(`ids parted by commas, at most ${mostSearches}`),
      points: wholeNumber(2, 64).default(24),
    }),
  },
  responses: {
    200: json(
      z.object({
        data: z.array(
          z
            .object({ searchId: z.string(), round: z.array(z.int()), hypervolume: z.array(z.number()) })
            .openapi("Trend"),
        ),
      }),
      "One for each search that measured something",
      { data: [{ searchId: "k3v7m2q9x4t8w6zb", round: [4, 8, 12], hypervolume: [0.31, 0.44, 0.503] }] },
    ),
    default: failure,
  },
});

export const seriesRoutes = newApp()
  .openapi(points, async (c) => {
    const query = c.req.valid("query");
    const { limit } = query;
    const { id, specification } = await readableSearch(c, c.req.valid("param").id);
    const page = await pointsAfter(c.env.DB, id, beginOf(query), limit);
    const nextCursor = cursorAfter(page, limit, (row) => [row.round]);
    return c.json({ ...pointColumns(page, specification.objectives.map(objectiveId)), nextCursor }, 200);
  })
  .openapi(series, async (c) => {
    const query = c.req.valid("query");
    const { limit } = query;
    const { id } = await readableSearch(c, c.req.valid("param").id);
    const page = await roundsAfter(c.env.DB, id, beginOf(query), limit);
    return c.json(
      {
        round: page.map(({ round }) => round),
        stage: page.map(({ stage }) => stage),
        phase: page.map(({ phase }) => phase),
        trainLoss: page.map(({ trainLoss }) => trainLoss),
        hypervolume: page.map(({ hypervolume }) => hypervolume),
        pruned: page.map(({ pruned }) => pruned.reduce((sum, { dropped }) => sum + dropped.length, 0)),
        trainSeconds: page.map(({ seconds }) => seconds.train),
        evaluateSeconds: page.map(({ seconds }) => seconds.evaluate),
        idleSeconds: page.map(({ seconds }) => seconds.idle),
        createdAt: page.map(({ createdAt }) => isoTime(createdAt)),
        nextCursor: cursorAfter(page, limit, (row) => [row.round]),
      },
      200,
    );
  })
  .openapi(policyHistory, async (c) => {
    const { id, round, specification } = await readableSearch(c, c.req.valid("param").id);
    const asked = evenly(round, c.req.valid("query").points);
    const edges = edgesOf(resolveSpace(specification.space));
    const data = (await policiesAt(c.env.DB, id, asked)).map((policy) => policyAt(policy, edges));
    return c.json({ data }, 200);
  })
  .openapi(trends, async (c) => {
    const { searches, points: count } = c.req.valid("query");
    const ids = [...new Set(searches.split(","))].slice(0, mostSearches);
    const data: { searchId: string; round: number[]; hypervolume: number[] }[] = [];
    for (const { searchId, round, hypervolume } of await trendsOf(c.env.DB, ids, count)) {
      if (data.at(-1)?.searchId !== searchId) data.push({ searchId, round: [], hypervolume: [] });
      data.at(-1)?.round.push(round);
      data.at(-1)?.hypervolume.push(hypervolume);
    }
    return c.json({ data }, 200);
  });

function pointColumns(page: readonly RoundPoints[], objectives: readonly string[]) {
  const columns = {
    round: [] as number[],
    stage: [] as number[],
    hash: [] as string[],
    feasible: [] as boolean[],
    loss: [] as (number | null)[],
    reward: [] as (number | null)[],
    values: Object.fromEntries(objectives.map((id) => [id, [] as (number | null)[]])),
  };
  for (const { round, stage, points: list } of page)
    for (const [hash, values, feasible, loss, reward] of list) {
      columns.round.push(round);
      columns.stage.push(stage);
      columns.hash.push(hash);
      columns.feasible.push(feasible);
      columns.loss.push(loss);
      columns.reward.push(reward);
      for (const id of objectives) columns.values[id]?.push(values[id] ?? null);
    }
  return columns;
}

/** So many whole numbers below `rounds`, from the first to the last. */
function evenly(rounds: number, count: number): number[] {
  if (rounds <= count) return Array.from({ length: rounds }, (_, round) => round);
  return Array.from({ length: count }, (_, step) => Math.round(((rounds - 1) * step) / (count - 1)));
}

const policyAt = (
  { logits, choices, ...at }: PolicyAt,
  edges: ReturnType<typeof edgesOf>,
): z.infer<typeof policyAtSchema> => ({
  ...at,
  cells: Object.fromEntries(
    Object.entries(logits).map(([kind, rows]) => [
      kind,
      rows.map((row, position) => {
        const probabilities = softmax(row);
        const names = choices[kind]?.[position] ?? [];
        return {
          position,
          from: edges[position]?.from ?? 0,
          to: edges[position]?.to ?? 0,
          probabilities: Object.fromEntries(
            names.map((name, index) => [name, Math.round((probabilities[index] ?? 0) * 1e4) / 1e4]),
          ),
        };
      }),
    ]),
  ),
});
