/** Templates: named specifications and campaigns with placeholders, started by hand or by a trigger. */

import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import {
  checkTemplate,
  placeholderSchema,
  placeholdersOf,
  type Template,
  templateChanges,
  templateFields,
  valueSchema,
} from "../../shared/template.ts";
import {
  body,
  cursorAfter,
  decodeCursor,
  failure,
  isoTime,
  json,
  lastPage,
  newApp,
  pageOf,
  pageQuery,
  unchanged,
} from "../app.ts";
import { requires } from "../auth.ts";
import type { AppEnv } from "../env.ts";
import { assertMatches, ifMatch, isKnown, versionTag } from "../etag.ts";
import { idempotencyKey, idempotent } from "../idempotency.ts";
import { invalid, Problem } from "../problems.ts";
import { store, templateStart } from "../start.ts";
import {
  changeTemplate,
  deleteTemplate,
  findTemplate,
  insertTemplate,
  listTemplates,
  type StoredTemplate,
  templateOf,
} from "../store/templates.ts";
import { campaignView, createdCampaign } from "./campaigns.ts";
import { createdSearch, searchExample, searchSchema } from "./searches.ts";

const tags = ["Templates"];
const reading = { tags, security: [{ token: ["searches:read"] }], middleware: requires("searches:read") };
const writing = { tags, security: [{ token: ["searches:write"] }] };
const mayWrite = requires("searches:write");

const templateSchema = templateFields
  .extend({
    description: z.string(),
    placeholders: z.array(z.string()).describe("that need a value"),
    createdAt: z.string(),
  })
  .openapi("Template");

const asked: z.input<typeof templateFields> = {
  name: "nightly",
  description: "small networks for what was pushed",
  specification: { name: "{{ ref }}", dataset: { name: "cifar10" }, budget: { gpuHours: 2 } },
};
const example: z.infer<typeof templateSchema> = {
  ...templateFields.parse(asked),
  placeholders: ["ref"],
  createdAt: "2026-03-02T09:00:00.000Z",
};

const view = (row: StoredTemplate): z.infer<typeof templateSchema> => {
  const template = templateOf(row);
  return { ...template, placeholders: placeholdersOf(template), createdAt: isoTime(row.createdAt) };
};

const nameParam = z.object({ name: z.string().openapi({ param: { name: "name", in: "path" } }) });

const create = createRoute({
  ...writing,
  method: "post",
  path: "/templates",
  middleware: [mayWrite, idempotent] as const,
  parameters: [idempotencyKey],
  summary: "Create a template; what holds whatever its placeholders' values will be is checked",
  request: { body: body(templateFields, asked) },
  responses: {
    201: json(templateSchema, "The template; its address in Location", example),
    default: failure,
  },
});

const list = createRoute({
  ...reading,
  method: "get",
  path: "/templates",
  summary: "List templates by name",
  request: { query: pageQuery },
  responses: { 200: json(pageOf(templateSchema), "Templates", lastPage(example)), default: failure },
});

const read = createRoute({
  ...reading,
  method: "get",
  path: "/templates/{name}",
  summary: "Read a template",
  request: { params: nameParam },
  responses: {
    200: json(templateSchema, "The template", example),
    304: unchanged,
    default: failure,
  },
});

const change = createRoute({
  ...writing,
  method: "patch",
  path: "/templates/{name}",
  middleware: mayWrite,
  summary: "Change what a template starts, or its description",
  parameters: [ifMatch],
  request: { params: nameParam, body: body(templateChanges, { description: "every night" }) },
  responses: { 200: json(templateSchema, "The changed template", example), default: failure },
});

const remove = createRoute({
  ...writing,
  method: "delete",
  path: "/templates/{name}",
  middleware: mayWrite,
  summary: "Delete a template that no trigger starts",
  request: { params: nameParam },
  responses: { 204: { description: "Deleted" }, default: failure },
});

const start = createRoute({
  ...writing,
  method: "post",
  path: "/templates/{name}/start",
  middleware: [mayWrite, idempotent] as const,
  parameters: [idempotencyKey],
  summary: "Start what a template asks for, with values for its placeholders",
  request: {
    params: nameParam,
    body: body(z.strictObject({ values: z.record(placeholderSchema, valueSchema).default({}) }), {
      values: { ref: "refs/heads/main" },
    }),
  },
  responses: {
    201: json(
      z.union([searchSchema, campaignView]),
      "The search or campaign; its address in Location",
      searchExample,
    ),
    default: failure,
  },
});

export const templates = newApp()
  .openapi(create, async (c) => {
    const template = checked(c.req.valid("json"));
    if (!(await insertTemplate(c.env.DB, template))) throw new Problem("template-exists");
    const created = await existing(c, template.name);
    return c.json(view(created), 201, {
      location: `/v1/templates/${template.name}`,
      etag: versionTag(created),
    });
  })
  .openapi(list, async (c) => {
    const { cursor, limit } = c.req.valid("query");
    const [after] = decodeCursor(cursor, z.tuple([z.string()])) ?? [""];
    const page = await listTemplates(c.env.DB, { after, limit });
    const nextCursor = cursorAfter(page, limit, (row) => [row.name]);
    return c.json({ data: page.map(view), nextCursor }, 200);
  })
  .openapi(read, async (c) => {
    const template = await existing(c, c.req.valid("param").name);
    const etag = versionTag(template);
    c.header("etag", etag);
    c.header("cache-control", "private, no-cache");
    if (isKnown(etag, c.req.header("if-none-match"))) return c.body(null, 304);
    return c.json(view(template), 200);
  })
  .openapi(change, async (c) => {
    const changes = c.req.valid("json");
    const template = await existing(c, c.req.valid("param").name);
    assertMatches(template.version, c.req.header("if-match"));
    const { specification, campaign, ...rest } = templateOf(template);
    // What it starts is replaced as a whole: a search may become a campaign.
    const isReplaced = changes.specification !== undefined || changes.campaign !== undefined;
    const changed = checked({ ...rest, ...(isReplaced ? {} : { specification, campaign }), ...changes });
    if (!(await changeTemplate(c.env.DB, changed, template.version)))
      throw new Problem("precondition-failed");
    const now = await existing(c, template.name);
    return c.json(view(now), 200, { etag: versionTag(now) });
  })
  .openapi(remove, async (c) => {
    const { name } = await existing(c, c.req.valid("param").name);
    if (!(await deleteTemplate(c.env.DB, name))) throw new Problem("template-in-use");
    return c.body(null, 204);
  })
  .openapi(start, async (c) => {
    const { values } = c.req.valid("json");
    const template = templateOf(await existing(c, c.req.valid("param").name));
    assertAsked(values, placeholdersOf(template));
    const started = await templateStart(c.env.DB, template, values);
    if ("errors" in started) throw invalid(started.errors);
    await store(c.env.DB, started);
    const { campaign } = started;
    const { body: answer, headers } =
      campaign === null ? await createdSearch(c, started) : await createdCampaign(c, campaign);
    return c.json(answer, 201, headers);
  });

function checked(input: unknown): Template {
  const { template, errors } = checkTemplate(input);
  if (errors !== undefined) throw invalid(errors);
  return template;
}

async function existing(c: Context<AppEnv>, name: string): Promise<StoredTemplate> {
  const template = await findTemplate(c.env.DB, name);
  if (template === null) throw new Problem("not-found", `There is no template "${name}".`);
  return template;
}

/** A mistyped name would go unnoticed otherwise. */
function assertAsked(values: Record<string, unknown>, placeholders: readonly string[]): void {
  const unasked = Object.keys(values).filter((name) => !placeholders.includes(name));
  if (unasked.length === 0) return;
  const has = placeholders.join(", ") || "none";
  throw invalid(
    unasked.map((name) => ({
      pointer: `/values/${name}`,
      detail: `the template has no placeholder "${name}"; it has ${has}`,
    })),
  );
}
