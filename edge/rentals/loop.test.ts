/** The rental loop against providers that speak their wire format: one rule of money at a time. */

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { instances as table } from "../../schema/instances.ts";
import { FakeCloud, type FakeOffer, type Operation } from "../../test/fakes/cloud.ts";
import { kubernetesFake } from "../../test/fakes/kubernetes.ts";
import { lambdaFake } from "../../test/fakes/lambda.ts";
import { runpodFake } from "../../test/fakes/runpod.ts";
import { vastFake } from "../../test/fakes/vast.ts";
import { database } from "../store/database.ts";
import type { Instance } from "../store/instances.ts";
import { env, ok } from "../testEdge.ts";
import { deploymentOf } from "./setUp.ts";
import { empty, rowsOf, World } from "./world.testing.ts";

let runpod: FakeCloud;
let vast: FakeCloud;
let world: World;

const cloudOf = (name: string, price: number): FakeCloud =>
  new FakeCloud({
    now: () => Date.now(),
    offers: [
      {
        id: `secure-${name}`,
        gpu: "RTX 4090",
        gpuMemoryGb: 24,
        priceUsdPerHour: price,
        host: `host-${name}`,
        location: "EU",
        capacity: 20,
      },
    ],
    bootSeconds: 90,
    key: `key-of-${name}`,
  });

const begin = async (vars: Record<string, string> = {}): Promise<void> => {
  world = await World.make({ fakes: [runpodFake(runpod), vastFake(vast)], vars });
};

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  vi.spyOn(console, "error").mockImplementation(() => {});
  await empty(env.DB);
  runpod = cloudOf("runpod", 0.4);
  vast = cloudOf("vast", 0.5);
  await begin();
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const changeOffer = (cloud: FakeCloud, change: Partial<FakeOffer>): void => {
  for (const offer of cloud.offers) Object.assign(offer, change);
};
const failOnce = (cloud: FakeCloud, operation: Operation, kind: "auth" | "balance" | "capacity"): void => {
  cloud.faults.once[operation] = [{ kind }];
};
const sellOut = (cloud: FakeCloud): void => {
  cloud.offers.length = 0;
};

const minutes = async (count: number): Promise<void> => {
  for (let done = 0; done < count; done++) await world.minute();
};
const instances = () => rowsOf<Instance>(env.DB, "instances");
const states = async () => (await instances()).map(({ state }) => state);
const events = async () =>
  (await rowsOf<{ type: string; data: string }>(env.DB, "events")).map(({ type, data }) => ({
    type,
    data: JSON.parse(data) as Record<string, unknown>,
  }));
const waiting = async () => (await rowsOf<{ problem: string; detail: string }>(env.DB, "hires"))[0];
const live = () => [...runpod.machines, ...vast.machines].filter(({ deletedAt }) => deletedAt === null);

describe("a machine is rented", () => {
  test("when a search wants one, the cheapest first, and given back when the search is over", async () => {
    const id = await world.createSearch(3);
    await world.minute();
    expect(runpod.machines.map(({ name }) => name)).toEqual([
      expect.stringMatching(new RegExp(`^nas-${await deploymentOf(world.env)}-${id}-1-t\\d+$`)),
    ]);
    expect(vast.machines).toEqual([]);
    await minutes(15);
    expect((await ok<{ state: string }>(world.admin(`/v1/searches/${id}`))).state).toBe("completed");
    expect(live()).toEqual([]);
    expect((await events()).map(({ type }) => type)).toEqual(
      expect.arrayContaining(["instance.launched", "search.completed", "instance.terminated"]),
    );
  });

  test("of the next provider when the first has none", async () => {
    runpod.faults.once.launch = [{ kind: "capacity" }];
    await world.createSearch(3);
    await world.minute();
    expect([runpod.machines.length, vast.machines.length]).toEqual([0, 1]);
    expect(await states()).toEqual(["ended", "launched"]);
  });

  test("once, when its launch answered 500 although it was created", async () => {
    runpod.faults.once.launch = [{ kind: "errorAfterwards" }];
    await world.createSearch(3);
    await minutes(3);
    expect(live()).toHaveLength(1);
    expect(await instances()).toMatchObject([{ state: "launched", machineId: runpod.machines[0]?.id }]);
  });

  test("once, when the edge is cut off between the launch and its answer", async () => {
    await world.createSearch(3, 60);
    for (let calls = 0; runpod.machines.length === 0; calls++) {
      await world.run(calls);
      world.advance(1);
    }
    await minutes(8);
    expect(live()).toHaveLength(1);
    expect((await instances()).filter(({ state }) => state === "launched")).toHaveLength(1);
  });

  test("for every search, though the older ones have theirs and go on", async () => {
    const count = 7;
    for (let made = 0; made < count; made++) await world.createSearch(3, 200);
    await minutes(3);
    expect(live()).toHaveLength(count);
  });

  test("that the budget still pays for, where the best for its price is too dear by the hour", async () => {
    changeOffer(runpod, { gpu: "RTX 5090", priceUsdPerHour: 0.9 });
    changeOffer(vast, { gpu: "T4", priceUsdPerHour: 0.2 });
    await world.createSearch(0.3, 6, { providers: ["runpod", "vast"] });
    await world.minute();
    expect([runpod.machines.length, vast.machines.length]).toEqual([0, 1]);
  });

  test("on demand where that costs less than what may be taken back", async () => {
    const rental = { interruptible: true, providers: ["runpod" as const, "vast" as const] };
    await world.createSearch(3, 60, rental);
    await world.minute();
    expect(vast.machines).toMatchObject([{ interruptible: true }]);
    changeOffer(runpod, { priceUsdPerHour: 0.1 });
    await world.createSearch(3, 60, rental);
    await world.minute();
    expect(runpod.machines).toHaveLength(1);
  });

  test("by one launch at a time where its provider wants pauses, and another offer than the one that was gone", async () => {
    const cloud = cloudOf("lambda", 0.4);
    const [offer] = cloud.offers;
    if (offer !== undefined) cloud.offers.push({ ...offer, id: "o2", location: "US", priceUsdPerHour: 0.5 });
    cloud.faults.once.launch = [{ kind: "capacity" }];
    world = await World.make({ fakes: [lambdaFake(cloud)] });
    await world.createSearch(3, 60, { providers: ["lambda"] });
    await world.createSearch(3, 60, { providers: ["lambda"] });
    await world.run();
    expect(cloud.calls.launch).toBe(1);
    await minutes(4);
    expect(cloud.machines.map((machine) => machine.offer.location)).toEqual(["US", "US"]);
  });

  test("by two runs of the loop at the same time only once", async () => {
    await world.createSearch(3);
    await Promise.all([world.run(), world.run(), world.run()]);
    expect(live()).toHaveLength(1);
  });
});

describe("a machine is ended", () => {
  test("by the reaper, when its launch was given up and it came to be later, and its cost is booked", async () => {
    runpod.faults.listLagSeconds = 600;
    runpod.faults.once.launch = [{ kind: "errorAfterwards" }];
    changeOffer(runpod, { capacity: 1 });
    await world.createSearch(3);
    await minutes(30);
    const [lost] = runpod.machines;
    expect(lost?.deletedAt).not.toBeNull();
    const row = (await instances()).find(({ name }) => name === lost?.name);
    expect(row).toMatchObject({ state: "ended", reason: "nobody wanted it" });
    expect(row?.accruedMicroUsd).toBeGreaterThanOrEqual(Math.floor(1e6 * runpod.billedUsd(lost as never)));
  });

  test("by the reaper also when there is no work any more", async () => {
    runpod.faults.listLagSeconds = 600;
    runpod.faults.once.launch = [{ kind: "errorAfterwards" }];
    const id = await world.createSearch(3, 60);
    await minutes(1);
    await world.admin(`/v1/searches/${id}/cancel`, { method: "POST" });
    await minutes(30);
    expect(runpod.machines).toHaveLength(1);
    expect(live()).toEqual([]);
  });

  test("before the budget is passed, though its runner never ends what it does", async () => {
    world.isStuck = true;
    const id = await world.createSearch(0.5, 200);
    await minutes(120);
    expect(live()).toEqual([]);
    expect(world.billedUsd(id)).toBeLessThanOrEqual(0.5);
    expect(world.billedUsd(id)).toBeGreaterThan(0.4);
    expect(await waiting()).toMatchObject({ problem: "budget" });
    const shares = (await events()).filter(({ type }) => type === "budget.threshold");
    expect(shares.map(({ data }) => data.percent)).toEqual([50, 80]);
  });

  test("when its runner does not register, and its host is not rented again", async () => {
    vast.faults.neverRun = true;
    changeOffer(runpod, { capacity: 0 });
    await world.createSearch(3);
    await minutes(40);
    expect(live()).toEqual([]);
    expect(vast.machines).toHaveLength(1);
    expect(await rowsOf(env.DB, "bad_hosts")).toMatchObject([{ provider: "vast" }]);
  });

  test("when no node has room for it, which is told", async () => {
    const cloud = cloudOf("kubernetes", 0);
    cloud.faults.neverRun = true;
    world = await World.make({ fakes: [kubernetesFake(cloud)] });
    await world.createSearch(3, 6, { providers: ["kubernetes"] });
    await minutes(18);
    const why = expect.stringContaining("Unschedulable: 0/3 nodes are available");
    expect(await events()).toContainEqual({
      type: "instance.lost",
      data: expect.objectContaining({ reason: why }),
    });
    expect(await waiting()).toMatchObject({ problem: "machine-failed", detail: why });
  });

  test("when it stopped, and another goes on with the search", async () => {
    const id = await world.createSearch(3, 30);
    await minutes(6);
    runpod.stop(runpod.machines[0]?.id ?? "", "preempted");
    await minutes(30);
    expect((await ok<{ state: string }>(world.admin(`/v1/searches/${id}`))).state).toBe("completed");
    expect(runpod.machines).toHaveLength(2);
    expect(live()).toEqual([]);
    expect((await events()).map(({ type }) => type)).toContain("instance.lost");
  });

  test("when its search is paused, after its task was given back, and rented anew when it goes on", async () => {
    const id = await world.createSearch(3, 60);
    await minutes(6);
    await world.admin(`/v1/searches/${id}/pause`, { method: "POST" });
    await minutes(4);
    expect(live()).toEqual([]);
    await world.admin(`/v1/searches/${id}/resume`, { method: "POST" });
    await minutes(1);
    expect(live()).toHaveLength(1);
  });

  test("when its runner tells that it cannot work there, with the end of its log", async () => {
    world.isStuck = true;
    await world.createSearch(3, 60);
    await minutes(2);
    const told = { message: "TensorFlow sees no GPU", log: "CUDA error 802" };
    const token = runpod.machines[0]?.env.NASTURTIUM_TOKEN ?? "";
    const answer = await world.caller(token)("/v1/runners/failure", { body: told });
    expect(await answer.json()).toEqual({ terminating: true });
    await world.run();
    expect(runpod.machines[0]?.deletedAt).not.toBeNull();
    const [row] = await instances();
    expect(row).toMatchObject({ reason: "its runner failed: TensorFlow sees no GPU" });
    expect(row?.failure).toContain("CUDA error 802");
    expect(JSON.stringify([row, ...(await events())])).not.toContain(token);
    expect((await world.admin("/v1/runners/failure", { body: told })).status).toBe(403);
  });

  test("by hand, and by hand only the one that is named", async () => {
    await world.createSearch(3, 60);
    await minutes(4);
    const [row] = await instances();
    expect((await world.admin(`/v1/instances/${row?.id}/terminate`, { method: "POST" })).status).toBe(202);
    await world.run();
    expect(runpod.machines[0]?.deletedAt).not.toBeNull();
  });

  test("however often it takes, and what does not end is told", async () => {
    runpod.faults.deletesLie = true;
    await world.createSearch(3);
    await minutes(25);
    expect(await states()).toContain("terminating");
    expect(await events()).toContainEqual({
      type: "instance.stuck",
      data: expect.objectContaining({ provider: "runpod" }),
    });
    runpod.faults.deletesLie = false;
    await minutes(2);
    expect(live()).toEqual([]);
  });
});

describe("under its provider's limits", () => {
  test.each([
    ["lambda", lambdaFake],
    ["vast", vastFake],
  ] as const)(
    "a machine of %s that is gone is seen as gone, and no request is one too many",
    async (name, fake) => {
      const cloud = cloudOf(name, 0.4);
      world = await World.make({ fakes: [fake(cloud)] });
      for (let made = 0; made < 3; made++) {
        const id = await world.createSearch(3, 60, { providers: [name] });
        await minutes(6);
        await world.admin(`/v1/searches/${id}/cancel`, { method: "POST" });
      }
      await minutes(4);
      expect(cloud.machines.map(({ deletedAt }) => deletedAt)).not.toContain(null);
      expect(cloud.machines).toHaveLength(3);
      expect(await instances()).toMatchObject(Array(3).fill({ state: "ended", terminations: 0 }));
      expect(cloud.tooSoon).toBe(0);
    },
  );

  test("three machines of Lambda that end at once are seen as gone in the same run", async () => {
    const cloud = cloudOf("lambda", 0.4);
    world = await World.make({ fakes: [lambdaFake(cloud)] });
    const ids = [];
    for (let made = 0; made < 3; made++)
      ids.push(await world.createSearch(3, 200, { providers: ["lambda"] }));
    await minutes(8);
    expect(await states()).toEqual(["launched", "launched", "launched"]);
    for (const id of ids) await world.admin(`/v1/searches/${id}/cancel`, { method: "POST" });
    await minutes(4);
    expect(await instances()).toMatchObject(Array(3).fill({ state: "ended", terminations: 0 }));
    expect(cloud.tooSoon).toBe(0);
  });
});

describe("what does not end is told", () => {
  const stuck = async () => (await events()).filter(({ type }) => type === "instance.stuck");
  const endLater = async (id: string) => world.admin(`/v1/searches/${id}/cancel`, { method: "POST" });

  test("also where its provider cannot be asked whether it is gone", async () => {
    const id = await world.createSearch(3, 60);
    await minutes(4);
    runpod.faults.once.get = Array.from({ length: 30 }, () => ({ kind: "error" as const }));
    runpod.faults.deletesLie = true;
    await endLater(id);
    await minutes(8);
    expect(await stuck()).toMatchObject([
      { data: { problem: expect.stringContaining("the provider failed") } },
    ]);
  });

  test("also where its provider's key was taken away", async () => {
    const id = await world.createSearch(3, 60);
    await minutes(4);
    Object.assign(world.env, { RUNPOD_API_KEY: "" });
    await endLater(id);
    await minutes(8);
    expect(await stuck()).toMatchObject([
      { data: { problem: expect.stringContaining("its key is not set") } },
    ]);
  });
});

describe("with no provider's key left, what may still run is told:", () => {
  const removeKeys = () => Object.assign(world.env, { RUNPOD_API_KEY: "", VAST_API_KEY: "" });
  const problems = async () =>
    (await events()).filter(({ type }) => type === "instance.stuck").map(({ data }) => data.problem);

  test("a machine whose search was cancelled, until there is a key again", async () => {
    const id = await world.createSearch(3, 60);
    await minutes(4);
    removeKeys();
    await world.admin(`/v1/searches/${id}/cancel`, { method: "POST" });
    await minutes(8);
    expect(await problems()).toEqual([expect.stringContaining("its key is not set")]);
    Object.assign(world.env, { RUNPOD_API_KEY: runpod.key });
    await minutes(2);
    expect(live()).toEqual([]);
  });

  test("a machine whose money ends", async () => {
    world.isStuck = true;
    await world.createSearch(0.3, 200);
    await minutes(4);
    removeKeys();
    await minutes(60);
    expect(await problems()).toEqual([expect.stringContaining("its key is not set")]);
  });

  test("a launch that got no answer", async () => {
    runpod.faults.once.launch = [{ kind: "errorAfterwards" }];
    await world.createSearch(3, 60);
    await world.minute();
    removeKeys();
    await minutes(12);
    expect(await problems()).toEqual([expect.stringContaining("its key is not set")]);
  });
});

describe("a price that changes after the launch", () => {
  const reprice = (at: number, priceUsdPerHour: number): void => {
    const machine = runpod.machines[at];
    if (machine === undefined) throw new Error("nothing was launched");
    machine.priceUsdPerHour = priceUsdPerHour;
  };
  const ledgerMicroUsd = async () =>
    (await rowsOf<{ kind: string; microUsd: number }>(env.DB, "ledger"))
      .filter(({ kind }) => kind === "accrued")
      .reduce((sum, { microUsd }) => sum + microUsd, 0);

  test("is booked at the dearer of the two since the last account", async () => {
    await world.createSearch(3, 200);
    await minutes(6);
    const [before] = await instances();
    reprice(0, 0.1);
    await minutes(5);
    const [after] = await instances();
    expect(after).toMatchObject({ microUsdPerHour: 100_000, accruedMicroUsd: await ledgerMicroUsd() });
    // Until it was seen; what has been accounted since costs the new price.
    const least = ((after?.checkedAt ?? 0) - (before?.launchedAt ?? 0)) * (0.4 / 3.6);
    expect(after?.accruedMicroUsd).toBeGreaterThanOrEqual(Math.floor(least));
  });

  test("ends the dearest machine when all of them pass NASTURTIUM_USD_PER_HOUR, and no other", async () => {
    await begin({ NASTURTIUM_USD_PER_HOUR: "0.9" });
    for (let made = 0; made < 2; made++) await world.createSearch(3, 200);
    await minutes(4);
    expect(live()).toHaveLength(2);
    reprice(1, 0.6);
    await minutes(14);
    const ended = (await instances()).filter(({ endedAt }) => endedAt !== null);
    expect(ended).toMatchObject([
      { machineId: runpod.machines[1]?.id, reason: "machines cost more than NASTURTIUM_USD_PER_HOUR" },
    ]);
    expect(runpod.machines[0]?.deletedAt).toBeNull();
  });
});

describe("of many machines", () => {
  const others = 60;
  /** As many rows more, all due for longer than the one machine there is. */
  const crowd = async (change: Partial<Instance> = {}): Promise<Instance> => {
    const [row] = await instances();
    if (row === undefined) throw new Error("nothing was launched");
    const values = { ...row, visitAt: Date.now() - 3_600_000, tokenId: null, ...change };
    const insertion = database(env.DB).insert(table);
    for (let at = 0; at < others; at++)
      await insertion.values({ ...values, id: `i${at}`, name: `nas-other-${at}`, machineId: `other${at}` });
    return row;
  };

  test("the one whose money ends soonest is seen to first, though the others are due for longer", async () => {
    world.isStuck = true;
    await world.createSearch(0.4, 200);
    await minutes(50);
    const one = await crowd({ reservedMicroUsd: 1_000_000, accruedUntil: Date.now() });
    world.advance(5);
    await world.run();
    expect((await instances()).find(({ id }) => id === one.id)?.state).not.toBe("launched");
  });

  test("those that do not end keep nobody waiting", async () => {
    const id = await world.createSearch(3, 200);
    await minutes(4);
    await world.admin(`/v1/searches/${id}/cancel`, { method: "POST" });
    await crowd({ state: "terminating", terminations: 9, reservedMicroUsd: 0, provider: "lambda" });
    await minutes(5);
    expect(live()).toEqual([]);
  });
});

test("a machine whose provider fails is looked at once a minute, so that others have their turn", async () => {
  await world.createSearch(3, 60);
  await world.minute();
  world.advance(1);
  runpod.faults.once.get = [{ kind: "error" }];
  await world.run();
  const asked = runpod.calls.get;
  await world.run();
  expect(runpod.calls.get).toBe(asked);
});

describe("an account that the provider tells", () => {
  const ended = async () => {
    const id = await world.createSearch(3, 60);
    await minutes(8);
    await world.admin(`/v1/searches/${id}/cancel`, { method: "POST" });
    await minutes(4);
    return id;
  };
  const hours = async (count: number) => {
    for (let hour = 0; hour < count; hour++) {
      world.advance(61);
      await world.run();
    }
  };

  test("only of a part of the time is waited for until it is whole", async () => {
    runpod.faults.billingLagSeconds = 65 * 60;
    const id = await ended();
    await hours(1);
    expect(await instances()).toMatchObject([{ settledAt: null, settledMicroUsd: 0 }]);
    await hours(2);
    const [row] = await instances();
    expect(row?.settledAt).not.toBeNull();
    const total = (row?.accruedMicroUsd ?? 0) + (row?.settledMicroUsd ?? 0);
    expect(total / 1e6).toBeCloseTo(world.billedUsd(id), 5);
  });

  test("only of a part of the time to the end takes nothing from ours", async () => {
    await ended();
    const until = Date.now() - 8 * 60_000;
    for (let hour = 0; hour < 28; hour++) {
      runpod.faults.billingLagSeconds = (Date.now() + 61 * 60_000 - until) / 1000;
      await hours(1);
    }
    const [row] = await instances();
    expect(row).toMatchObject({ settledMicroUsd: 0, visitAt: null });
    expect(row?.settledAt).not.toBeNull();
  });
});

describe("an account that the provider does not tell", () => {
  const ended = async () => {
    const id = await world.createSearch(3, 60);
    await minutes(8);
    await world.admin(`/v1/searches/${id}/cancel`, { method: "POST" });
    await minutes(4);
  };

  test("leaves ours as it is in the end, though it fails each time", async () => {
    await ended();
    for (let hour = 0; hour < 28; hour++) {
      runpod.faults.once.billing = [{ kind: "error" }];
      world.advance(61);
      await world.run();
    }
    const [row] = await instances();
    expect(row).toMatchObject({ state: "ended", settledMicroUsd: 0, visitAt: null });
    expect(row?.settledAt).not.toBeNull();
    expect(row?.accruedMicroUsd).toBeGreaterThan(0);
  });
});

describe("no machine is rented, and the search says why,", () => {
  const cases: [problem: string, prepare: () => void | Promise<void>, detail: RegExp][] = [
    [
      "auth",
      () => {
        failOnce(runpod, "quote", "auth");
        failOnce(vast, "quote", "auth");
      },
      /key/,
    ],
    [
      "balance",
      () => {
        failOnce(runpod, "launch", "balance");
        sellOut(vast);
      },
      /balance/,
    ],
    [
      "capacity",
      () => {
        sellOut(runpod);
        sellOut(vast);
      },
      /no provider has a machine/,
    ],
    ["instances", () => begin({ NASTURTIUM_INSTANCES: "0" }), /NASTURTIUM_INSTANCES is 0/],
    ["rate", () => begin({ NASTURTIUM_USD_PER_HOUR: "0.1" }), /NASTURTIUM_USD_PER_HOUR is 0.1/],
    ["budget", () => begin({ NASTURTIUM_USD_PER_MONTH: "0.01" }), /0\.01 USD are left/],
    ["no-image", () => begin({ NASTURTIUM_IMAGE: "" }), /rental\.image/],
    ["no-image", () => begin({ NASTURTIUM_IMAGE: "registry.test/runner:latest" }), /by its digest/],
    ["no-cap", () => begin({ NASTURTIUM_USD_PER_MONTH: "$50" }), /NASTURTIUM_USD_PER_MONTH: set a number/],
    ["no-cap", () => begin({ NASTURTIUM_INSTANCES: "two" }), /NASTURTIUM_INSTANCES: set a number/],
  ];
  test.each(cases)("%s", async (problem, prepare, detail) => {
    await prepare();
    await world.createSearch(3);
    await world.minute();
    expect(live()).toEqual([]);
    expect(await waiting()).toMatchObject({ problem, detail: expect.stringMatching(detail) });
    expect((await events()).filter(({ type }) => type === "rental.waiting")).toHaveLength(1);
  });

  test("no-provider, with the variables to set", async () => {
    await world.createSearch(3, 6, { providers: ["lambda", "digitalocean"] });
    await world.minute();
    expect(await waiting()).toMatchObject({
      problem: "no-provider",
      detail: expect.stringContaining("set LAMBDA_API_KEY and LAMBDA_SSH_KEY_NAME, or DIGITALOCEAN_TOKEN"),
    });
  });

  test("over-ceiling, with the cheapest that there is", async () => {
    changeOffer(runpod, { priceUsdPerHour: 2.5 });
    changeOffer(vast, { priceUsdPerHour: 2 });
    await world.createSearch(3);
    await world.minute();
    expect(await waiting()).toMatchObject({
      problem: "over-ceiling",
      detail: expect.stringContaining("2 USD an hour (vast)"),
    });
  });

  test("unknown-gpu, with the nearest names", async () => {
    await world.createSearch(3, 6, { gpus: ["RTX 409O"] });
    await world.minute();
    expect(await waiting()).toMatchObject({
      problem: "unknown-gpu",
      detail: expect.stringContaining("RTX 4090"),
    });
  });

  test("and fails with it once its patience is over, where it has an end", async () => {
    sellOut(runpod);
    sellOut(vast);
    const id = await world.createSearch(3, 6, { patienceHours: 1 });
    await minutes(55);
    expect(await ok(world.admin(`/v1/searches/${id}`))).toMatchObject({ state: "queued" });
    await minutes(25);
    expect(await ok(world.admin(`/v1/searches/${id}`))).toMatchObject({
      state: "failed",
      failure: expect.stringMatching(/patienceHours \(capacity: no provider has a machine/),
    });
  });

  test("and waits as long as the provider asks", async () => {
    sellOut(vast);
    runpod.faults.once.launch = [{ kind: "rate", retryAfterSeconds: 240 }];
    await world.createSearch(3);
    await minutes(4);
    expect([runpod.calls.launch, await waiting()]).toMatchObject([1, { problem: "rate" }]);
    await minutes(2);
    expect(live()).toHaveLength(1);
  });

  test("and launches that get no answer are told, come ever more rarely, and end with its patience", async () => {
    sellOut(vast);
    runpod.faults.once.launch = Array.from({ length: 60 }, () => ({ kind: "error" as const }));
    const id = await world.createSearch(3, 6, { patienceHours: 1 });
    await minutes(120);
    expect(runpod.calls.launch).toBeLessThan(8);
    expect((await events()).map(({ type }) => type)).toContain("instance.lost");
    expect(await ok(world.admin(`/v1/searches/${id}`))).toMatchObject({
      state: "failed",
      failure: expect.stringContaining("machines came and did not start"),
    });
  });

  const refuseLaunches = (...kinds: ("invalid" | "unclear" | "capacity")[]): void => {
    const [offer] = runpod.offers;
    if (offer === undefined) throw new Error("nothing is offered");
    for (const [at, gpu] of ["RTX 3090", "RTX 5090"].entries())
      runpod.offers.push({ ...offer, id: `more${at}`, gpu });
    runpod.faults.once.launch = Array.from({ length: 20 }, (_, at) => ({
      kind: kinds[at % kinds.length] ?? "invalid",
    }));
  };

  test.each([
    ["invalid", 1, "Validation failed"],
    ["unclear", 3, "cannot be created"],
  ] as const)("and a launch that is refused as %s is not repeated", async (kind, launches, detail) => {
    sellOut(vast);
    refuseLaunches(kind);
    const id = await world.createSearch(3, 6, { providers: ["runpod"], patienceHours: 3 });
    await minutes(120);
    expect(runpod.calls.launch).toBe(launches);
    expect(await waiting()).toMatchObject({
      problem: "invalid",
      detail: expect.stringContaining(detail),
    });
    expect((await events()).filter(({ type }) => type === "rental.waiting")).toHaveLength(1);
    await minutes(90);
    expect(await ok(world.admin(`/v1/searches/${id}`))).toMatchObject({ state: "failed" });
  });

  test("and what one provider calls wrong is asked of another", async () => {
    refuseLaunches("invalid");
    await world.createSearch(3);
    await world.minute();
    expect([runpod.calls.launch, vast.machines.length]).toEqual([1, 1]);
  });

  test("and refusals that may be a lack of capacity are tried again where one says so", async () => {
    sellOut(vast);
    refuseLaunches("unclear", "unclear", "capacity");
    await world.createSearch(3);
    await world.minute();
    expect(await waiting()).toMatchObject({ problem: "capacity" });
    runpod.faults.once.launch = [];
    await minutes(2);
    expect(live()).toHaveLength(1);
  });

  test("and it is tried again, ever more rarely", async () => {
    runpod.offers.length = 0;
    vast.offers.length = 0;
    await world.createSearch(3);
    await minutes(30);
    expect(runpod.calls.quote).toBeLessThan(14);
  });
});

test("ledger, budget, machines and metrics tell the same sums, and the provider's account is taken over", async () => {
  const id = await world.createSearch(3, 60);
  await minutes(12);
  const read = <T>(path: string) => ok<T>(world.admin(path));
  interface Budget {
    spentUsd: number;
    reservedUsd: number;
    capUsd: number;
    perArchitectureUsd: number | null;
    perHypervolumePercentUsd: number | null;
    instances: { spentUsd: number }[];
  }
  const during = await read<Budget>(`/v1/searches/${id}/budget`);
  expect(during.spentUsd).toBeCloseTo(world.billedUsd(id), 5);
  expect(during).toMatchObject({ capUsd: 3, instances: [{ spentUsd: during.spentUsd }] });
  expect(during.reservedUsd).toBeGreaterThan(0);
  const deployment = await read<{ month: { used: number }; instances: { used: number } }>("/v1/budgets");
  expect(deployment.instances.used).toBe(1);
  expect(deployment.month.used).toBeGreaterThanOrEqual(during.spentUsd);
  const metrics = await (await world.admin("/metrics")).text();
  expect(metrics).toMatch(/^nasturtium_instances\{state="launched"\} 1$/m);
  expect(metrics).toMatch(/^nasturtium_usd_per_hour 0\.4$/m);
  const sample = (name: string) =>
    Number(new RegExp(`^nasturtium_search_${name}{search="${id}"} (\\S+)$`, "m").exec(metrics)?.[1]);
  expect(sample("usd")).toBeCloseTo(during.spentUsd, 6);
  expect(sample("architecture_usd")).toBeCloseTo(during.perArchitectureUsd ?? Number.NaN, 6);
  expect(sample("hypervolume_percent_usd")).toBeCloseTo(during.perHypervolumePercentUsd ?? Number.NaN, 6);

  await world.admin(`/v1/searches/${id}/cancel`, { method: "POST" });
  await minutes(5);
  world.advance(61);
  await world.run();
  const after = await read<Budget>(`/v1/searches/${id}/budget`);
  expect(after.spentUsd).toBeCloseTo(world.billedUsd(id), 6);
  expect(after.reservedUsd).toBe(0);
  const entries = await read<{ data: { kind: string; amountUsd: number }[] }>(
    `/v1/searches/${id}/ledger?limit=200`,
  );
  const sum = entries.data.reduce((total, { amountUsd }) => total + amountUsd, 0);
  expect(sum).toBeCloseTo(after.spentUsd, 6);
  expect(entries.data.map(({ kind }) => kind)).toContain("settled");
  expect((await read<{ data: unknown[] }>("/v1/budgets/searches")).data).toMatchObject([{ searchId: id }]);
});

test("nothing is asked of any provider while there is no work", async () => {
  await minutes(5);
  expect([runpod.calls.quote, runpod.calls.launch, runpod.calls.get]).toEqual([0, 0, 0]);
});
