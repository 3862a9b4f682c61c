import { beforeAll, describe, expect, test } from "vitest";
import { oldestProtocolVersion, protocolHeader, protocolVersion } from "../shared/protocol.ts";
import { stateVersion } from "./controller/state.ts";
import { mismatchOf } from "./protocol.ts";
import {
  type Call,
  type Caller,
  callerWith,
  createSearch,
  env,
  leaseOf,
  leaseRound,
  ok,
  problemOf,
  registerRunner,
  report,
  reportFor,
  tokenWith,
} from "./testEdge.ts";

let admin: Caller;

beforeAll(async () => {
  admin = callerWith(await tokenWith("admin"));
});

const speaking =
  (version: number): Caller =>
  (path: string, call: Call = {}) =>
    admin(path, { ...call, headers: { ...call.headers, [protocolHeader]: String(version) } });
const tooOld = speaking(oldestProtocolVersion - 1);
const tooNew = speaking(protocolVersion + 1);

async function detailOf(answer: Promise<Response>): Promise<string> {
  return ((await (await answer).json()) as { detail: string }).detail;
}

describe("the range of protocol versions", () => {
  test("holds the current version and those back to the oldest that is understood", () => {
    for (const version of [4, 5, 6]) expect(mismatchOf(version, { oldest: 4, newest: 6 })).toBeUndefined();
  });

  test("refuses what lies outside of it, or is no number, and names the side to update and how", () => {
    expect(mismatchOf(3, { oldest: 4, newest: 6 })).toMatch(
      /version 3 .* versions 4 to 6\. The runner is too old: .*git pull/,
    );
    expect(mismatchOf(7, { oldest: 4, newest: 6 })).toMatch(
      /version 7 .* versions 4 to 6\. The Worker is too old: .*deploy/,
    );
    expect(mismatchOf(5, { oldest: 4, newest: 4 })).toContain("this deployment version 4.");
    expect(mismatchOf(Number.NaN, { oldest: 4, newest: 6 })).toContain("The runner is too old");
  });
});

describe("a runner of another protocol version", () => {
  test("cannot register, whichever side is older", async () => {
    const backend = { name: "wasm", versions: {}, threads: 1 };
    for (const [version, side] of [
      [oldestProtocolVersion - 1, "The runner is too old"],
      [protocolVersion + 1, "The Worker is too old"],
    ] as const) {
      const body = { protocolVersion: version, name: "other", backend };
      expect(await problemOf(admin("/v1/runners", { body }))).toBe("409 protocol-mismatch");
      expect(await detailOf(admin("/v1/runners", { body }))).toContain(side);
    }
  });

  test("is refused before its request is read, which may have another shape", async () => {
    for (const call of [tooOld, tooNew])
      expect(await problemOf(call("/v1/runners", { body: { unlike: "any" } }))).toBe("409 protocol-mismatch");
  });

  test("that registered before the upgrade is refused with whatever it asks next, but may give its task back for another to take", async () => {
    const id = await createSearch(admin);
    const runnerId = await registerRunner(admin);
    const lease = await leaseRound(admin, runnerId, id);
    const { taskId } = lease.task;
    const { leaseId } = lease;
    for (const call of [tooOld, tooNew]) {
      const answers = [
        call("/v1/tasks/lease", { body: { runnerId } }),
        call(`/v1/tasks/${taskId}/heartbeat`, { body: { leaseId } }),
        report(call, lease.task, reportFor(lease)),
        call(`/v1/tasks?search=${id}&fromRound=0`),
      ];
      for (const answer of answers) expect(await problemOf(answer)).toBe("409 protocol-mismatch");
    }
    expect(await ok(tooOld(`/v1/tasks/${taskId}/release`, { body: { leaseId } }))).toEqual({
      released: true,
    });
    const heir = await leaseOf(admin, await registerRunner(admin), id);
    expect(heir?.task).toEqual(lease.task);
  });
});

test("a search whose state a newer version wrote waits for that version, and its runners with it", async () => {
  const id = await createSearch(admin);
  const runnerId = await registerRunner(admin);
  const lease = await leaseRound(admin, runnerId, id);
  const setVersion = (version: number) =>
    env.DB.prepare("UPDATE controller_states SET state = json_set(state, '$.version', ?) WHERE search_id = ?")
      .bind(version, id)
      .run();
  await setVersion(stateVersion + 1);
  expect(await problemOf(report(admin, lease.task, reportFor(lease)))).toBe("503 newer-state");
  expect(await problemOf(admin(`/v1/searches/${id}/policy`))).toBe("503 newer-state");
  await setVersion(stateVersion);
  expect(await ok(report(admin, lease.task, reportFor(lease)))).toMatchObject({ accepted: true });
});
