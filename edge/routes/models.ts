/** Networks as files, for services that are asked about them: by a signed link, with weights that are drawn. */

import { createRoute, z } from "@hono/zod-openapi";
import { modelOfSubject } from "../../device/network.ts";
import type { Model } from "../../gpu-runner/exports/computation.ts";
import { onnxPieces } from "../../gpu-runner/exports/onnx.ts";
import { tfjsModel } from "../../gpu-runner/exports/tfjs.ts";
import { countGenotype } from "../../shared/count.ts";
import type { NetworkSubject } from "../../shared/measuring.ts";
import { bytesContent, failure, newApp } from "../app.ts";
import { linkedNetwork, type ModelFile, modelFiles } from "../measuring/modelLinks.ts";
import { Problem } from "../problems.ts";
import { countRequest } from "../store/rateCounts.ts";

/** Of weights: what a Worker's memory holds several times over while it writes them. */
const largestMiB = 32;
/** Of one network: drawing it takes a second of the Worker. */
const downloadsPerMinute = 12;
const windowMs = 60_000;

const download = createRoute({
  method: "get",
  path: "/models/{link}/{file}",
  tags: ["Devices"],
  security: [{}],
  summary:
    "A network that an endpoint is asked about, as a file with drawn weights, by the link that it was told",
  request: {
    params: z.object({
      link: z
        .string()
        .max(200)
        .openapi({
          param: { name: "link", in: "path" },
          example: "p5k2w8xq7m3tz4vb.oe3q4pkdg4k23.1772487972.rQ0v1Ct3bVnXH3mG0sQkZy2wqP9fLr5aJ8dUe6iTjYo",
        }),
      file: z.enum(modelFiles).openapi({ param: { name: "file", in: "path" } }),
    }),
  },
  responses: { 200: { description: "The file", content: bytesContent }, default: failure },
});

/** In pieces. */
const contentOf: Record<ModelFile, (model: Model) => Uint8Array[]> = {
  "model.onnx": (model) => onnxPieces(model, {}),
  "model.json": (model) => [new TextEncoder().encode(JSON.stringify(tfjsModel(model, {}).json))],
  "weights.bin": (model) => tfjsModel(model, {}).weights,
};

/** @throws Problem where the Worker cannot hold it */
function refuseLarge(subject: NetworkSubject): void {
  const mebibytes = countGenotype(subject.genotype, subject).modelBytes / 2 ** 20;
  if (mebibytes <= largestMiB) return;
  const detail = `This network has ${mebibytes.toFixed(0)} MiB of weights, and at most ${largestMiB} are written here. Build it from the request's graph or genotype.`;
  throw new Problem("network-too-large", detail);
}

async function limitDownloads(db: D1Database, link: string, now: number): Promise<void> {
  const principal = `model:${link}`;
  const { count, windowEnd } = await countRequest(db, {
    principal,
    limit: downloadsPerMinute,
    windowMs,
    now,
  });
  if (count <= downloadsPerMinute) return;
  const seconds = String(Math.ceil((windowEnd - now) / 1000));
  const detail = `A network is written at most ${downloadsPerMinute} times a minute; ask again in ${seconds} s, or keep the file.`;
  throw new Problem("rate-limited", detail, undefined, { "retry-after": seconds });
}

export const models = newApp().openapi(download, async (c) => {
  const { link, file } = c.req.valid("param");
  const now = Date.now();
  const subject = await linkedNetwork(c.env, link, now);
  refuseLarge(subject);
  await limitDownloads(c.env.DB, link, now);
  const pieces = contentOf[file](modelOfSubject(subject)).values();
  const content = new ReadableStream<Uint8Array>({
    pull(controller) {
      const { done, value } = pieces.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
  });
  return new Response(content, {
    headers: {
      "content-type": file === "model.json" ? "application/json" : "application/octet-stream",
      "cache-control": "private, max-age=3600, immutable",
    },
  });
});
