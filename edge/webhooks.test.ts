import { createExecutionContext, createScheduledController, waitOnExecutionContext } from "cloudflare:test";
import { Webhook } from "standardwebhooks";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { webhookEvents } from "../shared/webhookEvents.ts";
import type { Env } from "./env.ts";
import worker from "./index.ts";
import { appendEvents } from "./store/events.ts";
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
  tinySpecification,
  tokenWith,
  trainingReportFor,
} from "./testEdge.ts";
import type { Platform } from "./webhooks/deliver.ts";
import { sweep } from "./webhooks/sweep.ts";

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const edge: Env = {
  ...env,
  NASTURTIUM_SECRET: "a long random value",
  NASTURTIUM_WEBHOOK_TIMEOUT_SECONDS: "0.05",
};
const url = "https://hooks.example.com/in";

interface Hook {
  id: string;
  secret: string;
  enabled: boolean;
  disabledReason: string | null;
  previousSecretUntil: string | null;
}
interface Delivery {
  id: string;
  type: string;
  state: string;
  searchId: string | null;
  nextAttemptAt: string | null;
  attempts: {
    at: string;
    status: number | null;
    durationMs: number;
    error: string | null;
    excerpt?: string;
  }[];
}
interface Received {
  url: string;
  redirect: string | undefined;
  headers: Record<string, string>;
  body: string;
  json: { type: string; timestamp: string; data: Record<string, unknown> };
}

type Answer = (request: Received, signal: AbortSignal) => Response | Promise<Response>;
const welcome: Answer = () => new Response("ok");

/** Everything outside the Worker: what was received, how it is answered, where names lead, and the time. */
const outside = {
  received: [] as Received[],
  answer: welcome,
  addresses: ["93.184.216.34"] as string[] | null,
  now: 0,
};

const call: typeof fetch = async (input, init) => {
  const address = String(input);
  if (address.startsWith("https://cloudflare-dns.com/")) {
    if (outside.addresses === null) throw new Error("no network");
    const type = address.endsWith("AAAA") ? 28 : 1;
    const Answer = type === 1 ? outside.addresses.map((data) => ({ type, data })) : [];
    return Response.json({ Status: 0, Answer });
  }
  const body = String(init?.body);
  const headers = Object.fromEntries(new Headers(init?.headers as HeadersInit).entries());
  const request = { url: address, redirect: init?.redirect, headers, body, json: JSON.parse(body) };
  outside.received.push(request);
  return outside.answer(request, init?.signal as AbortSignal);
};

const platform = (): Platform => ({
  call,
  now: () => outside.now,
  wait: async () => {},
  random: () => 0.5,
  resolve: async () => {
    if (outside.addresses === null) throw new Error("no network");
    return outside.addresses;
  },
});

/** A request, and what the Worker does after the answer. */
async function handled(request: Request, bindings = edge): Promise<Response> {
  const ctx = createExecutionContext();
  const response = await worker.fetch(request, bindings, ctx);
  await waitOnExecutionContext(ctx);
  return response;
}

let token: string;
let admin: Caller;
let runnerId: string;

beforeAll(async () => {
  token = await tokenWith("admin");
  admin = callerWith(token, handled);
  runnerId = await registerRunner(admin);
});

beforeEach(() => {
  vi.spyOn(globalThis, "fetch").mockImplementation(call);
  Object.assign(outside, { received: [], answer: welcome, addresses: ["93.184.216.34"], now: Date.now() });
});

afterEach(async () => {
  vi.restoreAllMocks();
  await env.DB.batch([
    env.DB.prepare("DELETE FROM webhooks"),
    env.DB.prepare("DELETE FROM webhook_deliveries"),
    env.DB.prepare("UPDATE searches SET state = 'cancelled' WHERE state IN ('queued', 'running', 'paused')"),
  ]);
});

const create = (change: Record<string, unknown> = {}): Promise<Hook> =>
  ok(admin("/v1/webhooks", { body: { url, ...change } }));
const read = (id: string): Promise<Hook> => ok(admin(`/v1/webhooks/${id}`));
const deliveriesOf = async (id: string, query = ""): Promise<Delivery[]> =>
  (await ok<{ data: Delivery[] }>(admin(`/v1/webhooks/${id}/deliveries${query}`))).data;
const sendTest = (id: string): Promise<Delivery> => ok(admin(`/v1/webhooks/${id}/test`, { method: "POST" }));
const replay = (id: string, delivery: string): Promise<Response> =>
  admin(`/v1/webhooks/${id}/deliveries/${delivery}/replay`, { method: "POST" });
const types = (): string[] => outside.received.map(({ json }) => json.type);
const append = (searchId: string, ...list: string[]): Promise<unknown> =>
  env.DB.batch(
    appendEvents(
      env.DB,
      searchId,
      list.map((type) => ({ type, data: {} })),
      outside.now,
    ),
  );
/** What happens later. */
async function later(ms: number): Promise<void> {
  outside.now += ms;
  await sweep(edge, platform());
}

describe("a webhook", () => {
  test("shows its secret when it is made and never again, and the database does not hold it", async () => {
    const hook = await create({ description: "team" });
    expect(hook.secret).toMatch(/^whsec_/);
    const list = await (await admin("/v1/webhooks")).text();
    expect(list).toContain(hook.id);
    const rows = await env.DB.prepare("SELECT * FROM webhooks WHERE id = ?").bind(hook.id).all();
    expect(rows.results).toHaveLength(1);
    for (const text of [list, JSON.stringify(await read(hook.id)), JSON.stringify(rows.results)])
      expect(text).not.toContain(hook.secret.slice("whsec_".length));
  });

  test("cannot be made where its secret could not be kept, and the problem says what to do", async () => {
    const { NASTURTIUM_SECRET: _, ...none } = edge;
    const bare = callerWith(token, (request) => handled(request, none));
    const answer = await bare("/v1/webhooks", { body: { url } });
    expect(answer.status).toBe(503);
    expect(await answer.text()).toContain("secret put NASTURTIUM_SECRET");
  });

  test("keeps its secret readable under the admin token when NASTURTIUM_SECRET is set later", async () => {
    const { NASTURTIUM_SECRET: _, ...none } = edge;
    const before = { ...none, NASTURTIUM_ADMIN_TOKEN: "first" };
    const early = callerWith("first", (request) => handled(request, before));
    const hook = await ok<Hook>(early("/v1/webhooks", { body: { url } }));
    const later = { ...before, NASTURTIUM_SECRET: "second" };
    await ok(
      callerWith("first", (request) => handled(request, later))(`/v1/webhooks/${hook.id}/test`, {
        method: "POST",
      }),
    );
    const [{ headers, body } = { headers: {}, body: "" }] = outside.received;
    expect(new Webhook(hook.secret).verify(body, headers)).toMatchObject({ type: "webhook.test" });
  });

  test("is for tokens that may write searches", async () => {
    const reader = callerWith(await tokenWith("searches:read"), handled);
    expect(await problemOf(reader("/v1/webhooks"))).toBe("403 forbidden");
    expect(await problemOf(reader("/v1/webhooks", { body: { url } }))).toBe("403 forbidden");
  });

  test("is refused with the field for events, searches and campaigns that do not exist, and odd descriptions", async () => {
    for (const wrong of [
      { description: "\u001b[2J" },
      { events: ["search.exploded"] },
      { events: ["*"] },
      { searchId: "none" },
      { campaignId: "none" },
    ])
      expect(await problemOf(admin("/v1/webhooks", { body: { url, ...wrong } }))).toBe("422 validation");
  });

  test("is refused for an address that is private, or of which nothing can be learnt", async () => {
    for (const wrong of ["http://hooks.example.com/", "https://127.0.0.1/", "https://localhost/"])
      expect(await problemOf(admin("/v1/webhooks", { body: { url: wrong } }))).toBe("422 validation");
    outside.addresses = ["10.0.0.1"];
    expect(await problemOf(admin("/v1/webhooks", { body: { url } }))).toBe("422 validation");
    outside.addresses = null;
    expect(await problemOf(admin("/v1/webhooks", { body: { url } }))).toBe("422 validation");
  });

  test("is changed only on top of what was read", async () => {
    const created = await admin("/v1/webhooks", { body: { url } });
    const etag = created.headers.get("etag") ?? "";
    const { id } = (await created.json()) as Hook;
    const change = (headers: Record<string, string>) =>
      admin(`/v1/webhooks/${id}`, { method: "PATCH", body: { description: "new" }, headers });
    expect(await problemOf(change({}))).toBe("428 precondition-required");
    expect(await ok(change({ "if-match": etag }))).toMatchObject({ description: "new", url, enabled: true });
    expect(await problemOf(change({ "if-match": etag }))).toBe("412 precondition-failed");
  });

  test("goes with everything that it was told", async () => {
    const { id } = await create();
    await sendTest(id);
    expect((await admin(`/v1/webhooks/${id}`, { method: "DELETE" })).status).toBe(204);
    expect(await problemOf(admin(`/v1/webhooks/${id}`))).toBe("404 not-found");
    expect(await problemOf(admin(`/v1/webhooks/${id}`, { method: "DELETE" }))).toBe("404 not-found");
    const kept = env.DB.prepare("SELECT 1 FROM webhook_deliveries WHERE webhook_id = ?").bind(id);
    expect(await kept.first()).toBeNull();
  });
});

describe("events", () => {
  test("of every public type reach the outbox, and no others", async () => {
    const searchId = await createSearch(admin);
    const { id } = await create();
    await append(searchId, ...webhookEvents, "search.created", "runner.lost", "training.progress");
    expect((await deliveriesOf(id)).map(({ type }) => type).sort()).toEqual([...webhookEvents].sort());
  });

  test("go to those who want them: by type, by beginning, by search and by campaign", async () => {
    const { name: _, ...search } = tinySpecification;
    const campaign = await ok<{ id: string; searches: { id: string }[] }>(
      admin("/v1/campaigns", { body: { name: "c", search, grid: { seeds: [1, 2] } } }),
    );
    const inside = campaign.searches[0]?.id ?? "";
    const alone = await createSearch(admin);
    const wishes = {
      type: { events: ["search.paused"] },
      group: { events: ["training.*", "search.paused"] },
      search: { searchId: alone },
      campaign: { campaignId: campaign.id },
      disabled: { enabled: false },
    };
    const told: Record<string, string[]> = {};
    const hooks = new Map<string, string>();
    for (const [name, wish] of Object.entries(wishes)) hooks.set(name, (await create(wish)).id);
    await append(inside, "search.paused", "training.failed");
    await append(alone, "search.paused", "front.improved");
    for (const [name, id] of hooks)
      told[name] = (await deliveriesOf(id))
        .map(({ type, searchId }) => `${searchId === alone ? "alone" : "inside"} ${type}`)
        .sort();
    expect(told).toEqual({
      type: ["alone search.paused", "inside search.paused"],
      group: ["alone search.paused", "inside search.paused", "inside training.failed"],
      search: ["alone front.improved", "alone search.paused"],
      campaign: ["inside search.paused", "inside training.failed"],
      disabled: [],
    });
  });

  test("of a whole search are told right after they happened, each once, as the log has them", async () => {
    await create();
    const searchId = await createSearch(admin);
    await ok(admin(`/v1/searches/${searchId}/pause`, { method: "POST" }));
    expect(types()).toEqual(["search.paused"]);
    await ok(admin(`/v1/searches/${searchId}/resume`, { method: "POST" }));
    const lease = await finishRounds(admin, await leaseOf(admin, runnerId, searchId));
    if (lease === null) throw new Error("no training was leased");
    await ok(report(admin, lease.task, trainingReportFor(lease)));
    const log = await ok<{ data: { sequence: number; type: string }[] }>(
      admin(`/v1/searches/${searchId}/events`),
    );
    const isPublic = ({ type }: { type: string }) => (webhookEvents as readonly string[]).includes(type);
    const key = (sequence: unknown, type: string) => `${sequence} ${type}`;
    const told = outside.received.map(({ json }) => key(json.data.sequence, json.type));
    expect(told.sort()).toEqual(
      log.data
        .filter(isPublic)
        .map(({ sequence, type }) => key(sequence, type))
        .sort(),
    );
    expect(types()).toContain("search.completed");
    const last = outside.received.find(({ json }) => json.type === "search.completed");
    expect(last?.json.data).toMatchObject({
      searchId,
      name: "tiny",
      progress: { evaluations: expect.any(Number), frontSize: expect.any(Number) },
      links: { search: `https://edge.test/v1/searches/${searchId}` },
    });
  });

  test("that did not happen are not told: a batch that a guard refuses leaves nothing in the outbox", async () => {
    const searchId = await createSearch(admin);
    const lease = await leaseRound(admin, runnerId, searchId);
    const { id } = await create();
    const answer = report(admin, lease.task, { ...reportFor(lease), leaseId: "lost" });
    expect(await problemOf(answer)).toBe("409 lease-lost");
    await ok(admin(`/v1/searches/${searchId}/cancel`, { method: "POST" }));
    expect(await problemOf(admin(`/v1/searches/${searchId}/pause`, { method: "POST" }))).toBe(
      "409 invalid-state",
    );
    expect((await deliveriesOf(id)).map(({ type }) => type)).toEqual(["search.cancelled"]);
  });
});

describe("a message", () => {
  test("is verified by the library of Standard Webhooks, and holds what the convention asks for", async () => {
    const { id, secret } = await create();
    const delivery = await sendTest(id);
    const [request] = outside.received;
    if (request === undefined) throw new Error("nothing was received");
    const { headers, body, json } = request;
    expect(new Webhook(secret).verify(body, headers)).toEqual(json);
    expect(headers["webhook-id"]).toBe(delivery.id);
    expect(headers["content-type"]).toBe("application/json");
    expect(json).toMatchObject({ type: "webhook.test", data: { webhookId: id } });
    expect(new Date(json.timestamp).toISOString()).toBe(json.timestamp);
    expect(() => new Webhook(secret).verify(`${body} `, headers)).toThrow();
  });

  test("is signed by the old secret too for 24 hours after a rotation, then by the new one only", async () => {
    const hook = await create();
    const rotated = await ok<Hook>(admin(`/v1/webhooks/${hook.id}/rotate`, { method: "POST" }));
    expect(rotated.secret).not.toBe(hook.secret);
    expect(rotated.previousSecretUntil).not.toBeNull();
    await sendTest(hook.id);
    const both = outside.received[0]?.headers ?? {};
    expect(both["webhook-signature"]?.split(" ")).toHaveLength(2);
    for (const { secret } of [hook, rotated])
      expect(() => new Webhook(secret).verify(outside.received[0]?.body ?? "", both)).not.toThrow();
    await env.DB.prepare(
      "UPDATE webhook_deliveries SET state = 'pending', next_attempt_at = 0 WHERE webhook_id = ?",
    )
      .bind(hook.id)
      .run();
    await later(24 * hour + minute);
    expect(outside.received[1]?.headers["webhook-signature"]?.split(" ")).toHaveLength(1);
  });

  test("to Slack and Discord has their form", async () => {
    for (const format of ["slack", "discord"]) await sendTest((await create({ format })).id);
    const [slack, discord] = outside.received.map(({ body }) => JSON.parse(body) as Record<string, unknown>);
    expect(Object.keys(slack ?? {})).toEqual(["text", "blocks"]);
    expect(discord).toMatchObject({ content: expect.any(String), allowed_mentions: { parse: [] } });
  });
});

describe("a delivery that fails", () => {
  test("is tried ten times at the convention's intervals under one webhook-id, then given up", async () => {
    const { id } = await create();
    const searchId = await createSearch(admin);
    outside.answer = () => new Response("x".repeat(1000), { status: 500 });
    await append(searchId, "search.completed");
    const start = outside.now;
    await later(0);
    for (let attempts = 1; attempts < 10; attempts++) {
      const [delivery] = await deliveriesOf(id);
      expect(delivery?.attempts).toHaveLength(attempts);
      const due = Date.parse(delivery?.nextAttemptAt ?? "");
      await later(due - 1 - outside.now);
      expect(outside.received).toHaveLength(attempts);
      await later(1);
    }
    const times = outside.received.map(({ headers }) => Number(headers["webhook-timestamp"]));
    const waits = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    expect(times[0]).toBe(Math.floor(start / 1000));
    for (const [index, hours] of [5 / 3600, 1 / 12, 1 / 2, 2, 5, 10, 14, 20, 24].entries())
      expect(Math.abs((waits[index] ?? 0) - hours * 3600)).toBeLessThanOrEqual(1);
    expect(new Set(outside.received.map(({ headers }) => headers["webhook-id"])).size).toBe(1);
    const [delivery] = await deliveriesOf(id, "?state=failed");
    expect(delivery).toMatchObject({ state: "failed", nextAttemptAt: null });
    expect(delivery?.attempts).toHaveLength(10);
    expect(delivery?.attempts[0]).toMatchObject({ status: 500, error: "It answered 500." });
    expect(delivery?.attempts[0]?.excerpt).toHaveLength(200);
    await later(1000 * hour);
    expect(outside.received).toHaveLength(10);
  });

  test("waits as long as Retry-After asks, a day at most", async () => {
    const searchId = await createSearch(admin);
    const { id } = await create();
    for (const [asked, waited] of [
      ["3600", hour],
      ["999999", 24 * hour],
    ] as const) {
      outside.answer = () => new Response(null, { status: 503, headers: { "retry-after": asked } });
      await append(searchId, "search.paused");
      await later(0);
      const [delivery] = await deliveriesOf(id);
      expect(Date.parse(delivery?.nextAttemptAt ?? "") - outside.now).toBe(waited);
      await env.DB.prepare("DELETE FROM webhook_deliveries").run();
    }
  });

  test("by a redirect is not sent to where it leads", async () => {
    const { id } = await create();
    outside.answer = () => Response.redirect("https://elsewhere.example.com/", 307);
    await sendTest(id);
    expect(outside.received.map((request) => request.url)).toEqual([url]);
    expect(outside.received[0]?.redirect).toBe("manual");
    const [delivery] = await deliveriesOf(id);
    expect(delivery).toMatchObject({ state: "pending", attempts: [{ status: 307 }] });
  });

  test("by taking too long is ended and tried again", async () => {
    const { id } = await create();
    outside.answer = (_, signal) =>
      new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    await sendTest(id);
    const [delivery] = await deliveriesOf(id);
    expect(delivery).toMatchObject({
      state: "pending",
      attempts: [{ status: null, error: "It did not answer within 0.05 s." }],
    });
  });

  test("by 410 disables its webhook with the reason and ends what else was to be sent, until it is enabled", async () => {
    const searchId = await createSearch(admin);
    const { id } = await create();
    outside.answer = () => new Response(null, { status: 500 });
    await append(searchId, "search.paused");
    await later(0);
    outside.answer = () => new Response(null, { status: 410 });
    const gone = await sendTest(id);
    expect(await read(id)).toMatchObject({
      enabled: false,
      disabledReason: `It answered 410 Gone to ${gone.id}.`,
    });
    expect((await deliveriesOf(id)).map(({ state }) => state)).toEqual(["failed", "failed"]);
    await append(searchId, "search.resumed");
    expect(await deliveriesOf(id)).toHaveLength(2);
    expect(await problemOf(replay(id, gone.id))).toBe("409 webhook-disabled");
    outside.answer = welcome;
    await ok(
      admin(`/v1/webhooks/${id}`, {
        method: "PATCH",
        body: { enabled: true },
        headers: { "if-match": "*" },
      }),
    );
    expect(await read(id)).toMatchObject({ enabled: true, disabledReason: null });
    await ok(replay(id, gone.id));
    expect((await deliveriesOf(id)).map(({ id: own, state }) => [own, state])).toContainEqual([
      gone.id,
      "delivered",
    ]);
  });

  test("because its name leads to a private address by now is not called", async () => {
    const searchId = await createSearch(admin);
    const { id } = await create();
    await append(searchId, "search.paused");
    outside.addresses = ["169.254.169.254"];
    await later(0);
    expect(outside.received).toEqual([]);
    const [delivery] = await deliveriesOf(id);
    expect(delivery?.attempts[0]?.error).toContain("It was not called");
    outside.addresses = ["93.184.216.34"];
    await later(minute);
    expect(types()).toEqual(["search.paused"]);
  });

  test("because its secret cannot be read any more says so", async () => {
    const { id } = await create();
    const searchId = await createSearch(admin);
    await append(searchId, "search.paused");
    await sweep({ ...edge, NASTURTIUM_SECRET: "another" }, platform());
    expect((await deliveriesOf(id))[0]?.attempts[0]?.error).toContain("NASTURTIUM_SECRET has changed");
  });

  test("can be replayed under its webhook-id", async () => {
    const { id } = await create();
    const { id: messageId } = await sendTest(id);
    await ok(replay(id, messageId));
    expect(outside.received.map(({ headers }) => headers["webhook-id"])).toEqual([messageId, messageId]);
    expect((await deliveriesOf(id))[0]?.attempts).toHaveLength(2);
    expect(await problemOf(replay(id, "msg_none"))).toBe("404 not-found");
    expect(await problemOf(replay((await create()).id, messageId))).toBe("404 not-found");
  });

  test("ends when its webhook is disabled by request", async () => {
    const { id } = await create();
    outside.answer = () => new Response(null, { status: 500 });
    await sendTest(id);
    const headers = { "if-match": "*" };
    await ok(admin(`/v1/webhooks/${id}`, { method: "PATCH", body: { enabled: false }, headers }));
    expect(await deliveriesOf(id)).toMatchObject([{ state: "failed", nextAttemptAt: null }]);
  });
});

test("deliveries are listed newest first in pages that hold each once, and by their state", async () => {
  const { id } = await create();
  for (let sent = 0; sent < 5; sent++) await sendTest(id);
  const all: string[] = [];
  let query = "?limit=2";
  for (;;) {
    const page = await ok<{ data: Delivery[]; nextCursor: string | null }>(
      admin(`/v1/webhooks/${id}/deliveries${query}`),
    );
    all.push(...page.data.map((delivery) => delivery.id));
    if (page.nextCursor === null) break;
    query = `?limit=2&cursor=${page.nextCursor}`;
  }
  expect(new Set(all).size).toBe(5);
  expect(all).toHaveLength(5);
  expect(await deliveriesOf(id, "?state=delivered&limit=3")).toHaveLength(3);
  expect(await deliveriesOf(id, "?state=failed")).toEqual([]);
});

describe("sweeps", () => {
  test("side by side send each message once", async () => {
    const searchId = await createSearch(admin);
    await create();
    await append(searchId, ...webhookEvents);
    await Promise.all([sweep(edge, platform()), sweep(edge, platform())]);
    expect(types().sort()).toEqual([...webhookEvents].sort());
  });

  test("send what a lost one had claimed, once its claim has ended", async () => {
    const searchId = await createSearch(admin);
    const { id } = await create();
    await append(searchId, "search.paused");
    const failing = new Proxy(env.DB, {
      get(target, key) {
        if (key === "batch") return () => Promise.reject(new Error("lost"));
        const value: unknown = Reflect.get(target, key);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    await expect(sweep({ ...edge, DB: failing }, platform())).rejects.toThrow("lost");
    expect(await deliveriesOf(id)).toMatchObject([{ state: "sending", attempts: [] }]);
    await later(minute);
    expect(outside.received).toHaveLength(1);
    await later(minute);
    expect(outside.received).toHaveLength(2);
    expect(await deliveriesOf(id)).toMatchObject([{ state: "delivered" }]);
  });

  test("make one query where nothing is due, and with many endpoints at most 50 queries, 20 messages, 6 at once", async () => {
    const searchId = await createSearch(admin);
    for (let made = 0; made < 4; made++) await create({ url: `https://hooks${made}.example.com/` });
    let queries = 0;
    const counting = new Proxy(env.DB, {
      get(target, key) {
        if (key === "prepare") queries += 1;
        const value: unknown = Reflect.get(target, key);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    await sweep({ ...edge, DB: counting }, platform());
    expect(queries).toBe(1);
    queries = 0;
    await append(searchId, ...webhookEvents);
    let open = 0;
    let most = 0;
    outside.answer = async () => {
      open += 1;
      most = Math.max(most, open);
      await Promise.resolve();
      open -= 1;
      return new Response(null, { status: outside.received.length > 6 ? 410 : 500 });
    };
    await sweep({ ...edge, DB: counting }, platform());
    expect(outside.received.length).toBeGreaterThan(6);
    expect(outside.received.length).toBeLessThanOrEqual(20);
    expect(most).toBeLessThanOrEqual(6);
    expect(queries).toBeLessThanOrEqual(50);
  });

  test("come with the Worker's schedule", async () => {
    const searchId = await createSearch(admin);
    await create();
    await append(searchId, "search.completed");
    const ctx = createExecutionContext();
    worker.scheduled(createScheduledController(), edge, ctx);
    await waitOnExecutionContext(ctx);
    expect(types()).toEqual(["search.completed"]);
  });

  test("forget what is older than 30 days", async () => {
    const { id } = await create();
    await sendTest(id);
    const searchId = await createSearch(admin);
    outside.now += 31 * 24 * hour;
    await append(searchId, "search.paused");
    await later(0);
    expect((await deliveriesOf(id)).map(({ type }) => type)).toEqual(["search.paused"]);
  });
});

describe("a search that stalls", () => {
  test("is told of 15 minutes after its lease has expired, once, and again when it stalls again", async () => {
    const searchId = await createSearch(admin);
    await create({ events: ["search.stalled"], searchId });
    const lease = await leaseRound(admin, runnerId, searchId);
    const expiry = Date.parse(lease.leaseExpiresAt);
    await later(expiry + 15 * minute - second - outside.now);
    expect(types()).toEqual([]);
    outside.now += second;
    await Promise.all([sweep(edge, platform()), sweep(edge, platform())]);
    await later(hour);
    expect(outside.received.map(({ json }) => [json.type, json.data.idleMinutes])).toEqual([
      ["search.stalled", 15],
    ]);
    // Another runner takes it, works, and is lost too.
    await env.DB.prepare("UPDATE leases SET expires_at = ? WHERE resource = ?")
      .bind(outside.now + minute, searchId)
      .run();
    await later(10 * minute);
    expect(types()).toHaveLength(1);
    await later(6 * minute);
    await later(minute);
    expect(types()).toEqual(["search.stalled", "search.stalled"]);
  });

  test("is not one that is paused, over or still waiting for its first runner", async () => {
    const waiting = await createSearch(admin);
    const paused = await createSearch(admin);
    await leaseRound(admin, runnerId, paused);
    await ok(admin(`/v1/searches/${paused}/pause`, { method: "POST" }));
    for (const searchId of [waiting, paused]) await create({ events: ["search.stalled"], searchId });
    await later(24 * hour);
    expect(types()).toEqual([]);
  });
});

describe("a budget", () => {
  const told = () => outside.received.map(({ json: { data } }) => `${data.budget} ${data.percent}`).sort();

  test("of runner time is told of at 50, 80 and 100 %, once each, with the report that reaches it", async () => {
    // Two seconds a round, as the reports have it.
    const searchId = await createSearch(admin, {
      budget: { gpuHours: 7.5 / 3600 },
      schedule: {
        ...(tinySpecification.schedule as object),
        stages: [{ layers: 3, channels: 4, steps: 40, warmupSteps: 2, drop: { normal: 1, reduction: 1 } }],
      } as NonNullable<typeof tinySpecification.schedule>,
      finalTraining: { preset: "demo", steps: 10, top: 1, channels: 2, layers: 3 },
    });
    await create({ events: ["budget.threshold"], searchId });
    await finishRounds(admin, await leaseOf(admin, runnerId, searchId));
    expect(told()).toEqual(["gpuHours 100", "gpuHours 50", "gpuHours 80"]);
    const used = outside.received.map(({ json: { data } }) => Number(data.used) * 3600);
    expect(used.map(Math.round)).toEqual([4, 6, 8]);
  });

  test("of wall-clock time is told of while nobody reports, and anew when it is changed", async () => {
    const searchId = await createSearch(admin, { budget: { wallClockHours: 10 } });
    await create({ events: ["budget.threshold"], searchId });
    await leaseRound(admin, runnerId, searchId);
    await later(4 * hour);
    expect(told()).toEqual([]);
    await later(hour + minute);
    await later(minute);
    expect(told()).toEqual(["wallClockHours 50"]);
    outside.now += 10 * hour;
    await Promise.all([sweep(edge, platform()), sweep(edge, platform())]);
    await later(hour);
    expect(told()).toEqual(["wallClockHours 100", "wallClockHours 50", "wallClockHours 80"]);
    outside.received = [];
    await ok(
      admin(`/v1/searches/${searchId}`, {
        method: "PATCH",
        body: { budget: { wallClockHours: 30 } },
        headers: { "if-match": "*" },
      }),
    );
    await later(0);
    expect(told()).toEqual(["wallClockHours 50"]);
  });
});
