/** Sends packed images or a table to the edge: only what is missing there, so that a push that was cut off goes on. */

import { z } from "zod";
import type { Packed } from "../gpu-runner/data/shards.ts";
import { type DatasetView, datasetViewSchema } from "../shared/pushedDataset.ts";
import type { EdgeClient } from "./client.ts";

/** The edge's view of a data set; keys that this version does not know pass through. */
const [images, table] = datasetViewSchema.options;
export const pushedSchema = z.discriminatedUnion("kind", [images.loose(), table.loose()]);

export const datasetPath = (name: string, rest = ""): string =>
  `/v1/datasets/${encodeURIComponent(name)}${rest}`;

export interface Sent {
  dataset: DatasetView;
  /** Of this push; 0 where everything was there. */
  shards: number;
  bytes: number;
}

/**
 * @param onSent told after each shard how many bytes of how many were sent
 * @throws CliError where the edge refuses or cannot be reached
 */
export async function pushData(
  client: EdgeClient,
  { header, shard }: Packed,
  onSent: (bytes: number, of: number) => void = () => {},
): Promise<Sent> {
  const begun = await client.json("/v1/datasets", pushedSchema, { method: "POST", body: header });
  if (begun.state === "complete") return { dataset: begun, shards: 0, bytes: 0 };
  const total = begun.missing.reduce((sum, number) => sum + (header.shards[number - 1]?.bytes ?? 0), 0);
  let sent = 0;
  for (const number of begun.missing) {
    const bytes = new Uint8Array(shard(number));
    await client.send(datasetPath(header.name, `/shards/${number}`), { method: "PUT", bytes });
    sent += bytes.length;
    onSent(sent, total);
  }
  const dataset = await client.json(datasetPath(header.name, "/complete"), pushedSchema, { method: "POST" });
  return { dataset, shards: begun.missing.length, bytes: sent };
}
