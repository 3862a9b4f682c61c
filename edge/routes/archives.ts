/** Whole searches as one file: the archive of one, and the import of an archive as a new one. */

import { createRoute, z } from "@hono/zod-openapi";
import { partBytes } from "../../shared/protocol.ts";
import { importCreatedSchema, maxArchiveBytes } from "../../shared/searchArchive.ts";
import { tarBlockBytes } from "../../shared/tar.ts";
import { existingSearch, readableSearch } from "../access.ts";
import { body, bytesContent, failure, idParam, json, newApp, wholeNumber } from "../app.ts";
import { importArchive } from "../archive/read.ts";
import { archiveStream } from "../archive/write.ts";
import { requires } from "../auth.ts";
import { idempotencyKey, idempotent } from "../idempotency.ts";
import { newId } from "../ids.ts";
import { Problem } from "../problems.ts";
import { type Blob, insertBlob, objectKeyOf } from "../store/blobs.ts";
import { findImport } from "../store/imports.ts";
import { storePart } from "../upload.ts";
import { etagOf, searchExample, searchSchema, searchView } from "./searches.ts";

const tags = ["Searches"];
const writing = { tags, security: [{ token: ["searches:write"] }] };
const mayWrite = requires("searches:write");

const archive = createRoute({
  method: "get",
  path: "/searches/{id}/archive",
  tags,
  security: [{ token: ["searches:read"] }, {}],
  summary:
    "Download everything of a paused or finished search as one tar archive, which can be imported elsewhere",
  request: { params: idParam },
  responses: {
    200: {
      description: "The archive",
      content: { "application/x-tar": { schema: { type: "string" as const, format: "binary" } } },
    },
    default: failure,
  },
});

const create = createRoute({
  ...writing,
  method: "post",
  path: "/imports",
  middleware: [mayWrite, idempotent] as const,
  parameters: [idempotencyKey],
  summary: "Begin the import of an archive of a search",
  request: {
    body: body(z.strictObject({ bytes: z.int().min(tarBlockBytes).max(maxArchiveBytes) }), {
      bytes: 31_700_480,
    }),
  },
  responses: {
    201: json(importCreatedSchema, "Where the parts go", { id: "m4k2x7q9w5t8z3vb", partBytes }),
    default: failure,
  },
});

const part = createRoute({
  ...writing,
  method: "put",
  path: "/imports/{id}/parts/{part}",
  middleware: mayWrite,
  summary: "Upload one part of an archive: the bytes themselves, parts numbered from 1",
  request: {
    params: idParam.extend({
      part: wholeNumber(1, Math.ceil(maxArchiveBytes / partBytes)).openapi({
        param: { name: "part", in: "path" },
      }),
    }),
    body: { required: true, content: bytesContent },
  },
  responses: { 204: { description: "Stored" }, default: failure },
});

const complete = createRoute({
  ...writing,
  method: "post",
  path: "/imports/{id}/complete",
  middleware: [mayWrite, idempotent] as const,
  parameters: [idempotencyKey],
  summary: "Check the archive and import it as a new search, or nothing of it",
  request: { params: idParam },
  responses: {
    201: json(
      searchSchema.extend({
        importedFrom: z.string().describe("its id where it was exported"),
        missingData: z.string().nullable().describe("pushed data that it needs and that is not here"),
      }),
      "The search, which is private; its address in Location",
      { ...searchExample, state: "completed", importedFrom: "q7v3m2k9x4t8w6zb", missingData: null },
    ),
    default: failure,
  },
});

async function openImport(db: D1Database, id: string): Promise<Blob> {
  const found = await findImport(db, id);
  if (found === null) throw new Problem("not-found", `There is no import "${id}" under way.`);
  if (found.uploadId === "") throw new Problem("upload-incomplete", "The archive is being imported already.");
  return found;
}

export const archives = newApp()
  .openapi(archive, async (c) => {
    const search = await readableSearch(c, c.req.valid("param").id);
    const bytes = await archiveStream(c.env, search);
    c.header("content-type", "application/x-tar");
    c.header("content-disposition", `attachment; filename="search-${search.id}.tar"`);
    c.header("cache-control", "no-store");
    return c.newResponse(bytes);
  })
  .openapi(create, async (c) => {
    const { bytes } = c.req.valid("json");
    const id = newId();
    const objectKey = objectKeyOf(id, id);
    const { uploadId } = await c.env.BUCKET.createMultipartUpload(objectKey);
    await insertBlob(c.env.DB, {
      id,
      searchId: id,
      trainingId: null,
      leaseId: "",
      purpose: "import",
      round: null,
      format: null,
      fileName: "archive.tar",
      bytes,
      sha256: null,
      objectKey,
      uploadId,
      createdAt: Date.now(),
    });
    return c.json({ id, partBytes }, 201);
  })
  .openapi(part, async (c) => {
    const { id, part: number } = c.req.valid("param");
    await storePart(c.env, await openImport(c.env.DB, id), number, c.req.raw);
    return c.body(null, 204);
  })
  .openapi(complete, async (c) => {
    const found = await openImport(c.env.DB, c.req.valid("param").id);
    const imported = await importArchive(c.env, found);
    const search = await existingSearch(c, found.searchId);
    const headers = { location: `/v1/searches/${search.id}`, etag: etagOf(search) };
    return c.json({ ...searchView(search), ...imported }, 201, headers);
  });
