/** Checkpoints and exports in parts: create, PUT parts/{n}, complete with SHA-256; and reading them back. */

import { createRoute, z } from "@hono/zod-openapi";
import {
  blobCompleteSchema,
  blobCreatedSchema,
  blobCreateSchema,
  checkpointsResponseSchema,
  partBytes,
} from "../../shared/protocol.ts";
import { existingSearch } from "../access.ts";
import { body, bytesContent, failure, idParam, isoTime, json, newApp, wholeNumber } from "../app.ts";
import { requires } from "../auth.ts";
import { Problem } from "../problems.ts";
import { checkpointsOf, findBlob } from "../store/blobs.ts";
import { completeUpload, createUpload, download, putPart } from "../upload.ts";

const common = {
  tags: ["Runners"],
  security: [{ token: ["runner"] }],
  middleware: requires("runner"),
};
const maxParts = 10_000;

/** Of the examples. */
const blobId = "q7t2xw5m9kd4vb3z";
const sha256 = "4355a46b19d348dc2f57c046f8ef63d4538ebb936000f3c9ee954a27460dd865";

const create = createRoute({
  method: "post",
  path: "/blobs",
  ...common,
  summary: "Begin an upload",
  request: {
    body: body(blobCreateSchema, {
      leaseId: "cazeqpy7dbnbjhx7",
      purpose: "checkpoint",
      searchId: "k3v7m2q9x4t8w6zb",
      round: 12,
      fileName: "checkpoint.bin",
      bytes: 3_208_144,
    }),
  },
  responses: { 201: json(blobCreatedSchema, "Where the parts go", { blobId, partBytes }), default: failure },
});

const part = createRoute({
  method: "put",
  path: "/blobs/{id}/parts/{part}",
  ...common,
  summary: "Upload one part: the bytes themselves, parts numbered from 1",
  request: {
    params: idParam.extend({
      part: wholeNumber(1, maxParts).openapi({ param: { name: "part", in: "path" } }),
    }),
    body: { required: true, content: bytesContent },
  },
  responses: { 204: { description: "Stored" }, default: failure },
});

const complete = createRoute({
  method: "post",
  path: "/blobs/{id}/complete",
  ...common,
  summary: "Put the parts together and verify them",
  request: { params: idParam, body: body(blobCompleteSchema, { leaseId: "cazeqpy7dbnbjhx7", sha256 }) },
  responses: {
    200: json(z.object({ blobId: z.string(), sha256: z.string() }), "Complete", { blobId, sha256 }),
    default: failure,
  },
});

const read = createRoute({
  method: "get",
  path: "/blobs/{id}",
  ...common,
  summary: "Download a blob",
  request: { params: idParam },
  responses: { 200: { description: "Its bytes", content: bytesContent }, default: failure },
});

const checkpoints = createRoute({
  method: "get",
  path: "/searches/{id}/checkpoints",
  ...common,
  summary: "Checkpoints of a search, or of one of its trainings, newest first",
  request: { params: idParam, query: z.object({ trainingId: z.string().optional() }) },
  responses: {
    200: json(checkpointsResponseSchema, "Checkpoints", {
      data: [{ blobId, round: 12, bytes: 3_208_144, sha256, createdAt: "2026-03-02T09:44:51.003Z" }],
    }),
    default: failure,
  },
});

export const blobs = newApp()
  .openapi(create, async (c) =>
    c.json({ blobId: await createUpload(c.env, c.req.valid("json")), partBytes }, 201),
  )
  .openapi(part, async (c) => {
    const { id, part: number } = c.req.valid("param");
    await putPart(c.env, id, number, c.req.raw);
    return c.body(null, 204);
  })
  .openapi(complete, async (c) => {
    const { id } = c.req.valid("param");
    const { leaseId, sha256 } = c.req.valid("json");
    await completeUpload(c.env, id, leaseId, sha256);
    return c.json({ blobId: id, sha256 }, 200);
  })
  .openapi(read, async (c) => {
    const blob = await findBlob(c.env.DB, c.req.valid("param").id);
    if (blob === null) throw new Problem("not-found");
    return download(c.env, blob);
  })
  .openapi(checkpoints, async (c) => {
    const { id: searchId } = await existingSearch(c, c.req.valid("param").id);
    const list = await checkpointsOf(c.env.DB, searchId, c.req.valid("query").trainingId ?? null);
    const data = list.map(({ id, round, bytes, sha256, createdAt }) => ({
      blobId: id,
      round: round ?? 0,
      bytes,
      sha256: sha256 ?? "",
      createdAt: isoTime(createdAt),
    }));
    return c.json({ data }, 200);
  });
