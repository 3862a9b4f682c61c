/** What every provider's adapter guarantees, against a real server that speaks its wire format and fails on command. */

import { describe, expect, onTestFinished, test } from "vitest";
import { configuredProviders, providerNamed } from "../edge/providers/index.ts";
import {
  type LaunchRequest,
  type Offer,
  type Provider,
  ProviderError,
  type ProviderFault,
} from "../edge/providers/provider.ts";
import {
  FakeCloud,
  type FakeMachine,
  type FakeOffer,
  type OnceFault,
  type Operation,
} from "./fakes/cloud.ts";
import { type FakeRow, fakeRowOf, fakes } from "./fakes/index.ts";
import { type ServedFake, serveFake } from "./fakes/serve.ts";
import { readCloudInit } from "./fakes/vm.ts";

const start = Date.UTC(2026, 7, 1);
const hourMs = 3_600_000;
const bootSeconds = 90;
const key = "key-of-the-account-8b1f52";
const token = "nst_token-of-the-runner-77aa01";
/** For answers that never come. */
const shortMs = 150;
const prefix = "nas-d1-";
const request: LaunchRequest = {
  name: `${prefix}s1-1-t1785542400`,
  image: `ghcr.io/nasturtium/runner@sha256:${"ab".repeat(32)}`,
  env: { NASTURTIUM_EDGE: "https://edge.example", NASTURTIUM_TOKEN: token, NASTURTIUM_NOTE: 'a "b" $c' },
  diskGb: 40,
  lifetimeSeconds: 7200,
};

const offerOf = (id: string, gpu: string, gpuMemoryGb: number, priceUsdPerHour: number): FakeOffer => ({
  id,
  gpu,
  gpuMemoryGb,
  priceUsdPerHour,
  host: id.replace("offer", "host"),
  location: "EU-RO-1",
  capacity: 100,
});
const standardOffers = (): FakeOffer[] => [
  offerOf("offer1", "H100", 80, 2.5),
  offerOf("offer2", "L40S", 48, 0.8),
  offerOf("offer3", "A100", 80, 1.25),
];

class World {
  readonly row: FakeRow;
  readonly cloud: FakeCloud;
  readonly provider: Provider;
  readonly served: ServedFake;
  nowMs = start;

  private constructor(row: FakeRow, cloud: FakeCloud, served: ServedFake) {
    this.row = row;
    this.cloud = cloud;
    this.served = served;
    this.provider = this.providerWith({});
  }

  static async start(row: FakeRow, offers: FakeOffer[] = standardOffers()): Promise<World> {
    const clock: { world?: World } = {};
    const now = () => clock.world?.nowMs ?? start;
    const cloud = new FakeCloud({ now, offers, bootSeconds, key });
    const served = await serveFake(row.make(cloud));
    onTestFinished(() => served.close());
    clock.world = new World(row, cloud, served);
    return clock.world;
  }

  providerWith(changes: {
    env?: Record<string, string>;
    fetch?: typeof fetch;
    timeoutMs?: number;
  }): Provider {
    const clock = { now: () => this.nowMs, wait: async (ms: number) => this.advance(ms / 1000) };
    const context = { env: this.served.env, fetch, ...clock, ...changes };
    const provider = providerNamed(this.row.name, context);
    if (provider === null) throw new Error(`${this.row.name} is not configured`);
    return provider;
  }

  advance(seconds: number): void {
    this.nowMs += 1000 * seconds;
  }

  once(operation: Operation, ...faults: OnceFault[]): void {
    this.cloud.faults.once[operation] = faults;
  }

  async offer(): Promise<Offer> {
    const [offer] = await this.provider.quote({ maxUsdPerHour: 10, interruptible: false });
    if (offer === undefined) throw new Error("nothing is offered");
    return offer;
  }

  async launch(): Promise<{ id: string; offer: Offer; machine: FakeMachine }> {
    const offer = await this.offer();
    const id = await this.provider.launch(offer, request);
    const machine = this.cloud.machines.at(-1);
    if (machine === undefined) throw new Error("nothing was launched");
    return { id, offer, machine };
  }

  /** A machine of the cloud that was launched some other way. */
  made(name: string): void {
    const { id } = this.cloud.offers[0] ?? { id: "" };
    this.cloud.launch(id, { name, image: "", env: {}, userData: null, interruptible: false });
  }

  async stateOf(id: string): Promise<string> {
    return (await this.provider.get(id))?.state ?? "gone";
  }

  /** One call of each kind, of a machine that exists. */
  async calls(): Promise<Record<"quote" | "launch" | "get" | "list" | "terminate", Call>> {
    const { id, offer } = await this.launch();
    let attempt = 1;
    const another = () => ({ ...request, name: `${prefix}s1-${++attempt}-t1785542400` });
    return {
      quote: (provider) => provider.quote({ maxUsdPerHour: 10, interruptible: false }),
      launch: (provider) => provider.launch(offer, another()),
      get: (provider) => provider.get(id),
      list: (provider) => provider.list(prefix),
      terminate: (provider) => provider.terminate(id),
    };
  }
}
type Call = (provider: Provider) => Promise<unknown>;

/** How it failed: always with a ProviderError, and never with a secret in its text. */
async function failure(promise: Promise<unknown>): Promise<ProviderError> {
  const error = await promise.then(
    (value) => {
      throw new Error(`it did not fail: ${JSON.stringify(value)}`);
    },
    (reason: unknown) => reason,
  );
  if (!(error instanceof ProviderError)) throw error;
  const shown = `${error.message} ${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`;
  expect(shown).not.toContain(key);
  expect(shown).not.toContain(token);
  return error;
}

const faultOf = async (promise: Promise<unknown>): Promise<ProviderFault> => (await failure(promise)).fault;

test("there is a fake for each of its providers, and a provider is configured when its key is set", () => {
  const context = { fetch, now: () => start, wait: async () => {} };
  expect(configuredProviders({ ...context, env: {} })).toEqual([]);
  for (const { name, make } of fakes) {
    const fake = make(new FakeCloud({ now: () => start, offers: [], bootSeconds, key }));
    const env = { ...fake.env, [fake.baseUrlVariable]: "https://provider.example" };
    expect(configuredProviders({ ...context, env }).map((provider) => provider.name)).toEqual([name]);
  }
});

describe.each(fakes)("$name: quotes", (row) => {
  test("offers are within the price ceiling, cheapest first, at the live price", async ({ skip }) => {
    skip(row.lacks.market !== undefined, row.lacks.market);
    const { provider, cloud } = await World.start(row);
    const offers = await provider.quote({ maxUsdPerHour: 2, interruptible: false });
    expect(
      offers.map(({ gpu, gpuMemoryGb, priceUsdPerHour }) => ({ gpu, gpuMemoryGb, priceUsdPerHour })),
    ).toEqual([
      { gpu: "L40S", gpuMemoryGb: 48, priceUsdPerHour: 0.8 },
      { gpu: "A100", gpuMemoryGb: 80, priceUsdPerHour: 1.25 },
    ]);
    expect(offers.every((offer) => offer.provider === row.name && !offer.interruptible)).toBe(true);
    for (const offer of cloud.offers) offer.priceUsdPerHour *= 2;
    const dearer = await provider.quote({ maxUsdPerHour: 2, interruptible: false });
    expect(dearer.map(({ priceUsdPerHour }) => priceUsdPerHour)).toEqual([1.6]);
  });

  test("only the GPUs that are wanted are offered, however they are written", async ({ skip }) => {
    skip(row.lacks.market !== undefined, row.lacks.market);
    const { provider } = await World.start(row);
    const quote = async (gpus: string[]) =>
      (await provider.quote({ gpus, maxUsdPerHour: 10, interruptible: false })).map(({ gpu }) => gpu);
    expect(await quote(["H100", "nvidia l40s"])).toEqual(["L40S", "H100"]);
    expect(await quote(["RTX 3060"])).toEqual([]);
  });

  test("only GPUs with enough memory are offered", async ({ skip }) => {
    skip(row.lacks.market !== undefined, row.lacks.market);
    const { provider } = await World.start(row);
    const filter = { maxUsdPerHour: 10, interruptible: false };
    const gpus = async (minGpuMemoryGb: number) =>
      (await provider.quote({ ...filter, minGpuMemoryGb })).map(({ gpu }) => gpu);
    expect(await gpus(80)).toEqual(["A100", "H100"]);
    expect(await gpus(96)).toEqual([]);
  });

  test("nothing is offered where nothing is free or known", async ({ skip }) => {
    skip(row.lacks.market !== undefined, row.lacks.market);
    const { provider, cloud } = await World.start(row);
    for (const offer of cloud.offers) offer.capacity = 0;
    expect(await provider.quote({ maxUsdPerHour: 10, interruptible: false })).toEqual([]);
    cloud.offers.length = 0;
    expect(await provider.quote({ maxUsdPerHour: 10, interruptible: false })).toEqual([]);
  });

  test("interruptible machines are offered where there are any, and cost what is bid", async ({ skip }) => {
    const { provider, cloud } = await World.start(row);
    const lacks = row.lacks.interruptible;
    const filter = { maxUsdPerHour: 0.62, interruptible: true };
    const offers = await provider.quote(filter);
    if (lacks !== undefined) {
      expect(offers).toEqual([]);
      skip(lacks);
    }
    expect(offers.length).toBeGreaterThan(0);
    for (const offer of offers) {
      expect(offer).toMatchObject({ interruptible: true });
      expect(offer.priceUsdPerHour).toBeLessThanOrEqual(filter.maxUsdPerHour);
      const id = await provider.launch(offer, request);
      expect((await provider.get(id))?.priceUsdPerHour).toBe(offer.priceUsdPerHour);
      expect(cloud.machines.at(-1)).toMatchObject({
        interruptible: true,
        priceUsdPerHour: offer.priceUsdPerHour,
      });
    }
  });
});

describe.each(fakes)("$name: a machine's life", (row) => {
  test("it is provisioned, runs after its boot, and is gone when it was terminated, once or twice", async () => {
    const world = await World.start(row);
    const { id, machine } = await world.launch();
    expect(await world.stateOf(id)).toBe("provisioning");
    world.nowMs = machine.runsAt - 1000;
    expect(await world.stateOf(id)).toBe("provisioning");
    world.nowMs = machine.runsAt + 1000;
    expect(await world.stateOf(id)).toBe("running");
    await world.provider.terminate(id);
    expect(machine.deletedAt).toBe(world.nowMs);
    expect(await world.stateOf(id)).toBe("gone");
    await world.provider.terminate(id);
    expect(await world.provider.list(prefix)).toEqual([]);
  });

  test("the image and the environment arrive whole, and the token is in no name", async () => {
    const world = await World.start(row);
    const { id, machine } = await world.launch();
    expect(machine.name).toBe(request.name);
    expect((await world.provider.get(id))?.name).toBe(request.name);
    if (machine.userData === null)
      expect(machine).toMatchObject({ image: request.image, env: { ...request.env } });
    else for (const part of [request.image, token]) expect(machine.userData).toContain(part);
    const { env: _, userData: __, ...visible } = machine;
    expect(JSON.stringify(visible)).not.toContain(token);
  });

  test("it is the one that was offered: its GPU, its price and its host", async () => {
    const world = await World.start(row);
    const { id, offer, machine } = await world.launch();
    expect(machine.offer).toMatchObject({ gpu: offer.gpu, priceUsdPerHour: offer.priceUsdPerHour });
    const found = await world.provider.get(id);
    expect([null, offer.priceUsdPerHour]).toContain(found?.priceUsdPerHour);
    expect(found?.host).toBe(offer.host);
    expect(offer.host === null).toBe(row.lacks.host !== undefined);
  });

  test("one that never runs stays in provisioning", async () => {
    const world = await World.start(row);
    world.cloud.faults.neverRun = true;
    const { id } = await world.launch();
    world.advance(10 * bootSeconds);
    expect(await world.stateOf(id)).toBe("provisioning");
  });

  test("one that ends by itself is stopped or failed, and still listed", async () => {
    const world = await World.start(row);
    world.cloud.faults.exitsAfterSeconds = 60;
    const { id } = await world.launch();
    world.advance(bootSeconds + 1);
    expect(await world.stateOf(id)).toBe("running");
    world.advance(60);
    expect(["stopped", "failed"]).toContain(await world.stateOf(id));
    expect((await world.provider.list(prefix)).map((machine) => machine.id)).toEqual([id]);
  });

  test.each(["preempted", "failed"] as const)("one that was %s does not run any more", async (stop) => {
    const world = await World.start(row);
    const { id, machine } = await world.launch();
    world.advance(bootSeconds + 1);
    world.cloud.stop(machine.id, stop);
    const states = stop === "preempted" ? ["stopped"] : ["stopped", "failed"];
    expect(states).toContain(await world.stateOf(id));
  });

  test("one whose deletion was a lie is still there", async () => {
    const world = await World.start(row);
    const { id } = await world.launch();
    world.advance(bootSeconds + 1);
    world.cloud.faults.deletesLie = true;
    await world.provider.terminate(id);
    expect(await world.stateOf(id)).toBe("running");
    expect((await world.provider.list(prefix)).map((machine) => machine.id)).toEqual([id]);
  });

  test("one that nobody knows is null, and terminated already", async () => {
    const world = await World.start(row);
    const { id } = await world.launch();
    const unknown = id.replace(/\d/g, "9");
    expect(await world.provider.get(unknown)).toBeNull();
    await world.provider.terminate(unknown);
    expect(world.cloud.machines[0]?.deletedAt).toBeNull();
  });

  test("what was billed is told, or null", async ({ skip }) => {
    const world = await World.start(row);
    const { id, machine } = await world.launch();
    world.advance(7200);
    await world.provider.terminate(id);
    const billed = (await world.provider.billed?.(id, start, start + 2 * hourMs)) ?? null;
    if (row.lacks.billing !== undefined) {
      expect(billed).toBeNull();
      skip(row.lacks.billing);
    }
    expect(billed).toEqual({ usd: expect.closeTo(2 * machine.priceUsdPerHour, 6), isWhole: true });
    world.cloud.faults.billingLagSeconds = 3600;
    const partly = await world.provider.billed?.(id, start, start + 2 * hourMs);
    expect(partly).toEqual({ usd: expect.closeTo(machine.priceUsdPerHour, 6), isWhole: false });
  });
});

describe.each(fakes)("$name: lists", (row) => {
  test("every page is read, and only names of one's own deployment are listed", async () => {
    const world = await World.start(row);
    for (let made = 0; made < 60; made++) {
      world.made(`${prefix}s1-${made}-t1`);
      if (made % 10 === 0) world.made(`nas-d10-s1-${made}-t1`);
    }
    const own = await world.provider.list(prefix);
    expect(new Set(own.map(({ name }) => name)).size).toBe(60);
    expect(own.every(({ name }) => name.startsWith(prefix))).toBe(true);
    expect(await world.provider.list("nas-d10-")).toHaveLength(6);
    expect(await world.provider.list("nas-d2-")).toEqual([]);
  });

  test("what a list does not show yet, a later one does", async () => {
    const world = await World.start(row);
    world.cloud.faults.listLagSeconds = 30;
    const { id } = await world.launch();
    expect(await world.provider.list(prefix)).toEqual([]);
    world.advance(31);
    expect((await world.provider.list(prefix)).map((machine) => machine.id)).toEqual([id]);
  });

  test("a list names machines as a look at each does", async () => {
    const world = await World.start(row);
    const { id } = await world.launch();
    world.advance(bootSeconds + 1);
    expect(await world.provider.list(prefix)).toEqual([await world.provider.get(id)]);
  });
});

describe.each(fakes)("$name: failures", (row) => {
  test.each(["errorAfterwards", "broken", "malformed"] as const)(
    "a launch that made a machine and failed (%s) is transient, and the machine is found by its name",
    async (kind) => {
      const world = await World.start(row);
      const offer = await world.offer();
      world.once("launch", { kind });
      expect(await faultOf(world.provider.launch(offer, request))).toBe("transient");
      const [found] = await world.provider.list(request.name);
      expect(found?.name).toBe(request.name);
      await world.provider.terminate(found?.id ?? "");
      expect(world.cloud.machines.map(({ deletedAt }) => deletedAt)).toEqual([world.nowMs]);
    },
  );

  test("a launch that failed with 500 is transient, and made nothing", async () => {
    const world = await World.start(row);
    const offer = await world.offer();
    world.once("launch", { kind: "error" });
    expect(await faultOf(world.provider.launch(offer, request))).toBe("transient");
    expect(await world.provider.list(prefix)).toEqual([]);
  });

  test("an offer that was taken meanwhile is a lack of capacity", async () => {
    const world = await World.start(row);
    const offer = await world.offer();
    world.once("launch", { kind: "capacity" });
    expect(await faultOf(world.provider.launch(offer, request))).toBe("capacity");
    for (const each of world.cloud.offers) each.capacity = 0;
    expect(await faultOf(world.provider.launch(offer, request))).toBe("capacity");
  });

  test("an account without money is told apart", async ({ skip }) => {
    skip(row.lacks.balance !== undefined, row.lacks.balance);
    const world = await World.start(row);
    const offer = await world.offer();
    world.once("launch", { kind: "balance" });
    expect(await faultOf(world.provider.launch(offer, request))).toBe("balance");
  });

  test("a wrong key is refused in every call, and deletes nothing", async () => {
    const world = await World.start(row);
    const calls = await world.calls();
    const wrong = Object.entries(world.served.env).map(([name, value]) => [
      name,
      value === key ? "key-of-nobody-000" : value,
    ]);
    const stranger = world.providerWith({ env: Object.fromEntries(wrong) });
    for (const call of Object.values(calls)) expect(await faultOf(call(stranger))).toBe("auth");
    expect(world.cloud.machines.map(({ deletedAt }) => deletedAt)).toEqual([null]);
    for (const operation of ["quote", "launch", "get", "list", "terminate"] as const) {
      world.once(operation, { kind: "auth" });
      expect(await faultOf(calls[operation](world.provider))).toBe("auth");
    }
  });

  test("one request too many is repeated when the provider asks for it, or a moment later", async () => {
    const world = await World.start(row);
    for (const [operation, call] of Object.entries(await world.calls()))
      for (const retryAfterSeconds of [7, null]) {
        world.once(operation as Operation, { kind: "rate", retryAfterSeconds });
        const before = world.nowMs;
        await call(world.providerWith({}));
        expect(world.nowMs - before).toBeGreaterThanOrEqual(1000 * (retryAfterSeconds ?? 1));
        world.advance(12);
      }
  });

  test("too many requests for long say how long to wait, where the provider does", async () => {
    const world = await World.start(row);
    for (const [operation, call] of Object.entries(await world.calls()))
      for (const retryAfterSeconds of [60, null]) {
        world.cloud.faults.once[operation as Operation] = Array.from({ length: 9 }, () => ({
          kind: "rate" as const,
          retryAfterSeconds,
        }));
        const before = world.nowMs;
        const error = await failure(call(world.providerWith({})));
        expect(error).toMatchObject({ fault: "rate", retryAfterSeconds });
        expect(world.nowMs - before).toBeLessThanOrEqual(20_000);
        world.once(operation as Operation);
        world.advance(12);
      }
  });

  test.each(["error", "broken"] as const)("any call that fails (%s) may work later", async (kind) => {
    const world = await World.start(row);
    for (const [operation, call] of Object.entries(await world.calls())) {
      world.once(operation as Operation, { kind });
      expect(await faultOf(call(world.provider))).toBe("transient");
      await call(world.provider);
    }
  });

  test("no call takes a body for an answer that cannot be read", async () => {
    const world = await World.start(row);
    for (const [operation, call] of Object.entries(await world.calls())) {
      world.once(operation as Operation, { kind: "malformed" });
      expect(["transient", "invalid"]).toContain(await faultOf(call(world.provider)));
    }
  });

  test.each(["before", "halfway"] as const)(
    "an answer that stalls %s its body is given up",
    async (stall) => {
      const world = await World.start(row);
      const calls = await world.calls();
      const hasty = world.providerWith({ timeoutMs: shortMs });
      world.served.stall = stall;
      for (const call of [calls.quote, calls.launch, calls.list])
        expect(await failure(call(hasty))).toMatchObject({
          fault: "transient",
          message: expect.stringContaining("did not answer within 0.15 s"),
        });
    },
  );

  test("a server that is not there may come back", async () => {
    const world = await World.start(row);
    const calls = await world.calls();
    await world.served.close();
    for (const call of Object.values(calls)) expect(await faultOf(call(world.provider))).toBe("transient");
  });

  test("a provider that repeats all it was sent gives no secret away", async () => {
    const world = await World.start(row);
    const calls = await world.calls();
    for (const status of [400, 401, 422, 500]) {
      const parrot: typeof fetch = async (url, init) => {
        const said = `${String(init?.body)} ${JSON.stringify(init?.headers)} ${url}`;
        return Response.json(
          { title: said, detail: said, error: said, msg: said, message: said },
          { status },
        );
      };
      for (const call of Object.values(calls)) await failure(call(world.providerWith({ fetch: parrot })));
    }
  });
});

describe("runpod alone", () => {
  test("an account without a record of a pod yet tells nothing, which is not the same as nothing to pay", async () => {
    const world = await World.start(fakeRowOf("runpod"));
    const billed = (records: unknown[]) =>
      world
        .providerWith({ fetch: async () => Response.json({ records }) })
        .billed?.("pod1", start, start + hourMs);
    expect(await billed([])).toBeNull();
    expect(await billed([{ podId: "pod2", totalAmount: 1 }])).toBeNull();
    expect(await billed([{ podId: "pod1", totalAmount: 0 }])).toEqual({ usd: 0, isWhole: false });
  });

  test("a bill is whole when its records reach over all the time, and that is over", async () => {
    const world = await World.start(fakeRowOf("runpod"));
    world.advance(10 * 3600);
    const isWhole = async (...hours: [from: number, to: number][]) => {
      const records = hours.map(([from, to]) => ({
        podId: "pod1",
        totalAmount: 1,
        startTime: new Date(start + from * hourMs).toISOString(),
        endTime: new Date(start + to * hourMs).toISOString(),
      }));
      const provider = world.providerWith({ fetch: async () => Response.json({ records }) });
      return (await provider.billed?.("pod1", start, start + 4 * hourMs))?.isWhole;
    };
    expect(await isWhole([0, 4])).toBe(true);
    expect(await isWhole([2, 5], [-1, 2])).toBe(true);
    expect(await isWhole([0, 3])).toBe(false);
    expect(await isWhole([0, 1], [2, 4])).toBe(false);
    expect(await isWhole([1, 4])).toBe(false);
    expect(await isWhole([0, 24])).toBe(false);
  });

  test("each GPU is an offer of the secure cloud and one of the community, each launched in its own", async () => {
    const offers = [offerOf("offer1", "RTX 4090", 24, 0.44), offerOf("community1", "RTX 4090", 24, 0.31)];
    const { provider, cloud } = await World.start(fakeRowOf("runpod"), offers);
    const quoted = await provider.quote({ maxUsdPerHour: 1, interruptible: false });
    expect(quoted.map(({ id, priceUsdPerHour }) => [id, priceUsdPerHour])).toEqual([
      ["COMMUNITY/NVIDIA GeForce RTX 4090", 0.31],
      ["SECURE/NVIDIA GeForce RTX 4090", 0.44],
    ]);
    for (const offer of quoted) await provider.launch(offer, request);
    expect(cloud.machines.map(({ offer }) => offer.id)).toEqual(["community1", "offer1"]);
  });

  test.each([
    [400, "There are no longer any instances available with enough disk space.", "capacity"],
    [400, "gpu.count must be 1 for this GPU.", "unclear"],
    [400, "Your balance is too low.", "balance"],
    [402, "Payment required.", "balance"],
    [403, "This GPU is not open to your account.", "capacity"],
    [409, "Conflict.", "invalid"],
    [422, "disk is too small.", "invalid"],
    [503, "Maintenance.", "transient"],
  ] as const)("a launch refused with %d, %s, is %s", async (status, detail, fault) => {
    const world = await World.start(fakeRowOf("runpod"));
    const offer = await world.offer();
    const provider = world.providerWith({
      fetch: async () => Response.json({ title: "Refused", status, detail }, { status }),
    });
    expect(await failure(provider.launch(offer, request))).toMatchObject({
      fault,
      message: expect.stringContaining(detail),
    });
  });
});

describe.each(["lambda", "digitalocean"])("%s alone", (name) => {
  test("what cloud-init tells the machine is what was to be run", async () => {
    const { machine } = await (await World.start(fakeRowOf(name))).launch();
    expect(machine).toMatchObject({ image: request.image, env: { ...request.env } });
    expect(readCloudInit(machine.userData ?? "")).toMatchObject({ lifetimeSeconds: 7200 });
  });

  test("each type is an offer in each region that has some, and launched there", async () => {
    const offers = ["us-east-1", "us-west-2", "eu-1"].map((location, at) => ({
      ...offerOf(`offer${at}`, "RTX 4000 Ada", 20, 0.76),
      location,
      capacity: at,
    }));
    const { provider, cloud } = await World.start(fakeRowOf(name), offers);
    const quoted = await provider.quote({ maxUsdPerHour: 1, interruptible: false });
    expect(quoted.map(({ location, gpu, priceUsdPerHour }) => [location, gpu, priceUsdPerHour])).toEqual([
      ["us-west-2", "RTX 4000 Ada", 0.76],
      ["eu-1", "RTX 4000 Ada", 0.76],
    ]);
    for (const offer of quoted) await provider.launch(offer, request);
    expect(cloud.machines.map(({ offer }) => offer.location)).toEqual(["us-west-2", "eu-1"]);
  });

  test("what cannot be told by cloud-init is refused, and never shown", async () => {
    const world = await World.start(fakeRowOf(name));
    const offer = await world.offer();
    for (const change of [{ env: { NOTE: `${token}\nA=b` } }, { env: { NOTE: token.repeat(4000) } }])
      expect(await faultOf(world.provider.launch(offer, { ...request, ...change }))).toBe("invalid");
    expect(world.cloud.calls.launch).toBe(0);
  });

  test("an offer of nobody's is refused", async () => {
    const world = await World.start(fakeRowOf(name));
    const offer = { ...(await world.offer()), id: "nothing" };
    expect(await faultOf(world.provider.launch(offer, request))).toBe("invalid");
  });
});

describe("lambda alone", () => {
  test("it is not configured without the name of a key for SSH", () => {
    const context = { env: { LAMBDA_API_KEY: key }, fetch, now: () => start, wait: async () => {} };
    expect(providerNamed("lambda", context)).toBeNull();
  });

  test("no machine of eight GPUs or with an ARM processor is offered, or launched", async () => {
    const world = await World.start(fakeRowOf("lambda"), []);
    expect(await world.provider.quote({ maxUsdPerHour: 100, interruptible: false })).toEqual([]);
    const { offer } = await (await World.start(fakeRowOf("lambda"))).launch();
    const arm = { ...offer, id: "gpu_1x_gh200/us-east-3" };
    expect(await faultOf(world.provider.launch(arm, request))).toBe("invalid");
    expect(world.cloud.calls.launch).toBe(0);
  });

  test.each([
    [400, "instance-operations/launch/insufficient-capacity", "capacity"],
    [400, "global/quota-exceeded", "capacity"],
    [400, "global/invalid-parameters", "invalid"],
    [400, "global/invalid-api-key", "auth"],
    [403, "global/account-inactive", "balance"],
    [404, "global/object-does-not-exist", "invalid"],
    [400, "provider/internal-unavailable", "transient"],
  ] as const)("a launch refused with %d, %s, is %s", async (status, code, fault) => {
    const world = await World.start(fakeRowOf("lambda"));
    const offer = await world.offer();
    const error = { code, message: "It was refused." };
    const provider = world.providerWith({ fetch: async () => Response.json({ error }, { status }) });
    expect(await failure(provider.launch(offer, request))).toMatchObject({
      fault,
      message: expect.stringContaining(code),
    });
  });

  test("an active machine without an address does not run yet", async () => {
    const world = await World.start(fakeRowOf("lambda"));
    const data = { id: "1", name: request.name, status: "active", ip: null };
    const provider = world.providerWith({ fetch: async () => Response.json({ data }) });
    expect((await provider.get("1"))?.state).toBe("provisioning");
  });
});

describe("digitalocean alone", () => {
  test("a droplet is tagged with its deployment, and has a key for SSH only where there is one", async () => {
    const world = await World.start(fakeRowOf("digitalocean"));
    const offer = await world.offer();
    const bodies: unknown[] = [];
    const spy: typeof fetch = async (url, init) => {
      bodies.push(JSON.parse(String(init?.body)));
      return fetch(url, init);
    };
    await world.providerWith({ fetch: spy }).launch(offer, request);
    const { DIGITALOCEAN_SSH_KEY_ID: _, ...env } = world.served.env;
    await world.providerWith({ fetch: spy, env }).launch(offer, request);
    const common = { tags: ["nas-d1"], image: "gpu-h100x1-base" };
    expect(bodies).toMatchObject([{ ...common, ssh_keys: [512189] }, common]);
    expect(bodies[1]).not.toHaveProperty("ssh_keys");
  });

  test.each([
    ["The size you requested is currently not available in this region.", "capacity"],
    ["creating this/these droplet(s) will exceed your droplet limit", "capacity"],
    ["You specified an invalid image for Droplet creation.", "invalid"],
  ] as const)("a launch refused with 422, %s, is %s", async (message, fault) => {
    const world = await World.start(fakeRowOf("digitalocean"));
    const offer = await world.offer();
    const body = { id: "unprocessable_entity", message };
    const provider = world.providerWith({ fetch: async () => Response.json(body, { status: 422 }) });
    expect(await faultOf(provider.launch(offer, request))).toBe(fault);
  });

  test("the key is not sent to an address that an answer names", async () => {
    const world = await World.start(fakeRowOf("digitalocean"));
    const asked: string[] = [];
    const next = "https://elsewhere.example/v2/droplets?page=2";
    const provider = world.providerWith({
      fetch: async (url) => {
        asked.push(new URL(String(url)).origin);
        const links = asked.length === 1 ? { pages: { next } } : {};
        return Response.json({ droplets: [], links });
      },
    });
    await provider.list(prefix);
    expect(asked).toEqual([world.served.url, world.served.url]);
  });
});

describe("vast alone", () => {
  test("a bid that failed tells the machine that it made, which can be terminated", async () => {
    const { provider, cloud, ...world } = await World.start(fakeRowOf("vast"));
    const [offer] = await provider.quote({ maxUsdPerHour: 10, interruptible: true });
    if (offer === undefined) throw new Error("nothing is offered");
    cloud.faults.once.launch = [{ kind: "errorAfterwards" }];
    const { machineId, fault } = await failure(provider.launch(offer, request));
    expect(fault).toBe("invalid");
    expect((await provider.get(machineId ?? ""))?.name).toBe(request.name);
    await provider.terminate(machineId ?? "");
    expect(cloud.machines.map(({ deletedAt }) => deletedAt)).toEqual([world.nowMs]);
  });

  test("a bid is a little above the least that wins, and never above the ceiling", async () => {
    const { provider } = await World.start(fakeRowOf("vast"), [offerOf("offer1", "RTX 4090", 24, 0.4)]);
    const bid = async (maxUsdPerHour: number) =>
      (await provider.quote({ maxUsdPerHour, interruptible: true })).map(
        ({ priceUsdPerHour }) => priceUsdPerHour,
      );
    expect(await bid(1)).toEqual([0.21]);
    expect(await bid(0.205)).toEqual([0.205]);
    expect(await bid(0.19)).toEqual([]);
  });

  test("a bid that was overtaken is a lack of capacity", async () => {
    const { provider, cloud } = await World.start(fakeRowOf("vast"));
    const [offer] = await provider.quote({ maxUsdPerHour: 10, interruptible: true });
    if (offer === undefined) throw new Error("nothing is offered");
    for (const each of cloud.offers) each.priceUsdPerHour *= 2;
    expect(await faultOf(provider.launch(offer, request))).toBe("capacity");
  });
});

describe("kubernetes alone", () => {
  const filter = { maxUsdPerHour: 10, interruptible: false };

  /** An adapter whose requests with a body are kept, by the last part of their path. */
  function watched(world: World): { provider: Provider; sent: Map<string, unknown> } {
    const sent = new Map<string, unknown>();
    const spy: typeof fetch = (url, init) => {
      const last = new URL(String(url)).pathname.split("/").at(-1) ?? "";
      if (init?.body !== undefined) sent.set(last, JSON.parse(String(init.body)));
      return fetch(url, init);
    };
    return { provider: world.providerWith({ fetch: spy }), sent };
  }

  test("the GPU that is set is offered at the price that is set, where it is wanted", async () => {
    const world = await World.start(fakeRowOf("kubernetes"));
    const { provider } = world;
    const offer = { gpu: "H100", gpuMemoryGb: 80, priceUsdPerHour: 2.5, location: "default", host: null };
    expect(await provider.quote({ ...filter, gpus: ["nvidia h100"], minGpuMemoryGb: 80 })).toEqual([
      { provider: "kubernetes", id: "H100", interruptible: false, ...offer },
    ]);
    expect(await provider.quote({ ...filter, gpus: ["L40S"] })).toEqual([]);
    expect(await provider.quote({ ...filter, minGpuMemoryGb: 96 })).toEqual([]);
    expect(await provider.quote({ ...filter, maxUsdPerHour: 2 })).toEqual([]);
    const { KUBERNETES_USD_PER_HOUR: _, ...free } = world.served.env;
    expect((await world.providerWith({ env: free }).quote(filter))[0]?.priceUsdPerHour).toBe(0);
    const wrong = { ...world.served.env, KUBERNETES_USD_PER_HOUR: "cheap" };
    expect(await failure(world.providerWith({ env: wrong }).quote(filter))).toMatchObject({
      fault: "invalid",
      message: expect.stringContaining("KUBERNETES_USD_PER_HOUR"),
    });
  });

  test("a token that may not delete Jobs is refused before there is one", async () => {
    const world = await World.start(fakeRowOf("kubernetes"));
    const provider = world.providerWith({
      fetch: async (_, init) => {
        const { verb } = JSON.parse(String(init?.body)).spec.resourceAttributes;
        return Response.json({ status: { allowed: verb !== "delete" } }, { status: 201 });
      },
    });
    expect(await failure(provider.quote(filter))).toMatchObject({
      fault: "auth",
      message: expect.stringContaining("may not delete jobs in default"),
    });
  });

  test("a machine is a Job that is tried once, has one GPU, and is ended by the cluster", async () => {
    const world = await World.start(fakeRowOf("kubernetes"));
    const { provider, sent } = watched(world);
    await provider.launch(await world.offer(), request);
    const labels = { "app.kubernetes.io/managed-by": "nasturtium", "nasturtium-deployment": "nas-d1" };
    const container = { image: request.image, resources: { limits: { "nvidia.com/gpu": "1" } } };
    const pod = { restartPolicy: "Never", automountServiceAccountToken: false, containers: [container] };
    expect(sent.get("jobs")).toMatchObject({
      metadata: { name: request.name, labels },
      spec: {
        backoffLimit: 0,
        activeDeadlineSeconds: request.lifetimeSeconds,
        ttlSecondsAfterFinished: expect.any(Number),
        template: { metadata: { labels }, spec: pod },
      },
    });
  });

  test("the token is in a Secret that goes with the Job, and not in the Job", async () => {
    const world = await World.start(fakeRowOf("kubernetes"));
    const { provider, sent } = watched(world);
    await provider.launch(await world.offer(), request);
    expect(JSON.stringify(sent.get("jobs"))).not.toContain(token);
    expect(sent.get("secrets")).toMatchObject({
      metadata: { ownerReferences: [{ kind: "Job", name: request.name, uid: expect.any(String) }] },
      stringData: request.env,
    });
  });

  test("a Job whose Secret could not be made is told, so that it can be deleted", async () => {
    const world = await World.start(fakeRowOf("kubernetes"));
    const provider = world.providerWith({
      fetch: async (url, init) => {
        if (!String(url).endsWith("/secrets")) return fetch(url, init);
        return Response.json({ kind: "Status", status: "Failure", message: init?.body }, { status: 500 });
      },
    });
    const { fault, machineId } = await failure(provider.launch(await world.offer(), request));
    expect([fault, machineId]).toEqual(["transient", request.name]);
    world.advance(2 * bootSeconds);
    expect(await world.stateOf(request.name)).toBe("provisioning");
    await provider.terminate(request.name);
    expect(world.cloud.machines.map(({ deletedAt }) => deletedAt)).toEqual([world.nowMs]);
  });

  test("a second launch of one name makes no second machine, and is looked for", async () => {
    const world = await World.start(fakeRowOf("kubernetes"));
    const { offer } = await world.launch();
    expect(await faultOf(world.provider.launch(offer, request))).toBe("transient");
    expect(world.cloud.machines).toHaveLength(1);
  });

  test("a namespace's quota that is used up is a lack of capacity, and a missing permission is not", async () => {
    const world = await World.start(fakeRowOf("kubernetes"));
    const offer = await world.offer();
    const launch = (message: string) => {
      const body = { kind: "Status", status: "Failure", reason: "Forbidden", message };
      const provider = world.providerWith({ fetch: async () => Response.json(body, { status: 403 }) });
      return faultOf(provider.launch(offer, request));
    };
    expect(await launch("jobs.batch is forbidden: exceeded quota: gpus")).toBe("capacity");
    expect(await launch('jobs.batch is forbidden: User "x" cannot create resource')).toBe("auth");
  });

  test.each([
    ["Complete", "CompletionsReached", "stopped"],
    ["Failed", "PodFailurePolicy", "stopped"],
    ["Failed", "DeadlineExceeded", "stopped"],
    ["Failed", "BackoffLimitExceeded", "failed"],
    ["Suspended", "JobSuspended", "provisioning"],
  ] as const)("a Job that is %s for %s is %s", async (type, reason, state) => {
    const world = await World.start(fakeRowOf("kubernetes"));
    const job = {
      metadata: { name: "a", uid: "b" },
      status: { failed: 1, conditions: [{ type, reason, status: "True" }] },
    };
    const provider = world.providerWith({ fetch: async () => Response.json(job) });
    expect((await provider.get("a"))?.state).toBe(state);
  });

  test("a machine that the cluster took away is stopped, and one that broke has failed", async () => {
    for (const [stop, state] of [
      ["preempted", "stopped"],
      ["failed", "failed"],
    ] as const) {
      const world = await World.start(fakeRowOf("kubernetes"));
      const { id, machine } = await world.launch();
      world.advance(bootSeconds + 1);
      world.cloud.stop(machine.id, stop);
      expect(await world.stateOf(id)).toBe(state);
    }
  });

  test.each([
    [
      "its pods are refused",
      {},
      { items: [{ message: 'pods "a-x7k2p" is forbidden: exceeded quota: gpus' }] },
      'pods "a-x7k2p" is forbidden: exceeded quota: gpus',
    ],
    [
      "its image cannot be had",
      { containerStatuses: [{ state: { waiting: { reason: "ImagePullBackOff", message: "Back-off" } } }] },
      { items: [] },
      "ImagePullBackOff: Back-off",
    ],
    ["nothing is known", { conditions: [{ type: "PodScheduled", status: "True" }] }, { items: [] }, null],
  ])("a machine that does not start tells that %s", async (_, status, events, why) => {
    const world = await World.start(fakeRowOf("kubernetes"));
    const items = "containerStatuses" in status || "conditions" in status ? [{ status }] : [];
    const provider = world.providerWith({
      fetch: async (url) => Response.json(String(url).includes("/pods?") ? { items } : events),
    });
    expect(await provider.whyWaiting?.("a")).toBe(why);
  });

  test("a list whose next page is no longer kept may work later", async () => {
    const world = await World.start(fakeRowOf("kubernetes"));
    const body = { kind: "Status", status: "Failure", reason: "Expired", message: "too old", code: 410 };
    const provider = world.providerWith({ fetch: async () => Response.json(body, { status: 410 }) });
    expect(await faultOf(provider.list(prefix))).toBe("transient");
  });

  test("Jobs are made and looked for in the namespace that is set", async () => {
    const world = await World.start(fakeRowOf("kubernetes"));
    const paths: string[] = [];
    const provider = world.providerWith({
      env: { ...world.served.env, KUBERNETES_NAMESPACE: "team-a" },
      fetch: async (url) => {
        paths.push(new URL(String(url)).pathname);
        return Response.json({ items: [], metadata: { name: "a", uid: "b" } }, { status: 201 });
      },
    });
    await provider.list(prefix);
    await provider.launch(await world.offer(), request);
    await provider.terminate("a");
    const jobs = "/apis/batch/v1/namespaces/team-a/jobs";
    expect(paths).toEqual([jobs, jobs, "/api/v1/namespaces/team-a/secrets", `${jobs}/a`]);
  });
});
