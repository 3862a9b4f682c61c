/** RunPod as a provider: pods of one GPU in its secure and its community cloud. It has none that are interruptible. */

import { gpuName } from "../gpus.ts";
import { suiting } from "../offers.ts";
import {
  type Bill,
  type LaunchRequest,
  type Machine,
  type Offer,
  type Provider,
  type ProviderContext,
  ProviderError,
  type QuoteFilter,
} from "../provider.ts";
import { RunPodClient } from "./client.ts";
import { type CatalogGpu, type Cloud, clouds, type Pod } from "./types.ts";

const states: Record<string, Machine["state"]> = {
  PROVISIONING: "provisioning",
  STARTING: "provisioning",
  RUNNING: "running",
  EXITED: "stopped",
  ERROR: "failed",
  TERMINATED: "gone",
};
const priceOf: Record<Cloud, (gpu: CatalogGpu) => number | null | undefined> = {
  SECURE: ({ price }) => price.secure,
  COMMUNITY: ({ price }) => price.community,
};

export class RunPod implements Provider {
  readonly name = "runpod";
  readonly #client: RunPodClient;

  constructor(context: ProviderContext) {
    this.#client = new RunPodClient(context);
  }

  async quote(filter: QuoteFilter): Promise<Offer[]> {
    const { interruptible, minGpuMemoryGb = 0 } = filter;
    if (interruptible) return [];
    const offers = (await this.#client.catalog())
      .filter(({ availability, memory }) => availability !== "NONE" && memory >= minGpuMemoryGb)
      .flatMap((gpu) => clouds.flatMap((cloud) => offerOf(gpu, cloud) ?? []));
    return suiting(offers, filter);
  }

  async launch({ id }: Offer, { name, image, env, diskGb }: LaunchRequest): Promise<string> {
    const [, cloud, gpu] = /^(SECURE|COMMUNITY)\/(.+)$/.exec(id) ?? [];
    if (!isCloud(cloud) || gpu === undefined)
      throw new ProviderError("runpod", "invalid", `launch: there is no offer ${id}`);
    return this.#client.create({ name, image, gpu: { id: gpu, count: 1 }, cloud, disk: diskGb, env });
  }

  async get(id: string): Promise<Machine | null> {
    const pod = await this.#client.pod(id);
    return pod === null ? null : machineOf(pod);
  }

  async list(namePrefix: string): Promise<Machine[]> {
    return (await this.#client.pods()).map(machineOf).filter(({ name }) => name.startsWith(namePrefix));
  }

  terminate(id: string): Promise<void> {
    return this.#client.delete(id);
  }

  billed(id: string, from: number, to: number): Promise<Bill | null> {
    return this.#client.billed(id, from, to);
  }
}

const isCloud = (value: string | undefined): value is Cloud => clouds.some((cloud) => cloud === value);

/** Null where that cloud has none. */
function offerOf(gpu: CatalogGpu, cloud: Cloud): Offer | null {
  const priceUsdPerHour = priceOf[cloud](gpu) ?? 0;
  if (priceUsdPerHour <= 0) return null;
  const places = (gpu.dataCenters ?? []).filter(({ availability }) => availability !== "NONE");
  const location = [cloud.toLowerCase(), ...(cloud === "SECURE" ? places.map(({ id }) => id) : [])].join(" ");
  return {
    provider: "runpod",
    id: `${cloud}/${gpu.id}`,
    gpu: gpuName(gpu.id),
    gpuMemoryGb: gpu.memory,
    priceUsdPerHour,
    location,
    host: null,
    interruptible: false,
  };
}

const machineOf = ({ id, name, status, cost }: Pod): Machine => ({
  id,
  name: name ?? "",
  // What is not known is waited for as long as a machine may take to run, and no longer.
  state: states[status] ?? "provisioning",
  priceUsdPerHour: cost ?? null,
  host: null,
});
