/** Final trainings of a search's architectures, and their exports. */

import { createRoute, z } from "@hono/zod-openapi";
import { isBuiltIn } from "../../shared/datasets.ts";
import { exportFormatNames, exportFormatOf, exportFormats } from "../../shared/exportFormats.ts";
import { printGenotype } from "../../shared/genotype.ts";
import { isSameSize, networkError, trainedSize } from "../../shared/scaling.ts";
import { finalTrainingSchema } from "../../shared/specification.ts";
import { existingSearch, readableSearch } from "../access.ts";
import {
  body,
  cursorAfter,
  decodeCreated,
  failure,
  idParam,
  json,
  lastPage,
  newApp,
  pageOf,
  pageQuery,
} from "../app.ts";
import { assertScope, requires } from "../auth.ts";
import { idempotencyKey, idempotent } from "../idempotency.ts";
import { newId } from "../ids.ts";
import { invalid, Problem } from "../problems.ts";
import { findArchitecture } from "../store/architectures.ts";
import { findExport } from "../store/blobs.ts";
import type { Search } from "../store/searches.ts";
import { findTraining, insertTraining, listTrainings, type TrainingView } from "../store/trainings.ts";
import { trainingExample, trainingSchema, trainingView } from "../trainingView.ts";
import { download } from "../upload.ts";

const tags = ["Trainings"];
const reading = { tags, security: [{ token: ["searches:read"] }, {}] };

/** Without the defaults: what is not given stays as the specification has it. */
const recipeChange = finalTrainingSchema
  .omit({ top: true })
  .partial()
  .extend({ preset: finalTrainingSchema.shape.preset.unwrap().optional() });

const start = createRoute({
  method: "post",
  path: "/searches/{id}/trainings",
  tags,
  security: [{ token: ["searches:write"] }],
  middleware: [requires("searches:write"), idempotent] as const,
  parameters: [idempotencyKey],
  summary: "Train an architecture of the archive; what the recipe leaves out is as in the specification",
  request: {
    params: idParam,
    body: body(
      z.strictObject({
        hash: z.string(),
        recipe: recipeChange.optional(),
      }),
      { hash: trainingExample.hash, recipe: { steps: 2000, channels: 32 } },
    ),
  },
  responses: {
    201: json(trainingSchema, "The training; its address in Location", trainingExample),
    default: failure,
  },
});

const list = createRoute({
  ...reading,
  method: "get",
  path: "/searches/{id}/trainings",
  summary: "Trainings of a search, newest first",
  request: { params: idParam, query: pageQuery },
  responses: { 200: json(pageOf(trainingSchema), "Trainings", lastPage(trainingExample)), default: failure },
});

const read = createRoute({
  ...reading,
  method: "get",
  path: "/trainings/{id}",
  summary: "Read a training",
  request: { params: idParam },
  responses: { 200: json(trainingSchema, "The training", trainingExample), default: failure },
});

const bytesSchema = { schema: { type: "string" as const, format: "binary" } };

/** The one export that is a document: an object for whoever reads JSON. */
const documentSchema = {
  schema: z.looseObject({ hash: z.string() }),
  example: { hash: trainingExample.hash },
};

/** A file of any of the formats' media types. */
const exportContent = Object.fromEntries(
  Object.values(exportFormats).map(({ mediaType }) => [
    mediaType,
    mediaType === "application/json" ? documentSchema : bytesSchema,
  ]),
);

const exported = createRoute({
  ...reading,
  method: "get",
  path: "/trainings/{id}/exports/{format}",
  summary:
    "Download the trained model, or what describes it: `tfjs` and `saved-model` are tar archives; `samples` are a few test images, of pushed data only for tokens that read",
  request: {
    params: idParam.extend({
      format: z.string().openapi({ param: { name: "format", in: "path" }, enum: exportFormatNames }),
    }),
  },
  responses: { 200: { description: "The file", content: exportContent }, default: failure },
});

export const trainings = newApp()
  .openapi(start, async (c) => {
    const { hash, recipe } = c.req.valid("json");
    const { id: searchId, specification, datasetId } = await existingSearch(c, c.req.valid("param").id);
    if (specification.evaluation.kind === "tabular") throw new Problem("not-trainable");
    if (datasetId === null && !isBuiltIn(specification.dataset.name)) throw new Problem("dataset-gone");
    const [architecture] = await findArchitecture(c.env.DB, searchId, hash);
    if (architecture === undefined)
      throw invalid([
        {
          pointer: "/hash",
          detail: "the archive of this search holds no such architecture; /front lists them",
        },
      ]);
    const { genotype } = architecture;
    const trained = {
      ...specification.finalTraining,
      ...recipe,
      preset: recipe?.preset ?? specification.finalTraining.preset,
    };
    const size = trainedSize(specification, trained);
    const error = isSameSize(size, trainedSize(specification))
      ? undefined
      : networkError(genotype, specification, size, "/recipe");
    if (error !== undefined) throw invalid([error]);
    const training = await insertTraining(c.env.DB, {
      id: newId(),
      searchId,
      hash,
      genotype,
      recipe: trained,
      createdAt: Date.now(),
    });
    return c.json(trainingView({ ...training, progress: null }), 201, {
      location: `/v1/trainings/${training.id}`,
    });
  })
  .openapi(list, async (c) => {
    const { cursor, limit } = c.req.valid("query");
    const { id } = await readableSearch(c, c.req.valid("param").id);
    const before = decodeCreated(cursor);
    const page = await listTrainings(c.env.DB, id, { before, limit });
    const nextCursor = cursorAfter(page, limit, (row) => [row.createdAt, row.id]);
    return c.json({ data: page.map(trainingView), nextCursor }, 200);
  })
  .openapi(read, async (c) => {
    const { training } = await readableTraining(c, c.req.valid("param").id);
    return c.json(trainingView(training), 200);
  })
  .openapi(exported, async (c) => {
    const { id, format } = c.req.valid("param");
    const { training, search } = await readableTraining(c, id);
    // Somebody's own images are not for everybody, even where the search is.
    if (format === "samples" && !isBuiltIn(search.specification.dataset.name))
      assertScope(c.get("principal"), "searches:read");
    if (format === "genotype") return c.text(`${printGenotype(training.genotype)}\n`);
    const facts = exportFormatOf(format);
    const blob = facts && (await findExport(c.env.DB, id, format));
    if (facts && blob) {
      const { body: bytes, headers } = await download(c.env, blob);
      for (const [name, value] of headers) c.header(name, value);
      c.header("content-type", facts.mediaType);
      return c.newResponse(bytes);
    }
    if (format === "json") return c.json({ hash: training.hash, genotype: training.genotype });
    throw new Problem("not-found", `Training ${id} has no export "${format}".`);
  });

/** A training is as readable as its search; to anyone else it looks like one that does not exist. */
async function readableTraining(
  c: Parameters<typeof readableSearch>[0],
  id: string,
): Promise<{ training: TrainingView; search: Search }> {
  const training = await findTraining(c.env.DB, id);
  if (training === null) {
    assertScope(c.get("principal"), "searches:read");
    throw new Problem("not-found", `There is no training "${id}".`);
  }
  return { training, search: await readableSearch(c, training.searchId) };
}
