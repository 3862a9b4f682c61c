/**
 * The money rules over random histories: machines that fail in every way the providers know, clocks that jump, searches
 * that are paused and cancelled, and an edge that is cut off between any two calls. `NASTURTIUM_HISTORIES` says how many.
 */

import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { ledger } from "../../schema/instances.ts";
import type { ProviderName } from "../../shared/specification.ts";
import { FakeCloud, type OnceFault, type Operation, type ProviderFake } from "../../test/fakes/cloud.ts";
import { fakeRowOf, fakes as fakeRows } from "../../test/fakes/index.ts";
import type { Instance } from "../store/instances.ts";
import { env } from "../testEdge.ts";
import { terminationsUntilStuck } from "./limits.ts";
import { deploymentOf } from "./setUp.ts";
import { empty, rowsOf, World } from "./world.testing.ts";

const histories = Number((env as unknown as Record<string, string>).NASTURTIUM_HISTORIES ?? 30);
const seed = 7;
type Entry = typeof ledger.$inferSelect;
const bothProviders: readonly (0 | 1)[] = [0, 1];
const providerNames = fakeRows.map(({ name }) => name);

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"] });
  vi.spyOn(console, "error").mockImplementation(() => {});
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

type Happening =
  | { kind: "minutes"; count: number }
  /** The loop is cut off after so many calls. */
  | { kind: "cut"; calls: number }
  | { kind: "once"; provider: 0 | 1; operation: Operation; fault: OnceFault }
  | { kind: "neverRun"; provider: 0 | 1; on: boolean }
  | { kind: "exits"; provider: 0 | 1; afterSeconds: number | null }
  | { kind: "lag"; provider: 0 | 1; seconds: number }
  | { kind: "lies"; provider: 0 | 1; on: boolean }
  | { kind: "stop"; how: "exited" | "preempted" | "failed" }
  | { kind: "silence" }
  /** Runners hold what they have and never end it. */
  | { kind: "stuck"; on: boolean }
  | { kind: "sold"; provider: 0 | 1 }
  | { kind: "user"; does: "pause" | "resume" | "cancel" | "delete"; search: 0 | 1 };

const provider = fc.constantFrom(...bothProviders);
const on = fc.boolean();
const fault: fc.Arbitrary<OnceFault> = fc.oneof(
  fc.constantFrom<OnceFault>(
    { kind: "error" },
    { kind: "errorAfterwards" },
    { kind: "capacity" },
    { kind: "balance" },
    { kind: "auth" },
    { kind: "malformed" },
    { kind: "broken" },
  ),
  fc.record({ kind: fc.constant("rate" as const), retryAfterSeconds: fc.constantFrom(null, 5, 120) }),
);
const operation = fc.constantFrom<Operation>("quote", "launch", "get", "list", "terminate", "billing");

const happening = (lies: boolean): fc.Arbitrary<Happening> =>
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({ kind: fc.constant("minutes" as const), count: fc.integer({ min: 1, max: 20 }) }),
    },
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant("cut" as const), calls: fc.integer({ min: 0, max: 25 }) }),
    },
    { weight: 5, arbitrary: fc.record({ kind: fc.constant("once" as const), provider, operation, fault }) },
    fc.record({ kind: fc.constant("neverRun" as const), provider, on }),
    fc.record({
      kind: fc.constant("exits" as const),
      provider,
      afterSeconds: fc.constantFrom(null, 30, 200),
    }),
    fc.record({ kind: fc.constant("lag" as const), provider, seconds: fc.constantFrom(0, 30, 240, 420) }),
    fc.record({
      kind: fc.constant("stop" as const),
      how: fc.constantFrom("exited" as const, "preempted" as const, "failed" as const),
    }),
    fc.constant({ kind: "silence" as const }),
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("stuck" as const), on }) },
    fc.record({ kind: fc.constant("sold" as const), provider }),
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant("user" as const),
        does: fc.constantFrom("pause" as const, "resume" as const, "cancel" as const, "delete" as const),
        search: provider,
      }),
    },
    ...(lies ? [fc.record({ kind: fc.constant("lies" as const), provider, on })] : []),
  );

interface History {
  /** Two of all the providers. */
  providers: ProviderName[];
  budgets: [number, number];
  /** Weight steps of each, two a minute. */
  steps: [number, number];
  happenings: Happening[];
}

const history = (lies: boolean): fc.Arbitrary<History> =>
  fc.record({
    providers: fc.shuffledSubarray(providerNames, { minLength: 2, maxLength: 2 }),
    // From less than a machine's least to more than it takes.
    budgets: fc.tuple(fc.constantFrom(0.1, 0.4, 3), fc.constantFrom(0.3, 0.6, 3)),
    steps: fc.tuple(fc.constantFrom(6, 140), fc.constantFrom(6, 60)),
    happenings: fc.array(happening(lies), { minLength: 3, maxLength: 16 }),
  });

const offersOf = (name: string, price: number) =>
  [0, 1, 2].map((index) => ({
    id: `${name}-${index}`,
    gpu: index === 0 ? "RTX 4090" : "RTX 3090",
    gpuMemoryGb: 24,
    priceUsdPerHour: price + 0.1 * index,
    host: `${name}-host-${index}`,
    location: "EU",
    capacity: 50,
  }));

const cloudOf = (name: string, price: number, bootSeconds: number): FakeCloud =>
  new FakeCloud({ now: () => Date.now(), offers: offersOf(name, price), bootSeconds, key: `key-of-${name}` });

const foreign = ["nas-other234-aaaaaaaaaaaaaaaa-1-t1893456000", "somebody-elses", "nas-"];

async function happen(world: World, searches: string[], one: Happening): Promise<void> {
  const fakeOf = (index: 0 | 1): ProviderFake["cloud"] => {
    const fake = world.fakes[index];
    if (fake === undefined) throw new RangeError("no such provider");
    return fake.cloud;
  };
  switch (one.kind) {
    case "minutes":
      for (let count = 0; count < one.count; count++) await world.minute();
      return;
    case "cut":
      return world.minute(one.calls);
    case "once":
      {
        const { once } = fakeOf(one.provider).faults;
        once[one.operation] = [...(once[one.operation] ?? []), one.fault];
      }
      return;
    case "neverRun":
      fakeOf(one.provider).faults.neverRun = one.on;
      return;
    case "exits":
      fakeOf(one.provider).faults.exitsAfterSeconds = one.afterSeconds;
      return;
    case "lag":
      fakeOf(one.provider).faults.listLagSeconds = one.seconds;
      return;
    case "lies":
      fakeOf(one.provider).faults.deletesLie = one.on;
      return;
    case "stop": {
      const machine = world.live("nas-").find(({ name }) => !foreign.includes(name));
      if (machine !== undefined)
        for (const { cloud } of world.fakes)
          if (cloud.machines.includes(machine)) cloud.stop(machine.id, one.how);
      return;
    }
    case "silence":
      for (const { id } of world.live("nas-")) world.silent.add(id);
      return;
    case "stuck":
      world.isStuck = one.on;
      return;
    case "sold":
      for (const offer of fakeOf(one.provider).offers) offer.capacity = Math.min(offer.capacity, 1);
      return;
    case "user": {
      const id = searches[one.search];
      await (one.does === "delete"
        ? world.admin(`/v1/searches/${id}`, { method: "DELETE" })
        : world.admin(`/v1/searches/${id}/${one.does}`, { method: "POST" }));
      return;
    }
  }
}

/** The faults end; what is not over goes on until it is, or waits for money and is cancelled. */
async function settle(world: World, searches: string[]): Promise<Record<string, string>> {
  world.isStuck = false;
  for (const { cloud } of world.fakes) {
    cloud.faults.once = {};
    Object.assign(cloud.faults, {
      neverRun: false,
      exitsAfterSeconds: null,
      deletesLie: false,
      listLagSeconds: 0,
    });
    for (const offer of cloud.offers) offer.capacity = 50;
  }
  for (const id of searches) await world.admin(`/v1/searches/${id}/resume`, { method: "POST" });
  const outcomes: Record<string, string> = {};
  for (let count = 0; count < 240; count++) {
    await world.minute();
    for (const id of searches) outcomes[id] = await outcomeOf(world, id);
    if (Object.values(outcomes).every((outcome) => outcome !== "open")) break;
  }
  for (const id of searches) await world.admin(`/v1/searches/${id}/cancel`, { method: "POST" });
  for (let count = 0; count < 40; count++) {
    await world.minute();
    if ((await open(world)) === 0) break;
  }
  // The providers' own accounts come later.
  for (let hour = 0; hour < 3; hour++) {
    world.advance(61);
    await world.run();
  }
  return outcomes;
}

const open = async (world: World): Promise<number> => {
  const rows = await rowsOf<Instance>(world.env.DB, "instances");
  return rows.filter(({ state }) => state !== "ended").length;
};

/** What became of a search, or why it waits. */
async function outcomeOf(world: World, id: string): Promise<string> {
  const response = await world.admin(`/v1/searches/${id}`);
  if (response.status === 404) return "deleted";
  const { state, failure } = (await response.json()) as { state: string; failure: string | null };
  if (["completed", "cancelled"].includes(state)) return state;
  if (state === "failed") return failure === null ? "open" : `failed: ${failure}`;
  const hire = await world.env.DB.prepare("SELECT problem FROM hires WHERE search_id = ?")
    .bind(id)
    .first<string>("problem");
  return hire === "budget" ? "waits: budget" : "open";
}

async function check(lies: boolean, { providers, budgets, steps, happenings }: History): Promise<void> {
  await empty(env.DB);
  const fakes = providers.map((name, index) =>
    fakeRowOf(name).make(cloudOf(name, 0.4 + 0.1 * index, 90 + 60 * index)),
  );
  const world = await World.make({ fakes });
  for (const { cloud } of fakes)
    for (const name of foreign)
      cloud.launch(cloud.offers[0]?.id ?? "", {
        name,
        image: "i",
        env: {},
        userData: null,
        interruptible: false,
      });
  const searches = [
    await world.createSearch(budgets[0], steps[0], { providers }),
    await world.createSearch(budgets[1], steps[1], { providers }),
  ];
  for (const one of happenings) await happen(world, searches, one);
  const outcomes = await settle(world, searches);
  const prefix = `nas-${await deploymentOf(world.env)}-`;

  expect(world.live(prefix), "nothing runs").toEqual([]);
  for (const { cloud } of fakes)
    expect(
      cloud.machines.filter(({ name, deletedAt }) => foreign.includes(name) && deletedAt !== null),
      "nobody else's machine was touched",
    ).toEqual([]);
  for (const [index, id] of searches.entries()) {
    const billed = lies ? world.billedUntilToldUsd(id) : world.billedUsd(id);
    const what = lies ? "no search cost more before its machines were told to end" : "no search cost more";
    expect(billed, `${what} than its budget`).toBeLessThanOrEqual((budgets[index] ?? 0) + 1e-6);
  }
  await stuckIsTold(world, searches);
  for (const [id, outcome] of Object.entries(outcomes))
    expect(outcome, `search ${id} has its end or its reason`).not.toBe("open");
  await accountsAddUp(world, prefix);
}

/** A machine that was told so often to end, and did not, is an event of its search, if that is still there. */
async function stuckIsTold(world: World, searches: string[]): Promise<void> {
  const rows = await rowsOf<Instance>(world.env.DB, "instances");
  const events = await rowsOf<{ searchId: string; type: string; data: string }>(world.env.DB, "events");
  const told = events
    .filter(({ type }) => type === "instance.stuck")
    .map(({ data }) => (JSON.parse(data) as { instanceId: string }).instanceId);
  const there = (await rowsOf<{ id: string }>(world.env.DB, "searches")).map(({ id }) => id);
  for (const { id, name, searchId, terminations } of rows)
    if (terminations >= terminationsUntilStuck && searches.includes(searchId) && there.includes(searchId))
      expect(told, `${name} did not end, and it is told`).toContain(id);
}

/** Every machine's entries add up to what it was billed: exactly where the provider tells, and never less where not. */
async function accountsAddUp(world: World, prefix: string): Promise<void> {
  const rows = await rowsOf<Instance>(world.env.DB, "instances");
  const entries = await rowsOf<Entry>(world.env.DB, "ledger");
  const sum = (id: string, ...kinds: string[]) =>
    entries
      .filter(({ instanceId, kind }) => instanceId === id && kinds.includes(kind))
      .reduce((total, { microUsd }) => total + microUsd, 0);
  for (const row of rows) {
    expect(sum(row.id, "reserved"), "nothing stays set aside").toBe(0);
    expect(sum(row.id, "accrued", "settled"), "the row and the ledger agree").toBe(
      row.accruedMicroUsd + row.settledMicroUsd,
    );
  }
  for (const { cloud } of world.fakes)
    for (const machine of cloud.machines.filter(({ name }) => name.startsWith(prefix))) {
      const own = rows.filter(
        ({ name, machineId }) =>
          name === machine.name || (machineId === machine.id && name.startsWith(machine.name)),
      );
      const booked = own.reduce(
        (total, { accruedMicroUsd, settledMicroUsd }) => total + accruedMicroUsd + settledMicroUsd,
        0,
      );
      expect(
        booked - 1e6 * cloud.billedUsd(machine),
        `every cent of ${machine.name} is in the ledger`,
      ).toBeGreaterThan(-10);
    }
}

const parameters = { seed, numRuns: Math.ceil(histories / 2), endOnFailure: false };
const limitMs = 3_600_000;

describe("whatever happens", () => {
  test(
    "in the end no machine runs, no budget is passed, nobody else's machine is touched, every cent is booked and every search has its end or its reason",
    () =>
      fc.assert(
        fc.asyncProperty(history(false), (one) => check(false, one)),
        parameters,
      ),
    limitMs,
  );

  test(
    "all of it holds where deletes are answered and not done, the budget until each machine is told to end, and one that does not end is told",
    () =>
      fc.assert(
        fc.asyncProperty(history(true), (one) => check(true, one)),
        { ...parameters, seed: seed + 1 },
      ),
    limitMs,
  );
});

test("a history without faults ends with both searches completed, for what their machines cost", async () => {
  await check(false, {
    providers: ["runpod", "vast"],
    budgets: [3, 3],
    steps: [6, 6],
    happenings: [{ kind: "minutes", count: 6 }],
  });
  const searches = await rowsOf<{ state: string }>(env.DB, "searches");
  expect(searches.map(({ state }) => state)).toEqual(["completed", "completed"]);
});
