/** What a search says where nothing that it trained is better than answering always the same, and what to look at. */

import { z } from "zod";
import { readEvents } from "./api.ts";
import type { EdgeClient } from "./client.ts";

const trivialSchema = z.object({ bestAccuracy: z.number(), trivialAccuracy: z.number(), check: z.string() });

/** None where something was better. */
export async function trivialLines(client: EdgeClient, searchId: string): Promise<string[]> {
  const events = await readEvents(client, searchId);
  const event = events.findLast(({ type }) => type === "front.trivial");
  const told = trivialSchema.safeParse(event?.data).data;
  if (told === undefined) return [];
  const best = told.bestAccuracy.toFixed(1);
  return [
    "",
    `No trained network is better than answering always with the largest class: ${best} % against ${told.trivialAccuracy.toFixed(1)} %.`,
    `Before you train on: ${told.check}.`,
  ];
}
