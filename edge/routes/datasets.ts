/** Data that users push: create with a header, PUT shards, complete; and a runner's way to the data of its task. */

import { createRoute, z } from "@hono/zod-openapi";
import { datasetHeaderSchema, datasetViewSchema, factsOfHeader } from "../../shared/pushedDataset.ts";
import {
  body,
  bytesContent,
  cursorAfter,
  decodeCursor,
  failure,
  isoTime,
  json,
  lastPage,
  newApp,
  pageOf,
  pageQuery,
  wholeNumber,
} from "../app.ts";
import { requires } from "../auth.ts";
import {
  completePush,
  createDataset,
  datasetView,
  existingDataset,
  putShard,
  readShard,
  removeDataset,
} from "../datasets.ts";
import { idempotencyKey, idempotent } from "../idempotency.ts";
import { Problem } from "../problems.ts";
import { type Dataset, datasetOfLease, listDatasets } from "../store/datasets.ts";
import { parseTaskId, resourceOf } from "../work.ts";

const tags = ["Data sets"];
const reading = { tags, security: [{ token: ["searches:read"] }], middleware: requires("searches:read") };
const writing = { tags, security: [{ token: ["searches:write"] }], middleware: requires("searches:write") };
const running = { tags: ["Runners"], security: [{ token: ["runner"] }], middleware: requires("runner") };

const shardNumber = wholeNumber(1).openapi({ param: { name: "shard", in: "path" } });
const nameParam = z.object({ name: z.string().openapi({ param: { name: "name", in: "path" } }) });
const taskParam = z.object({ taskId: z.string().openapi({ param: { name: "taskId", in: "path" } }) });
const leaseQuery = z.object({ leaseId: z.string() });

const fullSchema = datasetViewSchema.openapi("DataSet");
const headerExample = {
  kind: "images" as const,
  name: "leaves",
  shards: [{ bytes: 307_300, sha256: "4355a46b19d348dc2f57c046f8ef63d4538ebb936000f3c9ee954a27460dd865" }],
  image: { height: 32, width: 32, channels: 3 },
  classNames: ["oak", "maple"],
  counts: { train: [40, 40], test: [10, 10] },
  mean: [0.49, 0.52, 0.38],
  std: [0.21, 0.2, 0.22],
  digest: "53c234e5e8472b6ac51c1ae1cab3fe06fad053beb8ebfd8977b010655bfdd3c3",
};
const fullExample: z.infer<typeof fullSchema> = {
  ...headerExample,
  bytes: 307_300,
  state: "complete",
  missing: [],
  createdAt: "2026-03-02T09:12:30.000Z",
};

const rowFields = {
  name: z.string(),
  bytes: z.int(),
  digest: z.string(),
  state: z.enum(["uploading", "complete"]),
  createdAt: z.string(),
};
const size = z.object({ height: z.int(), width: z.int(), channels: z.int() });
const rowSchema = z
  .discriminatedUnion("kind", [
    z.object({
      kind: z.literal("images"),
      ...rowFields,
      image: size,
      classes: z.int(),
      trainImages: z.int(),
      testImages: z.int(),
    }),
    z.object({ kind: z.literal("table"), ...rowFields, columns: z.int(), rows: z.int() }),
  ])
  .openapi("DataSetRow");

const rowExample: z.infer<typeof rowSchema> = {
  kind: "images",
  name: fullExample.name,
  bytes: fullExample.bytes,
  digest: fullExample.digest,
  state: "complete",
  createdAt: fullExample.createdAt,
  ...factsOfHeader(headerExample),
};

function rowOf({ name, header, bytes, completedAt, createdAt }: Dataset): z.infer<typeof rowSchema> {
  const row = {
    name,
    bytes,
    digest: header.digest,
    state: completedAt === null ? ("uploading" as const) : ("complete" as const),
    createdAt: isoTime(createdAt),
  };
  if (header.kind !== "table") return { kind: "images", ...row, ...factsOfHeader(header) };
  return { kind: "table", ...row, columns: header.columns.length, rows: header.rows };
}

const create = createRoute({
  ...writing,
  method: "post",
  path: "/datasets",
  middleware: [requires("searches:write"), idempotent] as const,
  parameters: [idempotencyKey],
  summary: "Begin or continue a push: `missing` says which shards to send",
  request: { body: body(datasetHeaderSchema, headerExample) },
  responses: {
    200: json(fullSchema, "The same data is there, whole or in part", fullExample),
    201: json(fullSchema, "Where the shards go; its address in Location", {
      ...fullExample,
      state: "uploading",
      missing: [1],
    }),
    default: failure,
  },
});

const shard = createRoute({
  ...writing,
  method: "put",
  path: "/datasets/{name}/shards/{shard}",
  summary: "Upload one shard: the bytes themselves, shards numbered from 1",
  request: {
    params: nameParam.extend({ shard: shardNumber }),
    body: { required: true, content: bytesContent },
  },
  responses: { 204: { description: "Stored and verified" }, default: failure },
});

const complete = createRoute({
  ...writing,
  method: "post",
  path: "/datasets/{name}/complete",
  summary: "End a push once every shard has arrived; searches may use it from then on",
  request: { params: nameParam },
  responses: { 200: json(fullSchema, "Complete", fullExample), default: failure },
});

const list = createRoute({
  ...reading,
  method: "get",
  path: "/datasets",
  summary: "List pushed data sets by name",
  request: { query: pageQuery },
  responses: { 200: json(pageOf(rowSchema), "Data sets", lastPage(rowExample)), default: failure },
});

const read = createRoute({
  ...reading,
  method: "get",
  path: "/datasets/{name}",
  summary: "Read a pushed data set's header",
  request: { params: nameParam },
  responses: { 200: json(fullSchema, "The data set", fullExample), default: failure },
});

const remove = createRoute({
  ...writing,
  method: "delete",
  path: "/datasets/{name}",
  summary: "Delete a pushed data set that no unfinished search uses",
  request: { params: nameParam },
  responses: { 204: { description: "Deleted" }, default: failure },
});

const ofTask = createRoute({
  ...running,
  method: "get",
  path: "/tasks/{taskId}/dataset",
  summary: "The pushed data set of a task, for who holds its lease",
  request: { params: taskParam, query: leaseQuery },
  responses: { 200: json(datasetHeaderSchema, "Its header", headerExample), default: failure },
});

const shardOfTask = createRoute({
  ...running,
  method: "get",
  path: "/tasks/{taskId}/dataset/shards/{shard}",
  summary: "One shard of a task's data set, for who holds its lease",
  request: { params: taskParam.extend({ shard: shardNumber }), query: leaseQuery },
  responses: { 200: { description: "Its bytes", content: bytesContent }, default: failure },
});

export const datasets = newApp()
  .openapi(create, async (c) => {
    const { dataset, isNew } = await createDataset(c.env, c.req.valid("json"));
    const location = `/v1/datasets/${dataset.name}`;
    return c.json(await datasetView(c.env, dataset), isNew ? 201 : 200, { location });
  })
  .openapi(shard, async (c) => {
    const { name, shard: number } = c.req.valid("param");
    await putShard(c.env, name, number, c.req.raw);
    return c.body(null, 204);
  })
  .openapi(complete, async (c) =>
    c.json(await datasetView(c.env, await completePush(c.env, c.req.valid("param").name)), 200),
  )
  .openapi(list, async (c) => {
    const { cursor, limit } = c.req.valid("query");
    const [after] = decodeCursor(cursor, z.tuple([z.string()])) ?? [null];
    const page = await listDatasets(c.env.DB, { after, limit });
    const nextCursor = cursorAfter(page, limit, (row) => [row.name]);
    return c.json({ data: page.map(rowOf), nextCursor }, 200);
  })
  .openapi(read, async (c) =>
    c.json(await datasetView(c.env, await existingDataset(c.env.DB, c.req.valid("param").name)), 200),
  )
  .openapi(remove, async (c) => {
    await removeDataset(c.env, await existingDataset(c.env.DB, c.req.valid("param").name));
    return c.body(null, 204);
  })
  .openapi(ofTask, async (c) => {
    const { header } = await leasedDataset(
      c.env.DB,
      c.req.valid("param").taskId,
      c.req.valid("query").leaseId,
    );
    return c.json(header, 200);
  })
  .openapi(shardOfTask, async (c) => {
    const { taskId, shard: number } = c.req.valid("param");
    return readShard(c.env, await leasedDataset(c.env.DB, taskId, c.req.valid("query").leaseId), number);
  });

/** A runner's token alone opens nothing: it takes the lease on work that needs the data. */
async function leasedDataset(db: D1Database, taskId: string, leaseId: string): Promise<Dataset> {
  const dataset = await datasetOfLease(db, { resource: resourceOf(parseTaskId(taskId)), leaseId });
  if (dataset === undefined) throw new Problem("lease-lost");
  if (dataset === null)
    throw new Problem("not-found", "This task's data set is built in, or it was deleted after the search.");
  return dataset;
}
