/** What DigitalOcean's API answers, as far as it is read; whatever else it says may change. */

import { z } from "zod";

/** Of a page; `next` is an address, and absent on the last one. */
const linksSchema = z.object({ pages: z.object({ next: z.string().nullish() }).nullish() }).nullish();

const sizeSchema = z.object({
  slug: z.string().min(1),
  /** Whether it can be had at all. */
  available: z.boolean(),
  price_hourly: z.number(),
  /** Those that have some. */
  regions: z.array(z.string()),
  /** Only of machines with GPUs. */
  gpu_info: z
    .object({
      count: z.number(),
      /** `nvidia_h100`. */
      model: z.string(),
      vram: z.object({ amount: z.number(), unit: z.string() }),
    })
    .nullish(),
});
export type Size = z.infer<typeof sizeSchema>;
export const sizesSchema = z.object({ sizes: z.array(sizeSchema), links: linksSchema });

const dropletSchema = z.object({
  id: z.union([z.number().int(), z.string().min(1)]).transform(String),
  name: z.string(),
  status: z.string(),
  size: z.object({ price_hourly: z.number().nullish() }).nullish(),
});
export type Droplet = z.infer<typeof dropletSchema>;
export const oneDropletSchema = z.object({ droplet: dropletSchema });
export const dropletsSchema = z.object({ droplets: z.array(dropletSchema), links: linksSchema });

/** Also of a droplet that was just made, which tells less. */
export const createdSchema = z.object({ droplet: dropletSchema.pick({ id: true }) });

export const failureSchema = z.object({ id: z.string(), message: z.string().nullish().catch(null) });

export interface DropletRequest {
  name: string;
  region: string;
  size: string;
  image: string;
  /** Numbers, or fingerprints. */
  ssh_keys?: readonly (number | string)[];
  /** Cloud-init. */
  user_data: string;
  tags: readonly string[];
}
