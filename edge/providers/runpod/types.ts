/** What RunPod's REST API v2 answers, as far as it is read; whatever else it says may change. */

import { z } from "zod";

export const clouds = ["SECURE", "COMMUNITY"] as const;
export type Cloud = (typeof clouds)[number];

export const catalogSchema = z.object({
  gpus: z.array(
    z.object({
      id: z.string(),
      /** In GB. */
      memory: z.number(),
      /** In US dollars an hour, of one GPU. */
      price: z.object({ secure: z.number().nullish(), community: z.number().nullish() }),
      availability: z.string(),
      dataCenters: z.array(z.object({ id: z.string(), availability: z.string() })).nullish(),
    }),
  ),
});
export type CatalogGpu = z.infer<typeof catalogSchema>["gpus"][number];

/** All that a launch has to tell: a pod that exists is not to be lost for a field that changed. */
export const createdSchema = z.object({ id: z.string().min(1) });

export const podSchema = createdSchema.extend({
  name: z.string().nullish(),
  status: z.string(),
  /** In US dollars an hour; 0 when it does not run. */
  cost: z.number().nullish(),
});
export type Pod = z.infer<typeof podSchema>;

export const podsSchema = z.object({ pods: z.array(podSchema) });

export const billingSchema = z.object({
  records: z.array(
    z.object({
      podId: z.string().nullish(),
      totalAmount: z.number(),
      startTime: z.string().nullish(),
      endTime: z.string().nullish(),
    }),
  ),
});
export type BillingRecord = z.infer<typeof billingSchema>["records"][number];

export const problemSchema = z.object({
  title: z.string().nullish().catch(null),
  detail: z.string().nullish().catch(null),
});

export interface PodRequest {
  name: string;
  image: string;
  gpu: { id: string; count: number };
  cloud: Cloud;
  /** In GB. */
  disk: number;
  env: Readonly<Record<string, string>>;
}
