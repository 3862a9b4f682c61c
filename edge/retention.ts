/** Searches that are taken away: one that somebody deletes, those that are over for longer than they are to be kept, and what imports that never ended left. */

import type { Env } from "./env.ts";
import { newId } from "./ids.ts";
import { insertAudit } from "./store/audit.ts";
import { removeObjects } from "./store/blobs.ts";
import { abandonedImports } from "./store/imports.ts";
import { deleteSearch, searchesOverBefore } from "./store/searches.ts";

const dayMs = 86_400_000;
/** In one sweep: each may have thousands of rows and many objects. */
const removedAtOnce = 2;

/** Removes a search with everything of it. What is in the bucket goes first, so that nothing is left that no row names. */
export async function removeSearch(env: Env, id: string): Promise<void> {
  await removeObjects(env, id);
  await deleteSearch(env.DB, id);
}

/** Days that a search is kept after its end; null for ever, which is also what anything but a number of days means. */
export function retentionDays({ NASTURTIUM_RETENTION_DAYS: text }: Env): number | null {
  return text !== undefined && /^[1-9]\d{0,4}$/.test(text) ? Number(text) : null;
}

/** Removes what some of the imports left that were not completed within a day. */
export async function removeAbandonedImports(env: Env, now: number): Promise<void> {
  for (const id of await abandonedImports(env.DB, now, removedAtOnce)) await removeSearch(env, id);
}

/** Removes some of the searches that are over for longer than they are to be kept, each told in the audit trail. */
export async function removeOld(env: Env, now: number): Promise<void> {
  const days = retentionDays(env);
  if (days === null) return;
  for (const id of await searchesOverBefore(env.DB, now - days * dayMs, removedAtOnce)) {
    await removeSearch(env, id);
    await insertAudit(env.DB, {
      id: newId(),
      at: now,
      principalId: null,
      principalName: null,
      action: "search.expire",
      targetType: "search",
      targetId: id,
      requestId: newId(),
      status: 204,
    });
  }
}
