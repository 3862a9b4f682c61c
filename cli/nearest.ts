/** What a search says where nothing was within its limits: the architecture that came nearest, and what it breaks. */

import { z } from "zod";
import { objectiveId } from "../shared/specification.ts";
import { readEvents, type Search } from "./api.ts";
import type { EdgeClient } from "./client.ts";

const nearestSchema = z.object({
  nearest: z.string(),
  selection: z.record(z.string(), z.array(z.string())),
  values: z.record(z.string(), z.number().nullable()),
  limits: z.record(z.string(), z.number()),
});
export type Nearest = z.infer<typeof nearestSchema>;

/** Null where something was feasible, or nothing was measured. */
export async function nearestOf(client: EdgeClient, searchId: string): Promise<Nearest | null> {
  const events = await readEvents(client, searchId);
  const event = events.findLast(({ type }) => type === "search.infeasible");
  return event === undefined ? null : (nearestSchema.safeParse(event.data).data ?? null);
}

export function nearestLines({ nearest, selection, values, limits }: Nearest, search: Search): string[] {
  const goals = new Map(
    search.specification.objectives.map((objective) => [objectiveId(objective), objective.goal]),
  );
  const broken = Object.entries(limits).flatMap(([id, limit]) => {
    const value = values[id];
    if (value === null || value === undefined) return [];
    const isMaximised = goals.get(id) === "maximize";
    if (isMaximised ? value >= limit : value <= limit) return [];
    return [`${id} is ${value}, its limit ${limit}`];
  });
  const architecture = Object.entries(selection).map(([kind, operations]) =>
    kind === "positions" ? operations.join(", ") : `${kind} ${operations.join(", ")}`,
  );
  return [
    `Nothing was within the limits. The nearest was ${nearest}: ${broken.join("; ")}.`,
    `  ${architecture.join("; ")}`,
    "Raise the limits, or search longer.",
  ];
}
