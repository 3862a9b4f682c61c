/** The audit trail: who changed what, or was refused. */

import { createRoute, z } from "@hono/zod-openapi";
import {
  cursorAfter,
  decodeCreated,
  failure,
  isoTime,
  json,
  lastPage,
  newApp,
  pageOf,
  pageQuery,
} from "../app.ts";
import { requires } from "../auth.ts";
import { type AuditRow, listAudit } from "../store/audit.ts";

const entrySchema = z
  .object({
    id: z.string(),
    at: z.string(),
    principal: z
      .object({ id: z.string(), name: z.string() })
      .nullable()
      .describe("a token, or `environment`; null without a valid one"),
    action: z.string().describe("such as `search.cancel`"),
    target: z.object({ type: z.string(), id: z.string().nullable() }),
    requestId: z.string(),
    status: z.int().describe("of the answer"),
  })
  .openapi("AuditEntry");

const example: z.infer<typeof entrySchema> = {
  id: "w5m2hd7q3xk9tz4b",
  at: "2026-03-02T09:41:07.220Z",
  principal: { id: "c8r4jn6y2vq5pw7s", name: "laptop" },
  action: "search.cancel",
  target: { type: "search", id: "k3v7m2q9x4t8w6zb" },
  requestId: "uggeg3utzz2sqf5x",
  status: 200,
};

const list = createRoute({
  method: "get",
  path: "/audit",
  tags: ["Audit"],
  security: [{ token: ["admin"] }],
  middleware: requires("admin"),
  summary: "Changes that were made, or refused for want of a token or scope, newest first",
  request: {
    query: pageQuery.extend({
      principal: z.string().optional().describe("id of a token, or `environment`"),
      action: z.string().optional(),
      target: z.string().optional().describe("id of what was changed"),
    }),
  },
  responses: { 200: json(pageOf(entrySchema), "Changes", lastPage(example)), default: failure },
});

const view = ({
  principalId,
  principalName,
  targetType,
  targetId,
  at,
  ...entry
}: AuditRow): z.infer<typeof entrySchema> => ({
  ...entry,
  at: isoTime(at),
  principal: principalId === null ? null : { id: principalId, name: principalName ?? "" },
  target: { type: targetType, id: targetId },
});

export const audit = newApp().openapi(list, async (c) => {
  const { cursor, limit, ...filter } = c.req.valid("query");
  const before = decodeCreated(cursor);
  const page = await listAudit(c.env.DB, filter, { before, limit });
  const nextCursor = cursorAfter(page, limit, (row) => [row.at, row.id]);
  return c.json({ data: page.map(view), nextCursor }, 200);
});
