import { beforeAll, describe, expect, test } from "vitest";
import type { SpecificationInput } from "../shared/specification.ts";
import {
  anonymous,
  type Caller,
  callerWith,
  finishSearch,
  leaseOf,
  ok,
  problemOf,
  registerRunner,
  tinySpecification,
  tokenWith,
} from "./testEdge.ts";

let admin: Caller;
let runnerId: string;

beforeAll(async () => {
  admin = callerWith(await tokenWith("admin"));
  runnerId = await registerRunner(admin);
});

interface Campaign {
  id: string;
  isOver: boolean;
  spent: { gpuHours: number };
  searches: {
    id: string;
    name: string;
    state: string;
    place: { seed?: number; targets?: Record<string, number> };
    progress: { round: number };
  }[];
}
interface Row {
  searchId: string;
  hash: string;
  compared: string;
  evidence: string;
  place: { seed?: number };
  values: { accuracy: number; parameters: number };
}

const { name: _, ...search } = tinySpecification;
/** 20 rounds, of two seconds as the reports have it. */
const longer: Partial<SpecificationInput> = {
  ...search,
  schedule: {
    ...(tinySpecification.schedule as object),
    stages: [{ layers: 3, channels: 4, steps: 40, warmupSteps: 2, drop: { normal: 1, reduction: 1 } }],
  } as SpecificationInput["schedule"],
};
const seconds = (count: number) => ({ gpuHours: count / 3600 });

const create = (change: Record<string, unknown> = {}): Promise<Campaign> =>
  ok(admin("/v1/campaigns", { body: { name: "c", search, grid: { seeds: [1, 2] }, ...change } }));
const read = (id: string): Promise<Campaign> => ok(admin(`/v1/campaigns/${id}`));
const frontOf = async (id: string, call = admin): Promise<Row[]> =>
  (await ok<{ data: Row[] }>(call(`/v1/campaigns/${id}/front`))).data;
const idsOf = ({ searches }: Campaign): [string, string] => [searches[0]?.id ?? "", searches[1]?.id ?? ""];

const finish = (searchId: string, accuracies?: number[]): Promise<void> =>
  finishSearch(admin, runnerId, searchId, accuracies);

describe("a campaign", () => {
  test("starts a search for each place of its grid, each with its place, listed in order", async () => {
    const response = await admin("/v1/campaigns", {
      body: { name: "sizes", search, grid: { targets: { parameters: [2e6, 3e6] }, seeds: [1, 2] } },
    });
    expect(response.status).toBe(201);
    const campaign = (await response.json()) as Campaign;
    expect(response.headers.get("location")).toBe(`/v1/campaigns/${campaign.id}`);
    expect(campaign.searches.map(({ place }) => [place.targets?.parameters, place.seed])).toEqual([
      [2e6, 1],
      [2e6, 2],
      [3e6, 1],
      [3e6, 2],
    ]);
    const own = await ok<{ campaignId: string; specification: SpecificationInput }>(
      admin(`/v1/searches/${campaign.searches[3]?.id}`),
    );
    expect(own).toMatchObject({ campaignId: campaign.id, specification: { seed: 2 } });
    expect(own.specification.objectives?.[1]?.target).toBe(3e6);
    expect(await read(campaign.id)).toEqual(campaign);
    const { data } = await ok<{ data: { id: string }[] }>(admin("/v1/campaigns"));
    expect(data[0]?.id).toBe(campaign.id);
  });

  test("with anything wrong in any of its searches starts none, and points at the values behind it", async () => {
    const before = (await ok<{ data: unknown[] }>(admin("/v1/searches?limit=200"))).data.length;
    const answer = await admin("/v1/campaigns", {
      body: {
        name: "c",
        search: { ...search, colour: "red" },
        grid: { targets: { parameters: [2e6, 1] }, datasets: ["cifar10", "nowhere"] },
      },
    });
    expect(answer.status).toBe(422);
    const { errors } = (await answer.json()) as { errors: { pointer: string }[] };
    expect(errors.map(({ pointer }) => pointer)).toEqual(["/search/colour"]);
    const second = await admin("/v1/campaigns", {
      body: {
        name: "c",
        search,
        grid: { targets: { parameters: [2e6, 1] }, datasets: ["cifar10", "nowhere"] },
      },
    });
    const found = ((await second.json()) as { errors: { pointer: string; detail: string }[] }).errors;
    expect(found.map(({ pointer }) => pointer).sort()).toEqual([
      "/grid/datasets/1",
      "/grid/targets/parameters/1",
    ]);
    expect((await ok<{ data: unknown[] }>(admin("/v1/searches?limit=200"))).data.length).toBe(before);
  });

  test("is started once for one Idempotency-Key", async () => {
    const headers = { "idempotency-key": "one" };
    const body = { name: "c", search, grid: { seeds: [5] } };
    const [first, second] = [
      await ok<Campaign>(admin("/v1/campaigns", { body, headers })),
      await ok<Campaign>(admin("/v1/campaigns", { body, headers })),
    ];
    expect(second.id).toBe(first.id);
  });

  test("shares its runner time evenly, and never spends more than it by more than the rounds that end it", async () => {
    const campaign = await create({ search: longer, budget: seconds(21) });
    const [first, second] = idsOf(campaign);
    await finish(first);
    const halfway = await read(campaign.id);
    // Half is its share; the rounds in which it passes that, ends and confirms come on top.
    expect(halfway.spent.gpuHours * 3600).toBeCloseTo(16);
    await finish(second);
    const { spent, isOver } = await read(campaign.id);
    expect(isOver).toBe(true);
    expect(spent.gpuHours * 3600).toBeCloseTo(26);
  });

  test("gives what an ended search left over to the others", async () => {
    const campaign = await create({ search: longer, budget: seconds(21) });
    const [first, second] = idsOf(campaign);
    await ok(admin(`/v1/searches/${first}/cancel`, { method: "POST" }));
    await finish(second);
    expect((await read(campaign.id)).spent.gpuHours * 3600).toBeCloseTo(26);
  });

  test("compares trained networks across its searches, and what shared weights say within one only", async () => {
    const campaign = await create({
      search: { ...search, reranking: { architectures: 2, rungs: [{ steps: 5 }] } },
    });
    const [first, second] = idsOf(campaign);
    await finish(first, [90, 89]);
    const alone = await frontOf(campaign.id);
    expect(alone.every((row) => row.compared === "all searches" && row.place.seed === 1)).toBe(true);
    await finish(second, [20, 19]);
    const rows = await frontOf(campaign.id);
    const bySearch = (id: string) => rows.filter(({ searchId }) => searchId === id);
    // What trained badly stays only where it is smaller than everything that trained well.
    const smallest = Math.min(...bySearch(first).map(({ values }) => values.parameters));
    for (const { values } of bySearch(second)) expect(values.parameters).toBeLessThan(smallest);

    const untrained = await create();
    for (const id of idsOf(untrained)) await finish(id);
    const shared = await frontOf(untrained.id);
    expect(shared.every(({ compared }) => compared === "own search")).toBe(true);
    for (const id of idsOf(untrained)) {
      const { data } = await ok<{ data: Row[] }>(admin(`/v1/searches/${id}/front`));
      expect(
        shared
          .filter(({ searchId }) => searchId === id)
          .map(({ hash }) => hash)
          .sort(),
      ).toEqual(data.map(({ hash }) => hash).sort());
    }
  });

  test("cancels what has not ended, and keeps the results of what has", async () => {
    const campaign = await create();
    const [first, second] = idsOf(campaign);
    await finish(first);
    const cancelled = await ok<Campaign>(admin(`/v1/campaigns/${campaign.id}/cancel`, { method: "POST" }));
    expect(cancelled.searches.map(({ state }) => state)).toEqual(["completed", "cancelled"]);
    expect(cancelled.isOver).toBe(true);
    expect(await leaseOf(admin, runnerId, second)).toBeNull();
    expect((await frontOf(campaign.id)).length).toBeGreaterThan(0);
    const { data } = await ok<{ data: { type: string }[] }>(admin(`/v1/searches/${second}/events`));
    expect(data.at(-1)?.type).toBe("search.cancelled");
  });

  test("is seen without a token only where it is public, and then without a search made private since", async () => {
    const hidden = await create();
    expect(await problemOf(anonymous(`/v1/campaigns/${hidden.id}`))).toBe("401 unauthorized");
    const shown = await create({ search: { ...search, visibility: "public" } });
    expect((await ok<Campaign>(anonymous(`/v1/campaigns/${shown.id}`))).searches).toHaveLength(2);
    const [first] = idsOf(shown);
    await ok(
      admin(`/v1/searches/${first}`, {
        method: "PATCH",
        body: { visibility: "private" },
        headers: { "if-match": "*" },
      }),
    );
    expect((await ok<Campaign>(anonymous(`/v1/campaigns/${shown.id}`))).searches).toHaveLength(1);
    expect(await problemOf(callerWith(await tokenWith("searches:read"))("/v1/campaigns/none"))).toBe(
      "404 not-found",
    );
    const reader = callerWith(await tokenWith("searches:read"));
    expect(await problemOf(reader("/v1/campaigns", { body: {} }))).toBe("403 forbidden");
  });
});
