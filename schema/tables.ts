/** Every table of the database. */

export * from "./architectures.ts";
export * from "./audit.ts";
export * from "./blobs.ts";
export * from "./campaigns.ts";
export * from "./datasets.ts";
export * from "./devices.ts";
export * from "./events.ts";
export * from "./instances.ts";
export * from "./rateCounts.ts";
export * from "./rounds.ts";
export * from "./runners.ts";
export * from "./searches.ts";
export * from "./tokens.ts";
export * from "./trainings.ts";
export * from "./triggers.ts";
export * from "./webhooks.ts";
