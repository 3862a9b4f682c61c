/** Vast.ai as a provider: verified machines of one GPU, on demand or for a bid. */

import { gpuName } from "../gpus.ts";
import { suiting } from "../offers.ts";
import type { LaunchRequest, Machine, Offer, Provider, ProviderContext, QuoteFilter } from "../provider.ts";
import { launchIntervalMs, VastClient } from "./client.ts";
import type { Instance, VastOffer } from "./types.ts";

/** The most that it shows of a search. */
const searchLimit = 64;
const minReliability = 0.99;
/** Of the disk, where nothing says how large it will be: part of the price. */
const defaultDiskGb = 32;
const minDiskGb = 8;
/** A bid at the very minimum is overtaken at once. */
const bidMargin = 1.05;
/** Vast's own are MiB, a little less than the nominal size. */
const mbPerGb = 1000;
const mibPerGb = 1024;

const states: Record<string, Machine["state"]> = {
  created: "provisioning",
  loading: "provisioning",
  rebooting: "provisioning",
  running: "running",
  stopped: "stopped",
  frozen: "stopped",
  exited: "failed",
  unknown: "failed",
  offline: "failed",
};

/** As Vast writes what specifications call by the model alone. */
const variants: Record<string, readonly string[]> = {
  A100: ["A100 PCIE", "A100 SXM4"],
  H100: ["H100 PCIE", "H100 SXM", "H100 NVL"],
  H200: ["H200", "H200 NVL"],
  "RTX PRO 6000": ["RTX PRO 6000 S", "RTX PRO 6000 WS", "RTX PRO 6000 Max-Q"],
  "RTX 6000": ["Q RTX 6000"],
  "RTX 8000": ["Q RTX 8000"],
  T4: ["Tesla T4"],
  P100: ["Tesla P100"],
  P40: ["Tesla P40"],
  V100: ["Tesla V100"],
};

export class Vast implements Provider {
  readonly name = "vast";
  readonly launchPauseMs = launchIntervalMs;
  readonly #client: VastClient;

  constructor(context: ProviderContext) {
    this.#client = new VastClient(context);
  }

  async quote(filter: QuoteFilter): Promise<Offer[]> {
    const { maxUsdPerHour, interruptible, minGpuMemoryGb = 0 } = filter;
    const offers = (await this.#client.search(searchFor(filter)))
      .filter(({ num_gpus, gpu_ram }) => num_gpus === 1 && gpu_ram >= minGpuMemoryGb * mbPerGb)
      .flatMap((offer) => offerOf(offer, interruptible, maxUsdPerHour) ?? []);
    return suiting(offers, filter);
  }

  launch(offer: Offer, { name, image, env, diskGb }: LaunchRequest): Promise<string> {
    return this.#client.accept(offer.id, {
      image,
      disk: Math.max(diskGb, minDiskGb),
      label: name,
      runtype: "args",
      env,
      target_state: "running",
      cancel_unavail: true,
      ...(offer.interruptible ? { price: offer.priceUsdPerHour } : {}),
    });
  }

  async get(id: string): Promise<Machine | null> {
    const instance = await this.#client.instance(id);
    return instance === null ? null : machineOf(instance);
  }

  async list(namePrefix: string): Promise<Machine[]> {
    return (await this.#client.instances()).map(machineOf).filter(({ name }) => name.startsWith(namePrefix));
  }

  terminate(id: string): Promise<void> {
    return this.#client.delete(id);
  }
}

function searchFor({ gpus, maxUsdPerHour, interruptible, minGpuMemoryGb, diskGb }: QuoteFilter) {
  const price = interruptible ? "min_bid" : "dph_total";
  return {
    limit: searchLimit,
    type: interruptible ? "bid" : "ondemand",
    verified: { eq: true },
    rentable: { eq: true },
    num_gpus: { eq: 1 },
    reliability: { gte: minReliability },
    cpu_arch: { eq: "amd64" },
    [price]: { lte: maxUsdPerHour },
    order: [[price, "asc"]],
    allocated_storage: diskGb ?? defaultDiskGb,
    ...(gpus === undefined ? {} : { gpu_name: { in: gpus.flatMap(namesAtVast) } }),
    ...(minGpuMemoryGb === undefined ? {} : { gpu_ram: { gte: minGpuMemoryGb * mbPerGb } }),
  };
}

function namesAtVast(gpu: string): readonly string[] {
  const name = gpuName(gpu);
  return variants[name] ?? [name.replace(/ Ada$/, "Ada").replace(/ Super/, "S")];
}

/** Null where no bid within the ceiling can win. */
function offerOf(offer: VastOffer, interruptible: boolean, maxUsdPerHour: number): Offer | null {
  const price = interruptible ? bidFor(offer.min_bid ?? null, maxUsdPerHour) : offer.dph_total;
  if (price === null) return null;
  return {
    provider: "vast",
    id: offer.id,
    gpu: gpuName(offer.gpu_name),
    gpuMemoryGb: Math.round(offer.gpu_ram / mibPerGb),
    priceUsdPerHour: price,
    location: offer.geolocation ?? "",
    host: offer.machine_id ?? null,
    interruptible,
  };
}

function bidFor(minBid: number | null, maxUsdPerHour: number): number | null {
  if (minBid === null || minBid > maxUsdPerHour) return null;
  return Math.min(Math.ceil(minBid * bidMargin * 10_000) / 10_000, maxUsdPerHour);
}

const machineOf = (instance: Instance): Machine => ({
  id: instance.id,
  name: instance.label ?? "",
  state: stateOf(instance),
  priceUsdPerHour: instance.dph_total ?? null,
  host: instance.machine_id ?? null,
});

function stateOf({ actual_status, intended_status, cur_state }: Instance): Machine["state"] {
  // Outbid, whatever its container last was.
  if (cur_state === "stopped" && intended_status === "stopped") return "stopped";
  // What is not known is waited for as long as a machine may take to run, and no longer.
  return states[actual_status ?? "created"] ?? "provisioning";
}
