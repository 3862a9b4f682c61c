/** What the API tells of waiting, trouble and spending by day. */

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { FakeCloud } from "../../test/fakes/cloud.ts";
import { runpodFake } from "../../test/fakes/runpod.ts";
import { env, ok } from "../testEdge.ts";
import { empty, World } from "./world.testing.ts";

interface Alerts {
  waiting: { searchId: string; problem: string; detail: string }[];
  data: { searchId: string; type: string; text: string }[];
}
interface Days {
  data: { day: string; searchId: string; spentUsd: number }[];
}

let cloud: FakeCloud;
let world: World;
const alerts = () => ok<Alerts>(world.admin("/v1/alerts"));

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  vi.spyOn(console, "error").mockImplementation(() => {});
  await empty(env.DB);
  cloud = new FakeCloud({
    now: () => Date.now(),
    offers: [
      {
        id: "secure-1",
        gpu: "RTX 4090",
        gpuMemoryGb: 24,
        priceUsdPerHour: 0.4,
        host: "h",
        location: "EU",
        capacity: 5,
      },
    ],
    bootSeconds: 90,
    key: "key-of-runpod",
  });
  world = await World.make({ fakes: [runpodFake(cloud)] });
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

test("a search that waits is told with why, as an alert from then on, and no longer once it has its machine", async () => {
  cloud.faults.once.launch = [{ kind: "balance" }];
  const searchId = await world.createSearch(3, 200);
  await world.minute();
  const during = await alerts();
  expect(during.waiting).toMatchObject([{ searchId, problem: "balance" }]);
  expect(during.data).toMatchObject([
    { searchId, type: "rental.waiting", text: expect.stringContaining("waits for a machine (balance)") },
  ]);
  for (let minute = 0; minute < 30; minute++) await world.minute();
  const after = await alerts();
  expect(after.waiting).toEqual([]);
  expect(after.data.map(({ type }) => type)).toContain("rental.waiting");
});

test("what is spent is told by day and search, and nothing that is only set aside", async () => {
  const searchId = await world.createSearch(3, 200);
  for (let minute = 0; minute < 30; minute++) await world.minute();
  const { data } = await ok<Days>(world.admin("/v1/budgets/days?days=2"));
  expect(data.every((row) => row.searchId === searchId)).toBe(true);
  const { spentUsd } = await ok<{ spentUsd: number }>(world.admin(`/v1/searches/${searchId}/budget`));
  const sum = data.reduce((total, row) => total + row.spentUsd, 0);
  expect(sum).toBeGreaterThan(0);
  expect(sum).toBeLessThanOrEqual(spentUsd);
  expect((await world.admin("/v1/budgets/days?days=93")).status).toBe(422);
});
