/** What a search says where nothing that it trained is better than guessing, and what to look at. */

import { z } from "zod";
import { readEvents } from "./api.ts";
import type { EdgeClient } from "./client.ts";

const untaughtSchema = z.object({ bestAccuracy: z.number(), chance: z.number(), message: z.string() });

/** None where something was better. */
export async function untaughtLines(client: EdgeClient, searchId: string): Promise<string[]> {
  const events = await readEvents(client, searchId);
  const event = events.findLast(({ type }) => type === "candidates.untaught");
  const told = untaughtSchema.safeParse(event?.data).data;
  if (told === undefined) return [];
  const [best, chance] = [told.bestAccuracy, told.chance].map((value) => value.toFixed(1));
  return ["", `Training taught nothing: ${best} %, and guessing gives ${chance} %: ${told.message}.`];
}
