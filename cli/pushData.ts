/** Sends packed images or a table to the edge: only what is missing there, so that a push that was cut off goes on. */

import type { Packed } from "../gpu-runner/data/shards.ts";
import type { DatasetView } from "../shared/pushedDataset.ts";
import type { EdgeClient } from "./client.ts";

const viewKeys = ["kind", "state", "missing", "shards"] as const;

export const readDataset = (client: EdgeClient, name: string): Promise<DatasetView> =>
  client.json(client.v1.datasets[":name"].$get({ param: { name } }), viewKeys);

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
  const { v1 } = client;
  const begun = await client.json(v1.datasets.$post({ json: header }), viewKeys);
  if (begun.state === "complete") return { dataset: begun, shards: 0, bytes: 0 };
  const total = begun.missing.reduce((sum, number) => sum + (header.shards[number - 1]?.bytes ?? 0), 0);
  let sent = 0;
  for (const number of begun.missing) {
    const bytes = new Uint8Array(shard(number));
    await v1.datasets[":name"].shards[":shard"].$put(
      { param: { name: header.name, shard: number } },
      { headers: { "content-type": "application/octet-stream" }, init: { body: bytes } },
    );
    sent += bytes.length;
    onSent(sent, total);
  }
  const completing = v1.datasets[":name"].complete.$post({ param: { name: header.name } });
  const dataset = await client.json(completing, viewKeys);
  return { dataset, shards: begun.missing.length, bytes: sent };
}
