/** What several commands ask of the edge, and the types of its answers. */

import type { InferResponseType } from "hono/client";
import type { EdgeClient } from "./client.ts";

type V1 = EdgeClient["v1"];
type OfSearch = V1["searches"][":id"];

export type Search = InferResponseType<OfSearch["$get"]>;
export type FrontRow = InferResponseType<OfSearch["front"]["$get"]>["data"][number];
export type Candidate = InferResponseType<OfSearch["candidates"]["$get"]>["data"][number];
export type Training = InferResponseType<V1["trainings"][":id"]["$get"]>;

export const finishedStates: readonly string[] = ["completed", "failed", "cancelled"];

const searchKeys = ["id", "state", "progress", "specification"] as const;
const trainingKeys = ["id", "hash", "purpose", "state", "recipe", "progress", "report"] as const;
const rowKeys = ["hash", "genotype", "text", "values"] as const;

/** Of a list, as many as come at once. */
const PAGE = 200;

export const createSearch = (
  client: EdgeClient,
  json: Parameters<V1["searches"]["$post"]>[0]["json"],
): Promise<Search> => client.json(client.v1.searches.$post({ json }), searchKeys);

export const readSearch = (client: EdgeClient, id: string): Promise<Search> =>
  client.json(client.v1.searches[":id"].$get({ param: { id } }), searchKeys);

export const listSearches = (client: EdgeClient): Promise<Search[]> =>
  client.all((query) => client.v1.searches.$get({ query }), searchKeys);

type FrontQuery = Parameters<OfSearch["front"]["$get"]>[0]["query"];

/** @param query bounds as max_<objective id> and min_<objective id> too */
export const readFront = (client: EdgeClient, id: string, query: FrontQuery = {}): Promise<FrontRow[]> =>
  client.all(() => client.v1.searches[":id"].front.$get({ param: { id }, query }), rowKeys);

export const readFrontCsv = async (
  client: EdgeClient,
  id: string,
  query: FrontQuery = {},
): Promise<string> => {
  const asked = { param: { id }, query: { ...query, format: "csv" } } as const;
  return (await client.v1.searches[":id"].front.$get(asked)).text();
};

export const readCandidates = (client: EdgeClient, id: string): Promise<Candidate[]> =>
  client.all(
    (query) => client.v1.searches[":id"].candidates.$get({ param: { id }, query: { ...query, limit: PAGE } }),
    ["hash", "values"],
  );

export const readEvents = (client: EdgeClient, id: string) =>
  client.all(
    (query) => client.v1.searches[":id"].events.$get({ param: { id }, query: { ...query, limit: PAGE } }),
    ["type", "data"],
  );

/** Newest first. */
export const listTrainings = (client: EdgeClient, id: string): Promise<Training[]> =>
  client.all(
    (query) => client.v1.searches[":id"].trainings.$get({ param: { id }, query: { ...query, limit: PAGE } }),
    trainingKeys,
  );

export const readTraining = (client: EdgeClient, id: string): Promise<Training> =>
  client.json(client.v1.trainings[":id"].$get({ param: { id } }), trainingKeys);

export const startTraining = (
  client: EdgeClient,
  id: string,
  json: Parameters<OfSearch["trainings"]["$post"]>[0]["json"],
): Promise<Training> =>
  client.json(client.v1.searches[":id"].trainings.$post({ param: { id }, json }), trainingKeys);

/** @returns the token itself, which is shown this once */
export const createToken = (
  client: EdgeClient,
  json: Parameters<V1["tokens"]["$post"]>[0]["json"],
): Promise<InferResponseType<V1["tokens"]["$post"]>> =>
  client.json(client.v1.tokens.$post({ json }), ["id", "token"]);

/** Whether each candidate is trained by itself: how many trainings there will be is known about, not exactly. */
export const isByTraining = ({ specification }: Search): boolean =>
  specification.evaluation.kind === "training";

/** A table's rewards are what its owner made them; elsewhere accuracy is in percent. */
export const isTabular = ({ specification }: Search): boolean => specification.evaluation.kind === "tabular";
