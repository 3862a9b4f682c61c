import { beforeAll, expect, test } from "vitest";
import { retentionDays } from "./retention.ts";
import {
  type Caller,
  callerWith,
  createSearch,
  env,
  finishRounds,
  leaseOf,
  ok,
  problemOf,
  registerRunner,
  report,
  tokenWith,
  trainingReportFor,
} from "./testEdge.ts";
import { realPlatform } from "./webhooks/deliver.ts";
import { sweep } from "./webhooks/sweep.ts";

const dayMs = 86_400_000;
let admin: Caller;

beforeAll(async () => {
  admin = callerWith(await tokenWith("admin"));
});

const later = (days: number, setting?: string) =>
  sweep(setting === undefined ? env : { ...env, NASTURTIUM_RETENTION_DAYS: setting }, {
    ...realPlatform(),
    now: () => Date.now() + days * dayMs,
  });
const isThere = async (id: string) => (await admin(`/v1/searches/${id}`)).status === 200;

test("a search is removed with everything of it once it is over for as long as it is to be kept", async () => {
  const running = await createSearch(admin);
  const id = await createSearch(admin);
  const lease = await finishRounds(admin, await leaseOf(admin, await registerRunner(admin), id));
  if (lease === null) throw new Error("no training was leased");
  const blob = {
    leaseId: lease.leaseId,
    purpose: "export",
    trainingId: lease.task.taskId,
    fileName: "f",
    bytes: 3,
  };
  await admin("/v1/blobs", { body: blob });
  await later(40, "30");
  expect(await isThere(id)).toBe(true); // its final training is not over
  await ok(report(admin, lease.task, trainingReportFor(lease)));
  await later(40);
  await later(29, "30");
  expect(await isThere(id)).toBe(true);
  await later(31, "30");
  expect(await problemOf(admin(`/v1/searches/${id}`))).toBe("404 not-found");
  for (const table of ["rounds", "architectures", "trainings", "events", "blobs", "controller_states"]) {
    const left = await env.DB.prepare(`SELECT count(*) AS n FROM ${table} WHERE search_id = ?`)
      .bind(id)
      .first("n");
    expect([table, left]).toEqual([table, 0]);
  }
  expect(await isThere(running)).toBe(true);
  const { data } = await ok<{ data: { action: string }[] }>(admin(`/v1/audit?target=${id}`));
  expect(data.map(({ action }) => action)).toContain("search.expire");
});

test("only a whole number of days is one", () => {
  const days = (text?: string) =>
    retentionDays({ ...env, ...(text === undefined ? {} : { NASTURTIUM_RETENTION_DAYS: text }) });
  expect([days("1"), days("365")]).toEqual([1, 365]);
  for (const text of [undefined, "", "0", "-1", "1.5", "soon", "1e3"]) expect(days(text)).toBeNull();
});
