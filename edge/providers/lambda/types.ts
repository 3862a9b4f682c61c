/** What Lambda's API answers, as far as it is read; whatever else it says may change. */

import { z } from "zod";

export const instanceTypesSchema = z.object({
  /** By the type's name. */
  data: z.record(
    z.string(),
    z.object({
      instance_type: z.object({
        name: z.string(),
        /** `A10 (24 GB PCIe)`; the one place that has the memory of the GPU. */
        gpu_description: z.string().nullish(),
        description: z.string().nullish(),
        price_cents_per_hour: z.number(),
        specs: z.object({ gpus: z.number().nullish() }),
      }),
      regions_with_capacity_available: z.array(z.object({ name: z.string() })),
    }),
  ),
});
export type TypeWithRegions = z.infer<typeof instanceTypesSchema>["data"][string];

export const launchedSchema = z.object({
  data: z.object({ instance_ids: z.tuple([z.string().min(1)], z.string()) }),
});

export const instanceSchema = z.object({
  id: z.string().min(1),
  name: z.string().nullish(),
  status: z.string(),
  ip: z.string().nullish(),
  instance_type: z.object({ price_cents_per_hour: z.number().nullish() }).nullish(),
});
export type Instance = z.infer<typeof instanceSchema>;

export const oneInstanceSchema = z.object({ data: instanceSchema });
export const instancesSchema = z.object({ data: z.array(instanceSchema) });

export const failureSchema = z.object({
  error: z.object({ code: z.string(), message: z.string().nullish().catch(null) }),
});

export interface LaunchBody {
  region_name: string;
  instance_type_name: string;
  /** Exactly one. */
  ssh_key_names: readonly [string];
  name: string;
  quantity: 1;
  /** Cloud-init. */
  user_data: string;
}
