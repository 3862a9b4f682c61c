/** What endpoints can be told: types of events, and the one that a test sends. */

export const webhookEvents = [
  "search.started",
  "search.paused",
  "search.resumed",
  "search.completed",
  "search.failed",
  "search.cancelled",
  "search.stalled",
  "stage.completed",
  "front.improved",
  "front.reranked",
  "training.completed",
  "training.failed",
  "budget.threshold",
  "instance.launched",
  "instance.lost",
  "instance.terminated",
  "instance.stuck",
  "rental.waiting",
  "device.quarantined",
  "device.disagrees",
  "measurement.failed",
] as const;
export type WebhookEvent = (typeof webhookEvents)[number];

export const testEvent = "webhook.test";

/** Beginnings that stand for several types: `search.*` and the like. */
export const webhookEventGroups: readonly string[] = [
  ...new Set(webhookEvents.map((type) => `${type.split(".")[0]}.*`)),
];

/** Whether a filter's entry names at least one type. */
export const isWebhookFilter = (entry: string): boolean =>
  (webhookEvents as readonly string[]).includes(entry) || webhookEventGroups.includes(entry);
