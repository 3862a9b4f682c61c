/** Who worked on a search, and where. */

import { beforeAll, expect, test } from "vitest";
import {
  anonymous,
  type Caller,
  callerWith,
  createSearch,
  env,
  finishRounds,
  leaseOf,
  leaseRound,
  ok,
  problemOf,
  registerRunner,
  tokenWith,
} from "./testEdge.ts";

interface Timeline {
  runners: { id: string; name: string; backend: string }[];
  leases: { trainingId: string | null; runnerId: string; isHeld: boolean; expiresAt: string | null }[];
  checkpoints: { round: number; trainingId: string | null }[];
}

let admin: Caller;
beforeAll(async () => {
  admin = callerWith(await tokenWith("admin"));
});

const timelineOf = (id: string) => ok<Timeline>(admin(`/v1/searches/${id}/timeline`));

async function runnerEvents(id: string) {
  const { data } = await ok<{ data: { type: string; data: Record<string, unknown> }[] }>(
    admin(`/v1/searches/${id}/events?limit=200`),
  );
  return data.filter(({ type }) => type.startsWith("runner.")).map(({ type, data: facts }) => [type, facts]);
}

test("a runner joins once for all of its rounds, leaves, and another joins where one was lost", async () => {
  const [first, second] = [await registerRunner(admin), await registerRunner(admin)];
  const id = await createSearch(admin);
  const lease = await leaseRound(admin, first, id);
  await leaseRound(admin, first, id);
  expect(await runnerEvents(id)).toEqual([["runner.joined", { runnerId: first }]]);
  expect((await timelineOf(id)).leases).toMatchObject([{ trainingId: null, runnerId: first, isHeld: true }]);
  const held = await leaseRound(admin, first, id);
  await ok(admin(`/v1/tasks/${lease.task.taskId}/release`, { body: { leaseId: held.leaseId } }));
  expect((await timelineOf(id)).leases).toMatchObject([{ isHeld: false, expiresAt: null }]);
  await leaseRound(admin, first, id);
  await env.DB.prepare("UPDATE leases SET expires_at = 1 WHERE resource = ?").bind(id).run();
  await leaseRound(admin, second, id);
  expect(await runnerEvents(id)).toEqual([
    ["runner.joined", { runnerId: first }],
    ["runner.left", { runnerId: first }],
    ["runner.joined", { runnerId: first }],
    ["runner.lost", { runnerId: first }],
    ["runner.joined", { runnerId: second }],
  ]);
  const { runners } = await timelineOf(id);
  expect(runners.map((runner) => runner.id).sort()).toEqual([first, second].sort());
  expect(runners[0]).toMatchObject({ name: "test", backend: "wasm" });
});

test("a training is joined by itself, and is told apart from the rounds", async () => {
  const runnerId = await registerRunner(admin);
  const id = await createSearch(admin);
  const lease = await finishRounds(admin, await leaseOf(admin, runnerId, id));
  if (lease?.task.kind !== "finalTraining") throw new Error("no training came");
  const { trainingId } = lease.task;
  expect(await runnerEvents(id)).toEqual([
    ["runner.joined", { runnerId }],
    ["runner.joined", { runnerId, trainingId }],
  ]);
  const { leases } = await timelineOf(id);
  expect(leases).toMatchObject([{ trainingId, runnerId, isHeld: true }]);
});

test("a search that nobody took has an empty timeline; it is not shown without a token", async () => {
  const id = await createSearch(admin, { visibility: "public" });
  expect(await timelineOf(id)).toEqual({ runners: [], leases: [], instances: [], checkpoints: [] });
  expect(await problemOf(anonymous(`/v1/searches/${id}/timeline`))).toBe("401 unauthorized");
  expect(await problemOf(admin("/v1/searches/nothing/timeline"))).toBe("404 not-found");
});
