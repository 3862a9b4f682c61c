/** Lambda as a provider: virtual machines of one GPU, told by cloud-init what to run. It has none that are interruptible. */

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
import { LambdaClient, launchIntervalMs } from "./client.ts";
import type { Instance, TypeWithRegions } from "./types.ts";

/** Its processor is an ARM: the runner's image has nothing for it. */
const isArm = /gh200|gb\d00/i;

const states: Record<string, Machine["state"]> = {
  booting: "provisioning",
  active: "running",
  preempted: "stopped",
  unhealthy: "failed",
  terminating: "gone",
  terminated: "gone",
};

export class Lambda implements Provider {
  readonly name = "lambda";
  readonly launchPauseMs = launchIntervalMs;
  readonly #client: LambdaClient;
  /** Every machine has to have one; nothing uses it. */
  readonly #sshKeyName: string;

  constructor(context: ProviderContext) {
    this.#client = new LambdaClient(context);
    this.#sshKeyName = context.env.LAMBDA_SSH_KEY_NAME ?? "";
  }

  async quote(filter: QuoteFilter): Promise<Offer[]> {
    const { interruptible, minGpuMemoryGb = 0 } = filter;
    if (interruptible) return [];
    const offers = (await this.#client.instanceTypes())
      .filter(({ instance_type: { name, specs } }) => specs.gpus === 1 && !isArm.test(name))
      .flatMap(offersOf)
      .filter(({ gpuMemoryGb }) => gpuMemoryGb >= minGpuMemoryGb);
    return suiting(offers, filter);
  }

  async launch({ id }: Offer, request: LaunchRequest): Promise<string> {
    const [, type, region] = /^([^/]+)\/([^/]+)$/.exec(id) ?? [];
    if (type === undefined || region === undefined || isArm.test(type))
      throw new ProviderError("lambda", "invalid", `launch: there is no offer ${id}`);
    const body = {
      region_name: region,
      instance_type_name: type,
      ssh_key_names: [this.#sshKeyName],
      name: request.name,
      quantity: 1,
      user_data: userDataOf("lambda", request),
    } as const;
    return this.#client.launch(body, Object.values(request.env));
  }

  async get(id: string): Promise<Machine | null> {
    const instance = await this.#client.instance(id);
    return instance === null ? null : machineOf(instance);
  }

  async list(namePrefix: string): Promise<Machine[]> {
    return (await this.#client.instances()).map(machineOf).filter(({ name }) => name.startsWith(namePrefix));
  }

  terminate(id: string): Promise<void> {
    return this.#client.terminate(id);
  }
}

/** One for each region that has some. */
function offersOf({ instance_type: type, regions_with_capacity_available }: TypeWithRegions): Offer[] {
  return regions_with_capacity_available.map(({ name: location }) => ({
    provider: "lambda",
    id: `${type.name}/${location}`,
    gpu: gpuName(type.name),
    gpuMemoryGb: memoryGbOf(type.gpu_description) ?? memoryGbOf(type.description) ?? 0,
    priceUsdPerHour: usdOf(type.price_cents_per_hour),
    location,
    host: null,
    interruptible: false,
  }));
}

function memoryGbOf(description: string | null | undefined): number | null {
  const [, gb] = /(\d+)\s*GB/i.exec(description ?? "") ?? [];
  return gb === undefined ? null : Number(gb);
}

const usdOf = (cents: number): number => cents / 100;

const machineOf = ({ id, name, status, ip, instance_type: type }: Instance): Machine => ({
  id,
  name: name ?? "",
  state: stateOf(status, ip ?? ""),
  priceUsdPerHour: type?.price_cents_per_hour == null ? null : usdOf(type.price_cents_per_hour),
  host: null,
});

function stateOf(status: string, ip: string): Machine["state"] {
  // It can be reached by nobody yet, and reaches nobody.
  if (status === "active" && ip === "") return "provisioning";
  // What is not known is waited for as long as a machine may take to run, and no longer.
  return states[status] ?? "provisioning";
}
