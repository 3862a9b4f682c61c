/** What the page about money asks for. */

import type { InferResponseType } from "hono/client";
import { api, read, readAll } from "../../app/api.ts";

export type Instance = InferResponseType<typeof api.instances.$get>["data"][number];
export type Deployment = InferResponseType<typeof api.budgets.$get>;
export type Spending = InferResponseType<typeof api.budgets.searches.$get>["data"][number];
export type SearchBudget = InferResponseType<(typeof api.searches)[":id"]["budget"]["$get"]>;
export type Entry = InferResponseType<(typeof api.searches)[":id"]["ledger"]["$get"]>["data"][number];
export type Alerts = InferResponseType<typeof api.alerts.$get>;

export const pageSize = 200;

export const liveInstances = (signal: AbortSignal): Promise<Instance[]> =>
  readAll((query) =>
    api.instances.$get({ query: { ...query, state: "live", limit: pageSize } }, { init: { signal } }),
  );

/** Each by itself: those that were stopped here and are no longer among the live ones. */
export const instancesOf = (ids: readonly string[], signal: AbortSignal): Promise<Instance[]> =>
  Promise.all(ids.map((id) => read(api.instances[":id"].$get({ param: { id } }, { init: { signal } }))));

export const ledgerOf = (id: string, signal?: AbortSignal): Promise<Entry[]> =>
  readAll((query) =>
    api.searches[":id"].ledger.$get(
      { param: { id }, query: { ...query, limit: pageSize } },
      { init: signal ? { signal } : {} },
    ),
  );
