/** What Vast.ai's API answers, as far as it is read; whatever else it says may change. */

import { z } from "zod";

const identifierSchema = z.union([z.number().int(), z.string().min(1)]).transform(String);

export const offersSchema = z.object({
  offers: z.array(
    z.object({
      id: identifierSchema,
      machine_id: identifierSchema.nullish(),
      gpu_name: z.string(),
      num_gpus: z.number(),
      /** In MB. */
      gpu_ram: z.number(),
      /** In US dollars an hour, with the disk that was asked for. */
      dph_total: z.number(),
      min_bid: z.number().nullish(),
      geolocation: z.string().nullish(),
    }),
  ),
});
export type VastOffer = z.infer<typeof offersSchema>["offers"][number];

export const createdSchema = z.object({ new_contract: identifierSchema });

export const instanceSchema = z.object({
  id: identifierSchema,
  actual_status: z.string().nullish(),
  intended_status: z.string().nullish(),
  cur_state: z.string().nullish(),
  label: z.string().nullish(),
  dph_total: z.number().nullish(),
  machine_id: identifierSchema.nullish(),
});
export type Instance = z.infer<typeof instanceSchema>;

/** The key is plural for one as well. */
export const oneInstanceSchema = z.object({ instances: instanceSchema.nullable() });

export const instancesSchema = z.object({
  instances: z.array(instanceSchema),
  next_token: z.string().nullish(),
});

export const deletedSchema = z.object({ success: z.boolean().optional() });

/** Any of it may be missing. */
export const failureSchema = z.object({
  success: z.boolean().optional().catch(undefined),
  error: z.string().nullish().catch(null),
  msg: z.string().nullish().catch(null),
  new_contract: identifierSchema.nullish().catch(null),
});

export interface AskRequest {
  image: string;
  /** In GB. */
  disk: number;
  label: string;
  runtype: "args";
  env: Readonly<Record<string, string>>;
  target_state: "running";
  cancel_unavail: true;
  /** A bid, in US dollars an hour; absent: on demand. */
  price?: number;
}
