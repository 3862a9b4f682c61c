import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import {
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
  report,
  reportFor,
  tokenWith,
} from "./testEdge.ts";

interface Token {
  id: string;
  name: string;
  token: string;
  createdBy: string;
  expiresAt: string | null;
  lastUsedAt: string | null;
  revokedAt: string | null;
}

let admin: Caller;
const minuteMs = 60_000;

beforeAll(async () => {
  admin = callerWith(await tokenWith("admin"));
});
afterEach(() => vi.useRealTimers());

const newTokenOf = (body: object): Promise<Token> =>
  ok(admin("/v1/tokens", { body: { name: "t", scopes: ["searches:read"], ...body } }));
const read = (id: string): Promise<Token> => ok(admin(`/v1/tokens/${id}`));

/** Sets the clock, for the edge, too: it runs in this isolate. */
function setClock(time: number): void {
  vi.useFakeTimers({ toFake: ["Date"], now: time });
}

describe("a token", () => {
  test("that has expired is refused, and says when it did", async () => {
    const expiresAt = new Date(Date.now() + minuteMs).toISOString();
    const { id, token } = await newTokenOf({ expiresAt });
    const call = callerWith(token);
    expect((await call("/v1/searches")).status).toBe(200);
    setClock(Date.parse(expiresAt) - 1);
    expect((await call("/v1/searches")).status).toBe(200);
    setClock(Date.parse(expiresAt));
    const refused = await call("/v1/searches");
    expect(refused.status).toBe(401);
    expect(((await refused.json()) as { detail: string }).detail).toContain(expiresAt);
    expect(await read(id)).toMatchObject({ expiresAt, revokedAt: null });
  });

  test("expires in the future, at a time that exists", async () => {
    const past = new Date(Date.now() - 1).toISOString();
    for (const expiresAt of [past, "2020-01-01T00:00:00Z", "tomorrow", "2999-02-30T00:00:00Z", "", 1, null])
      expect([
        expiresAt,
        await problemOf(admin("/v1/tokens", { body: { name: "t", scopes: ["admin"], expiresAt } })),
      ]).toEqual([expiresAt, "422 validation"]);
    const { expiresAt } = await newTokenOf({ expiresAt: "2999-01-01T02:00:00+02:00" });
    expect(expiresAt).toBe("2999-01-01T00:00:00.000Z");
  });

  test("says who made it, and never its hash", async () => {
    const maker = await newTokenOf({ scopes: ["admin"] });
    const response = await callerWith(maker.token)("/v1/tokens", { body: { name: "t", scopes: ["runner"] } });
    const made = (await response.json()) as Token;
    expect(made.createdBy).toBe(maker.id);
    expect(response.headers.get("location")).toBe(`/v1/tokens/${made.id}`);
    const shown = JSON.stringify([await read(made.id), await ok(admin("/v1/tokens"))]);
    const hash = await env.DB.prepare("SELECT hash FROM tokens WHERE id = ?")
      .bind(made.id)
      .first<string>("hash");
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(shown).toContain(made.id);
    expect(shown).not.toContain(hash);
    expect(shown).not.toContain(made.token);
  });

  test("shows its last use, which is written at most once in 5 minutes", async () => {
    const start = Date.now();
    const { id, token } = await newTokenOf({});
    const call = callerWith(token);
    const lastUse = async () => (await read(id)).lastUsedAt;
    const at = (time: number) => new Date(time).toISOString();
    expect(await lastUse()).toBeNull();
    setClock(start + minuteMs);
    await Promise.all([call("/v1/searches"), call("/v1/searches")]);
    await expect.poll(lastUse).toBe(at(start + minuteMs));
    setClock(start + 6 * minuteMs - 1);
    await call("/v1/searches");
    setClock(start + 6 * minuteMs);
    expect(await lastUse()).toBe(at(start + minuteMs));
    await call("/v1/searches");
    await expect.poll(lastUse).toBe(at(start + 6 * minuteMs));
  });

  test("is refused from the moment that it is revoked, and revoking it again changes nothing", async () => {
    const { id, token } = await newTokenOf({});
    const call = callerWith(token);
    expect((await call("/v1/searches")).status).toBe(200);
    const first = await ok<Token>(admin(`/v1/tokens/${id}`, { method: "DELETE" }));
    expect(await problemOf(call("/v1/searches"))).toBe("401 unauthorized");
    setClock(Date.now() + minuteMs);
    const second = await ok<Token>(admin(`/v1/tokens/${id}`, { method: "DELETE" }));
    expect(second).toEqual(first);
    expect(second.revokedAt).not.toBeNull();
    expect(await problemOf(admin("/v1/tokens/aaaa", { method: "DELETE" }))).toBe("404 not-found");
  });

  test("has a name without control characters", async () => {
    for (const name of ["", "a\u0000b", "a\nb", "\u001b[2J", "x".repeat(121), 1, null])
      expect(await problemOf(admin("/v1/tokens", { body: { name, scopes: ["admin"] } }))).toBe(
        "422 validation",
      );
    expect((await newTokenOf({ name: "Größe 漢字 🙂" })).name).toBe("Größe 漢字 🙂");
  });
});

test("the list goes page by page through all tokens, newest first", async () => {
  // Made in the same millisecond, some of them.
  const made = await Promise.all(
    Array.from({ length: 5 }, (_, index) => newTokenOf({ name: `page-${index}` })),
  );
  const seen: Token[] = [];
  let cursor: string | null = null;
  do {
    const query: string = cursor === null ? "" : `&cursor=${cursor}`;
    const page = await ok<{ data: (Token & { createdAt: string })[]; nextCursor: string | null }>(
      admin(`/v1/tokens?limit=2${query}`),
    );
    expect(page.data.length).toBeLessThanOrEqual(2);
    seen.push(...page.data);
    cursor = page.nextCursor;
  } while (cursor !== null);
  const ids = seen.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids).toEqual(expect.arrayContaining(made.map(({ id }) => id)));
  const times = seen.map((token) => (token as unknown as { createdAt: string }).createdAt);
  expect(times).toEqual([...times].sort().reverse());
});

describe("a token bound to a search", () => {
  const boundTo = async (searchId: string, rest: object = {}): Promise<Caller> =>
    callerWith((await newTokenOf({ scopes: ["runner"], searchId, ...rest })).token);

  test("does all of that search's work", async () => {
    const searchId = await createSearch(admin);
    await createSearch(admin);
    const bound = await boundTo(searchId);
    const runnerId = await registerRunner(bound);
    const leased = await ok<{ lease: Parameters<typeof finishRounds>[1] }>(
      bound("/v1/tasks/lease", { body: { runnerId } }),
    );
    expect(leased.lease?.task.searchId).toBe(searchId);
    const training = await finishRounds(bound, leased.lease);
    if (training === null) throw new Error("no training was leased");
    const heartbeat = await bound(`/v1/tasks/${training.task.taskId}/heartbeat`, {
      body: { leaseId: training.leaseId },
    });
    expect(heartbeat.status).toBe(200);
    expect((await bound(`/v1/searches/${searchId}/checkpoints`)).status).toBe(200);
    expect((await bound(`/v1/tasks?search=${searchId}`)).status).toBe(200);
  });

  test("is refused the work of another search, and told why", async () => {
    const [own, other] = [await createSearch(admin), await createSearch(admin, { visibility: "public" })];
    const runner = callerWith(await tokenWith("runner"));
    const otherRunner = await registerRunner(runner);
    const lease = await leaseRound(runner, otherRunner, other);
    const { task, leaseId } = lease;
    const { blobId } = await ok<{ blobId: string }>(
      runner("/v1/blobs", {
        body: { leaseId, purpose: "checkpoint", searchId: other, round: 0, fileName: "c", bytes: 1 },
      }),
    );
    const bound = await boundTo(own);
    const runnerId = await registerRunner(bound);
    const refused: [string, Parameters<Caller>[1]?][] = [
      ["/v1/tasks/lease", { body: { runnerId, searchId: other } }],
      [`/v1/tasks/${task.taskId}/report`, { body: reportFor(lease) }],
      [`/v1/tasks/${task.taskId}/heartbeat`, { body: { leaseId } }],
      [`/v1/tasks/${task.taskId}/release`, { body: { leaseId } }],
      ["/v1/tasks/aaaa-t/heartbeat", { body: { leaseId } }],
      [`/v1/tasks/${task.taskId}/dataset?leaseId=${leaseId}`],
      [`/v1/tasks?search=${other}`],
      ["/v1/blobs", { body: { leaseId, purpose: "checkpoint", searchId: other } }],
      [`/v1/blobs/${blobId}/parts/1`, { method: "PUT", body: new Uint8Array(1) }],
      [`/v1/blobs/${blobId}/complete`, { body: { leaseId, sha256: "0".repeat(64) } }],
      [`/v1/blobs/${blobId}`],
      [`/v1/searches/${other}/checkpoints`],
      [`/v1/searches/${other}/rounds/0/measurements`, { body: { candidate: 0, values: {} } }],
      ["/v1/searches"],
      [`/v1/searches/${own}`],
      [`/v1/searches/${own}/front`],
      [`/v1/searches/${other}`],
      [`/v1/searches/${other}`, { method: "HEAD" }],
      ["/v1/tokens"],
    ];
    for (const [path, call] of refused) {
      const response = await bound(path, call);
      expect([path, response.status]).toEqual([path, 403]);
      if (call?.method !== "HEAD")
        expect(((await response.json()) as { detail: string }).detail).toContain(
          `bound to the search "${own}"`,
        );
    }
    expect((await report(runner, task, reportFor(lease))).status).toBe(200);
  });

  test("has the scope runner alone, and a search that exists", async () => {
    const searchId = await createSearch(admin);
    const pointers = async (body: object) => {
      const response = await admin("/v1/tokens", { body: { name: "t", ...body } });
      expect(response.status).toBe(422);
      return ((await response.json()) as { errors: { pointer: string }[] }).errors.map(
        ({ pointer }) => pointer,
      );
    };
    expect(await pointers({ scopes: ["runner", "searches:read"], searchId, instance: "i" })).toEqual([
      "/searchId",
      "/instance",
    ]);
    expect(await pointers({ scopes: ["admin"], instance: "i" })).toEqual(["/instance"]);
    expect(await pointers({ scopes: ["runner"], searchId: "aaaa" })).toEqual(["/searchId"]);
  });

  test("gives its runners the name of its instance, and no other runner's work", async () => {
    const searchId = await createSearch(admin);
    const bound = await boundTo(searchId, { instance: "machine-7" });
    const runnerId = await registerRunner(bound);
    const name = await env.DB.prepare("SELECT name FROM runners WHERE id = ?")
      .bind(runnerId)
      .first<string>("name");
    expect(name).toBe("machine-7");
    const foreign = await registerRunner(callerWith(await tokenWith("runner")));
    expect(await problemOf(bound("/v1/tasks/lease", { body: { runnerId: foreign } }))).toBe(
      "409 unknown-runner",
    );
    expect(await leaseOf(bound, runnerId, searchId)).not.toBeNull();
  });
});
