/** What the API answers, as types: for the pages, and for what is drawn outside of a browser. */

import type { InferResponseType } from "hono/client";
import type { newApiClient } from "../../edge/client.ts";

type V1 = ReturnType<typeof newApiClient>["v1"];
type OfSearch = V1["searches"][":id"];

export type Search = InferResponseType<OfSearch["$get"]>;
export type FrontRow = InferResponseType<OfSearch["front"]["$get"]>["data"][number];
export type Architecture = InferResponseType<OfSearch["architectures"][":hash"]["$get"]>;
export type Candidate = InferResponseType<OfSearch["candidates"]["$get"]>["data"][number];
export type Points = InferResponseType<OfSearch["points"]["$get"]>;
export type Series = InferResponseType<OfSearch["series"]["$get"]>;
export type Policy = InferResponseType<OfSearch["policy"]["$get"]>;
export type PolicyAt = InferResponseType<OfSearch["policy"]["history"]["$get"]>["data"][number];
export type Timeline = InferResponseType<OfSearch["timeline"]["$get"]>;
export type Training = InferResponseType<V1["trainings"][":id"]["$get"]>;
export type SearchEvent = InferResponseType<OfSearch["events"]["$get"]>["data"][number];
