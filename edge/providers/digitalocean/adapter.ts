/** DigitalOcean as a provider: droplets of one GPU, told by cloud-init what to run. It has none that are interruptible. */

import { deploymentOf } from "../deployment.ts";
import { gpuName } from "../gpus.ts";
import { suiting } from "../offers.ts";
import {
  type LaunchRequest,
  type Machine,
  type Offer,
  type Provider,
  type ProviderContext,
  ProviderError,
  type QuoteFilter,
} from "../provider.ts";
import { userDataOf } from "../userData.ts";
import { DigitalOceanClient } from "./client.ts";
import type { Droplet, Size } from "./types.ts";

/** With NVIDIA's driver, for machines of one of its GPUs. */
const image = "gpu-h100x1-base";

const states: Record<string, Machine["state"]> = {
  new: "provisioning",
  active: "running",
  off: "stopped",
  archive: "gone",
};

export class DigitalOcean implements Provider {
  readonly name = "digitalocean";
  readonly #client: DigitalOceanClient;
  readonly #sshKeyId: string;

  constructor(context: ProviderContext) {
    this.#client = new DigitalOceanClient(context);
    this.#sshKeyId = context.env.DIGITALOCEAN_SSH_KEY_ID?.trim() ?? "";
  }

  async quote(filter: QuoteFilter): Promise<Offer[]> {
    const { interruptible, minGpuMemoryGb = 0 } = filter;
    if (interruptible) return [];
    const offers = (await this.#client.sizes())
      .flatMap(offersOf)
      .filter(({ gpuMemoryGb }) => gpuMemoryGb >= minGpuMemoryGb);
    return suiting(offers, filter);
  }

  async launch({ id }: Offer, request: LaunchRequest): Promise<string> {
    const [, size, region] = /^([^/]+)\/([^/]+)$/.exec(id) ?? [];
    if (size === undefined || region === undefined)
      throw new ProviderError("digitalocean", "invalid", `launch: there is no offer ${id}`);
    const { name, env } = request;
    const key = this.#sshKeyId;
    const body = {
      name,
      region,
      size,
      image,
      ...(key === "" ? {} : { ssh_keys: [/^\d+$/.test(key) ? Number(key) : key] }),
      user_data: userDataOf("digitalocean", request),
      tags: tagsOf(name),
    };
    return this.#client.create(body, Object.values(env));
  }

  async get(id: string): Promise<Machine | null> {
    const droplet = await this.#client.droplet(id);
    return droplet === null ? null : machineOf(droplet);
  }

  async list(namePrefix: string): Promise<Machine[]> {
    return (await this.#client.gpuDroplets())
      .map(machineOf)
      .filter(({ name }) => name.startsWith(namePrefix));
  }

  terminate(id: string): Promise<void> {
    return this.#client.delete(id);
  }
}

/** The deployment's: by it, all of its machines can be deleted in one call. */
function tagsOf(name: string): string[] {
  const deployment = deploymentOf(name);
  return deployment === null ? [] : [deployment];
}

/** One for each region that has some; none of what the image has no driver for. */
function offersOf({ slug, available, price_hourly, regions, gpu_info: gpus }: Size): Offer[] {
  if (!available || gpus == null || gpus.count !== 1 || !/^nvidia/i.test(gpus.model)) return [];
  return regions.map((location) => ({
    provider: "digitalocean",
    id: `${slug}/${location}`,
    gpu: gpuName(gpus.model),
    gpuMemoryGb: gpus.vram.amount,
    priceUsdPerHour: price_hourly,
    location,
    host: null,
    interruptible: false,
  }));
}

const machineOf = ({ id, name, status, size }: Droplet): Machine => ({
  id,
  name,
  // What is not known is waited for as long as a machine may take to run, and no longer.
  state: states[status] ?? "provisioning",
  priceUsdPerHour: size?.price_hourly ?? null,
  host: null,
});
