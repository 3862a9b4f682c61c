/** What the set-up's pages read, as the edge tells it. */

import type { InferResponseType } from "hono/client";
import type { api } from "../../app/api.ts";

type V1 = typeof api;
export type Token = InferResponseType<V1["tokens"]["$get"]>["data"][number];
export type Webhook = InferResponseType<V1["webhooks"]["$get"]>["data"][number];
export type WebhookDelivery = InferResponseType<V1["webhooks"][":id"]["deliveries"]["$get"]>["data"][number];
export type Template = InferResponseType<V1["templates"]["$get"]>["data"][number];
export type Trigger = InferResponseType<V1["triggers"]["$get"]>["data"][number];
export type TriggerDelivery = InferResponseType<V1["triggers"][":id"]["deliveries"]["$get"]>["data"][number];
export type Device = InferResponseType<V1["devices"]["$get"]>["data"][number];
export type Calibration = InferResponseType<V1["devices"][":name"]["calibrations"]["$get"]>["data"][number];
export type DataSet = InferResponseType<V1["datasets"]["$get"]>["data"][number];
export type Offer = InferResponseType<V1["providers"][":name"]["offers"]["$get"]>["data"][number];
export type Provider = InferResponseType<V1["providers"]["$get"]>["data"][number];
