import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { hex } from "./ids.ts";
import app from "./index.ts";
import {
  anonymous,
  type Caller,
  callerWith,
  env,
  ok,
  problemOf,
  tinySpecification,
  tokenWith,
} from "./testEdge.ts";

let token: string;
let admin: Caller;
let names = 0;

beforeAll(async () => {
  token = await tokenWith("searches:write");
  admin = callerWith(token);
});

interface Trigger {
  id: string;
  secret: string;
  [key: string]: unknown;
}
interface Answer {
  state: string;
  reason?: string;
  searchId?: string;
  campaignId?: string;
}
interface Delivery extends Answer {
  deliveryId: string;
  event: string | null;
  createdAt: string;
}

async function templateWith(body: Record<string, unknown>): Promise<string> {
  const name = `template-${++names}`;
  await ok(admin("/v1/templates", { body: { name, ...body } }));
  return name;
}
const plain = { specification: tinySpecification };

async function triggerWith(
  change: Record<string, unknown> = {},
  template: Record<string, unknown> = plain,
): Promise<Trigger> {
  const body = {
    name: "ci",
    template: await templateWith(template),
    source: "github",
    events: ["push"],
    ...change,
  };
  return ok(admin("/v1/triggers", { body }));
}
const signedTrigger = (change: Record<string, unknown> = {}, template = plain as Record<string, unknown>) =>
  triggerWith({ source: "signed", events: undefined, ...change }, template);

const encoder = new TextEncoder();
async function hmac(secret: Uint8Array<ArrayBuffer>, content: string): Promise<ArrayBuffer> {
  const key = await crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, [
    "sign",
  ]);
  return crypto.subtle.sign("HMAC", key, encoder.encode(content));
}
const bytes = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(encoder.encode(text));

interface Sent {
  id?: string;
  event?: string;
  headers?: Record<string, string>;
  text?: string;
}

/** Delivers a payload as GitHub does. */
async function push(
  { id, secret }: Pick<Trigger, "id" | "secret">,
  payload: unknown,
  { id: deliveryId = crypto.randomUUID(), event = "push", headers = {}, text }: Sent = {},
): Promise<Response> {
  const body = text ?? JSON.stringify(payload);
  const signature = `sha256=${hex(await hmac(bytes(secret), body))}`;
  return anonymous(`/v1/triggers/${id}`, {
    method: "POST",
    body: bytes(body),
    headers: {
      "content-type": "application/json",
      "x-github-event": event,
      "x-github-delivery": deliveryId,
      "x-hub-signature-256": signature,
      ...headers,
    },
  });
}

/** Sends a payload as Standard Webhooks says. */
async function send(
  { id, secret }: Pick<Trigger, "id" | "secret">,
  payload: unknown,
  { id: messageId = crypto.randomUUID(), headers = {} }: Sent = {},
): Promise<Response> {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const body = JSON.stringify(payload);
  const key = Uint8Array.from(atob(secret.slice("whsec_".length)), (character) => character.charCodeAt(0));
  const signature = new Uint8Array(await hmac(key, `${messageId}.${timestamp}.${body}`));
  return anonymous(`/v1/triggers/${id}`, {
    method: "POST",
    body: bytes(body),
    headers: {
      "webhook-id": messageId,
      "webhook-timestamp": timestamp,
      "webhook-signature": `v1,${btoa(String.fromCharCode(...signature))}`,
      ...headers,
    },
  });
}

const outcome = async (response: Promise<Response>): Promise<[number, Answer]> => {
  const answer = await response;
  return [answer.status, (await answer.json()) as Answer];
};
const deliveriesOf = async (id: string): Promise<Delivery[]> =>
  (await ok<{ data: Delivery[] }>(admin(`/v1/triggers/${id}/deliveries?limit=200`))).data;
const startedBy = async (id: string): Promise<{ id: string; name: string; triggerId: string | null }[]> => {
  const { data } = await ok<{ data: { id: string; name: string; triggerId: string | null }[] }>(
    admin("/v1/searches?limit=200"),
  );
  return data.filter(({ triggerId }) => triggerId === id);
};
const toMain = { ref: "refs/heads/main", commits: [] };
const mapped = {
  specification: { ...tinySpecification, name: "of {{ ref }}", seed: "{{ run }}" },
};

describe("a trigger", () => {
  test("shows its secret once, and keeps it in no readable form", async () => {
    const trigger = await triggerWith();
    expect(trigger.secret).toMatch(/^[0-9a-f]{64}$/);
    const { secret, ...shown } = trigger;
    expect(await ok(admin(`/v1/triggers/${trigger.id}`))).toEqual(shown);
    const list = await ok<{ data: unknown[] }>(admin("/v1/triggers"));
    expect(list.data[0]).toEqual(shown);
    const row = await env.DB.prepare("SELECT * FROM triggers WHERE id = ?").bind(trigger.id).first();
    expect(row).toHaveProperty("name", "ci");
    expect(JSON.stringify(row)).not.toContain(secret);
  });

  test("with a rotated secret takes the new one only", async () => {
    const trigger = await triggerWith();
    const rotated = await ok<Trigger>(admin(`/v1/triggers/${trigger.id}/rotate`, { method: "POST" }));
    expect(rotated.secret).not.toBe(trigger.secret);
    expect(await problemOf(push(trigger, toMain))).toBe("401 signature-invalid");
    expect((await push(rotated, toMain)).status).toBe(202);
  });

  test("cannot be made where the deployment has no key to keep its secret under", async () => {
    const body = { name: "ci", template: await templateWith(plain), source: "signed" };
    const request = new Request("https://edge.test/v1/triggers", {
      method: "POST",
      body: JSON.stringify(body),
      headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    });
    const { NASTURTIUM_SECRET: _, ...without } = env;
    expect(await problemOf(Promise.resolve(app.fetch(request, without)))).toBe("503 secrets-unavailable");
  });

  test("is changed under the version it was read with only, and keeps what is not given", async () => {
    const trigger = await triggerWith({ filters: { refs: ["refs/heads/*"] }, limits: { maxRunning: 3 } });
    const path = `/v1/triggers/${trigger.id}`;
    const etag = (await admin(path)).headers.get("etag") ?? "";
    const change = (body: unknown, headers = {}) => admin(path, { method: "PATCH", body, headers });
    expect(await problemOf(change({ enabled: false }))).toBe("428 precondition-required");
    expect(await ok(change({ enabled: false }, { "if-match": etag }))).toMatchObject({
      enabled: false,
      filters: { refs: ["refs/heads/*"] },
      limits: { maxRunning: 3 },
      events: ["push"],
    });
    expect(await problemOf(change({ enabled: true }, { "if-match": etag }))).toBe("412 precondition-failed");
    expect(await ok(change({ limits: {}, filters: {} }, { "if-match": "*" }))).toMatchObject({
      limits: {},
      filters: {},
      enabled: false,
    });
    expect(await problemOf(change({ source: "signed" }, { "if-match": "*" }))).toBe("422 validation");
  });

  test("is deleted with its deliveries, and leaves what it started", async () => {
    const trigger = await triggerWith();
    const { searchId } = (await (await push(trigger, toMain)).json()) as Answer;
    expect(await problemOf(admin(`/v1/templates/${trigger.template}`, { method: "DELETE" }))).toBe(
      "409 template-in-use",
    );
    expect((await admin(`/v1/triggers/${trigger.id}`, { method: "DELETE" })).status).toBe(204);
    expect(await problemOf(push(trigger, toMain))).toBe("401 signature-invalid");
    expect(await ok(admin(`/v1/searches/${searchId}`))).toMatchObject({ triggerId: null });
    const left = env.DB.prepare("SELECT count(*) AS n FROM trigger_deliveries WHERE trigger_id = ?");
    expect(await left.bind(trigger.id).first("n")).toBe(0);
    expect((await admin(`/v1/templates/${trigger.template}`, { method: "DELETE" })).status).toBe(204);
  });

  test.each([
    ["an unknown template", { template: "none" }, "/template"],
    ["GitHub without events", { events: undefined }, "/events"],
    ["a filter of an event that is not asked for", { filters: { actions: ["created"] } }, "/filters/actions"],
    ["events of a source that has none", { source: "signed" }, "/events"],
    [
      "filters of a source that has none",
      { source: "signed", events: undefined, filters: { refs: ["a"] } },
      "/filters/refs",
    ],
    ["a pointer that is none", { mapping: { ref: "ref" } }, "/mapping/ref"],
    ["a mapping that the template does not use", { mapping: { ref: "/ref" } }, "/mapping/ref"],
    ["a budget that nothing counts against", { limits: { budget: { gpuHours: 1 } } }, "/limits/budget"],
    ["an unknown key", { colour: "red" }, "/colour"],
  ])("with %s is refused by its field", async (_, change, pointer) => {
    const body = {
      name: "ci",
      template: await templateWith(plain),
      source: "github",
      events: ["push"],
      ...change,
    };
    const response = await admin("/v1/triggers", { body });
    expect(response.status).toBe(422);
    const { errors } = (await response.json()) as { errors: { pointer: string }[] };
    expect(errors.map((error) => error.pointer)).toEqual([pointer]);
  });

  test("must say where every placeholder's value is", async () => {
    const body = {
      name: "ci",
      template: await templateWith(mapped),
      source: "signed",
      mapping: { ref: "/ref" },
    };
    expect(await problemOf(admin("/v1/triggers", { body }))).toBe("422 validation");
    await ok(admin("/v1/triggers", { body: { ...body, mapping: { ref: "/ref", run: "/run" } } }));
  });
});

describe("a delivery", () => {
  test("of GitHub starts the search that its payload asks for", async () => {
    const mapping = { ref: "/ref", run: { pointer: "/head_commit/run", default: 9 } };
    const trigger = await triggerWith({ mapping }, mapped);
    const response = await push(trigger, { ...toMain, head_commit: { run: 5 } });
    expect(response.status).toBe(202);
    const { state, searchId } = (await response.json()) as Answer;
    expect(state).toBe("started");
    expect(await ok(admin(`/v1/searches/${searchId}`))).toMatchObject({
      name: "of refs/heads/main",
      triggerId: trigger.id,
      specification: { seed: 5 },
    });
    const fallback = (await (await push(trigger, toMain)).json()) as Answer;
    expect(await ok(admin(`/v1/searches/${fallback.searchId}`))).toMatchObject({
      specification: { seed: 9 },
    });
  });

  test("of any signed sender starts the campaign that its payload asks for", async () => {
    const { name: _, ...search } = tinySpecification;
    const campaign = { name: "of {{ ref }}", search, grid: { seeds: [1, "{{ run }}"] } };
    const trigger = await signedTrigger({ mapping: { ref: "/data/a~1b/0", run: "/run" } }, { campaign });
    const [status, { campaignId, state }] = await outcome(send(trigger, { run: 4, data: { "a/b": ["x"] } }));
    expect([status, state]).toEqual([202, "started"]);
    expect(await ok(admin(`/v1/campaigns/${campaignId}`))).toMatchObject({
      name: "of x",
      searches: [{ place: { seed: 1 } }, { place: { seed: 4 } }],
    });
    expect(await startedBy(trigger.id)).toHaveLength(2);
    expect(await deliveriesOf(trigger.id)).toMatchObject([{ state: "started", campaignId, searchId: null }]);
  });

  test("with a wrong signature looks as one to no trigger does, and leaves nothing", async () => {
    const trigger = await triggerWith();
    const signed = await signedTrigger();
    const wrong = [
      push({ ...trigger, secret: "guess" }, toMain),
      push({ ...trigger, id: "aaaaaaaaaaaaaaaa" }, toMain),
      push(trigger, toMain, { headers: { "x-hub-signature-256": "" } }),
      push({ ...signed, secret: trigger.secret }, toMain),
      send(signed, {}, { headers: { "webhook-timestamp": String(Math.floor(Date.now() / 1000) - 400) } }),
      send(signed, {}, { headers: { "webhook-id": "another" } }),
      anonymous(`/v1/triggers/${trigger.id}`, { method: "POST" }),
      admin(`/v1/triggers/${trigger.id}`, { body: toMain }),
    ];
    const bodies = await Promise.all(
      wrong.map(async (answer) => {
        const { instance: _, ...body } = (await (await answer).json()) as Record<string, unknown>;
        return body;
      }),
    );
    for (const body of bodies) expect(body).toEqual(bodies[0]);
    expect(bodies[0]).toMatchObject({ status: 401 });
    for (const { id } of [trigger, signed]) {
      expect(await deliveriesOf(id)).toEqual([]);
      expect(await startedBy(id)).toEqual([]);
    }
  });

  test("is verified byte for byte before it is read", async () => {
    const trigger = await triggerWith();
    const spaced = await push(trigger, null, { text: `{ "ref" :\t"refs/heads/main" }` });
    expect(spaced.status).toBe(202);
    const [status] = await outcome(push(trigger, null, { text: "payload=%7B%7D" }));
    expect(status).toBe(422);
    expect((await deliveriesOf(trigger.id))[0]).toMatchObject({ state: "invalid" });
    const unsigned = push({ ...trigger, secret: "guess" }, null, { text: "not JSON" });
    expect(await problemOf(unsigned)).toBe("401 signature-invalid");
  });

  test("has at most 1 MB", async () => {
    const trigger = await triggerWith();
    const large = (length: number) => push(trigger, { ...toMain, x: "x".repeat(length) });
    expect((await large(900_000)).status).toBe(202);
    expect(await problemOf(large(1_100_000))).toBe("413 too-large");
  });

  test("without an id cannot be told from another, and is refused", async () => {
    const trigger = await triggerWith();
    expect(await problemOf(push(trigger, toMain, { id: "" }))).toBe("422 validation");
    expect(await deliveriesOf(trigger.id)).toEqual([]);
  });

  test("that GitHub tries the address with is answered", async () => {
    const trigger = await triggerWith({ enabled: false });
    expect(await outcome(push(trigger, { zen: "" }, { event: "ping" }))).toEqual([
      200,
      { state: "ignored", reason: "a ping" },
    ]);
  });

  test("again gets the first answer, whatever that was", async () => {
    const trigger = await triggerWith(
      { limits: { maxRunning: 1 }, mapping: { ref: "/ref", run: "/run" } },
      mapped,
    );
    const cases = [
      { id: "started", payload: { ...toMain, run: 1 }, status: 202 },
      { id: "refused", payload: { ...toMain, run: 1 }, status: 409 },
      { id: "invalid", payload: { ...toMain, run: "x" }, status: 422 },
      { id: "ignored", payload: { ...toMain, deleted: true }, status: 200 },
    ];
    for (const { id, payload, status } of cases)
      expect([id, (await push(trigger, payload, { id })).status]).toEqual([id, status]);
    const deliveries = await deliveriesOf(trigger.id);
    for (const { id } of cases) {
      const { state, reason, searchId } = deliveries.find(({ deliveryId }) => deliveryId === id) as Delivery;
      expect(state).toBe(id);
      const again = await outcome(push(trigger, { ref: "another" }, { id }));
      expect(again).toEqual([200, { state, ...(searchId ? { searchId } : { reason }) }]);
    }
    expect(await deliveriesOf(trigger.id)).toEqual(deliveries);
    expect(await startedBy(trigger.id)).toHaveLength(1);
  });

  test("whose values make no valid specification is refused with what is wrong", async () => {
    const trigger = await triggerWith({ mapping: { ref: "/ref", run: "/run" } }, mapped);
    const errorsOf = async (payload: unknown) => {
      const response = await push(trigger, payload);
      expect(response.status).toBe(422);
      const { errors } = (await response.json()) as { errors: { pointer: string }[] };
      return errors.map(({ pointer }) => pointer);
    };
    expect(await errorsOf({ ...toMain, run: -1 })).toEqual(["/specification/seed"]);
    expect(await errorsOf(toMain)).toEqual(["/mapping/run"]);
    expect(await errorsOf({ ...toMain, run: { a: 1 } })).toEqual(["/mapping/run"]);
    const list = await deliveriesOf(trigger.id);
    expect(list.map(({ state }) => state)).toEqual(["invalid", "invalid", "invalid"]);
    expect(list.map(({ reason }) => reason).join()).toContain("/specification/seed");
  });
});

describe("filters", () => {
  const files = (change: Partial<Record<"added" | "modified" | "removed", string[]>>) => ({
    ...toMain,
    commits: [
      { added: [], modified: [], removed: [] },
      { added: [], modified: [], removed: [], ...change },
    ],
  });
  const released = (action: string, tag = "v1.0") => ({ action, release: { tag_name: tag } });
  const ran = (conclusion: string | null, name = "CI", branch = "main") => ({
    action: conclusion === null ? "requested" : "completed",
    workflow_run: { name, conclusion, head_branch: branch },
  });
  const refs = { refs: ["refs/heads/main", "refs/tags/v*"] };

  test.each([
    ["push", {}, toMain, "started"],
    ["push", refs, toMain, "started"],
    ["push", refs, { ref: "refs/tags/v1.2" }, "started"],
    ["push", refs, { ref: "refs/heads/other" }, "refs/heads/other matches none of refs"],
    ["push", {}, { ...toMain, deleted: true }, "refs/heads/main was deleted"],
    ["push", { paths: ["models/**"] }, files({ added: ["models/a/b.ts"] }), "started"],
    ["push", { paths: ["models/**"] }, files({ modified: ["README.md", "models/a.ts"] }), "started"],
    ["push", { paths: ["models/**"] }, files({ removed: ["models/a.ts"] }), "started"],
    [
      "push",
      { paths: ["models/**"] },
      files({ modified: ["README.md"] }),
      "no file that changed matches paths",
    ],
    ["push", { paths: ["models/**"] }, toMain, "no file that changed matches paths"],
    ["release", {}, released("published"), "started"],
    ["release", {}, released("created"), "the action is created"],
    ["release", { actions: ["created"] }, released("created"), "started"],
    ["release", { actions: ["created"] }, released("published"), "the action is published"],
    ["release", refs, released("published", "nightly"), "refs/tags/nightly matches none of refs"],
    ["workflow_run", {}, ran("failure"), "started"],
    ["workflow_run", {}, ran(null), "the workflow has not ended"],
    ["workflow_run", { conclusions: ["success"] }, ran("failure"), "the conclusion is failure"],
    ["workflow_run", { workflows: ["CI"], conclusions: ["success"] }, ran("success"), "started"],
    ["workflow_run", { workflows: ["CI"] }, ran("success", "Docs"), "the workflow is Docs"],
    ["workflow_run", refs, ran("success", "CI", "other"), "refs/heads/other matches none of refs"],
    ["push", {}, { zen: "" }, "the payload is not one of GitHub's for this event"],
  ])("of %s with %j on %j: %s", async (event, filters, payload, expected) => {
    const trigger = await triggerWith({ events: [event], filters });
    const [status, { state, reason }] = await outcome(push(trigger, payload, { event }));
    expect(reason ?? state).toBe(expected);
    expect(status).toBe(expected === "started" ? 202 : 200);
    expect(await deliveriesOf(trigger.id)).toMatchObject([{ event, state, reason: reason ?? null }]);
  });

  test("leave out events that were not asked for", async () => {
    const trigger = await triggerWith();
    for (const event of ["release", "issues"])
      expect(await outcome(push(trigger, released("published"), { event }))).toEqual([
        200,
        { state: "ignored", reason: `the event is ${event}` },
      ]);
  });
});

describe("limits", () => {
  const refused = async (answer: Promise<Response>): Promise<string> => {
    const response = await answer;
    expect(response.status).toBe(409);
    const { type, detail } = (await response.json()) as { type: string; detail: string };
    expect(type).toMatch(/trigger-refused$/);
    return detail;
  };

  test("hold searches that are not over, until they are", async () => {
    const trigger = await triggerWith({ limits: { maxRunning: 2 } });
    const [, { searchId }] = await outcome(push(trigger, toMain));
    expect((await push(trigger, toMain)).status).toBe(202);
    expect(await refused(push(trigger, toMain))).toMatch(/^2 searches of this trigger are not over/);
    await ok(admin(`/v1/searches/${searchId}/pause`, { method: "POST" }));
    await refused(push(trigger, toMain));
    await ok(admin(`/v1/searches/${searchId}/cancel`, { method: "POST" }));
    expect((await push(trigger, toMain)).status).toBe(202);
    expect(await startedBy(trigger.id)).toHaveLength(3);
    expect((await deliveriesOf(trigger.id)).filter(({ state }) => state === "refused")).toHaveLength(2);
  });

  test("count every search of a campaign", async () => {
    const { name: _, ...search } = tinySpecification;
    const campaign = { name: "c", search, grid: { seeds: [1, 2, 3] } };
    const trigger = await signedTrigger({ limits: { maxRunning: 2 } }, { campaign });
    await refused(send(trigger, {}));
    expect(await startedBy(trigger.id)).toEqual([]);
  });

  test("hold the budgets of what was started within 30 days", async () => {
    const limits = { budget: { gpuHours: 5 } };
    const template = { specification: { ...tinySpecification, budget: { gpuHours: "{{ hours }}" } } };
    const trigger = await signedTrigger({ limits, mapping: { hours: "/hours" } }, template);
    expect((await send(trigger, { hours: 3 })).status).toBe(202);
    expect(await refused(send(trigger, { hours: 2.5 }))).toMatch(/started 3 GPU hours within 30 days/);
    expect((await send(trigger, { hours: 2 })).status).toBe(202);
    await refused(send(trigger, { hours: 0.1 }));
    const age = (days: number) =>
      env.DB.prepare("UPDATE trigger_deliveries SET created_at = ? WHERE trigger_id = ? AND gpu_hours = 3")
        .bind(Date.now() - days * 86_400_000, trigger.id)
        .run();
    await age(29);
    await refused(send(trigger, { hours: 0.1 }));
    await age(31);
    expect((await send(trigger, { hours: 3 })).status).toBe(202);
  });

  test("of hours let nothing without a budget start, though its template changed since", async () => {
    const template = { specification: { ...tinySpecification, budget: { gpuHours: 1 } } };
    const trigger = await signedTrigger({ limits: { budget: { gpuHours: 5 } } }, template);
    await ok(
      admin(`/v1/templates/${trigger.template}`, {
        method: "PATCH",
        body: plain,
        headers: { "if-match": "*" },
      }),
    );
    expect(await refused(send(trigger, {}))).toMatch(/no budget.gpuHours/);
    expect(await startedBy(trigger.id)).toEqual([]);
  });

  test("are closed while the trigger is disabled", async () => {
    const trigger = await triggerWith({ enabled: false });
    expect(await refused(push(trigger, toMain))).toBe("the trigger is disabled");
    expect(await deliveriesOf(trigger.id)).toMatchObject([{ state: "refused" }]);
  });
});

describe("deliveries", () => {
  test("are listed newest first, each once over all pages", async () => {
    const trigger = await triggerWith({ filters: { refs: ["none"] } });
    for (let index = 0; index < 5; index++) await push(trigger, toMain, { id: `d${index}` });
    const seen: Delivery[] = [];
    let cursor: string | null = null;
    do {
      const query: string = cursor === null ? "" : `&cursor=${cursor}`;
      const page: { data: Delivery[]; nextCursor: string | null } = await ok(
        admin(`/v1/triggers/${trigger.id}/deliveries?limit=2${query}`),
      );
      seen.push(...page.data);
      cursor = page.nextCursor;
    } while (cursor !== null);
    expect(seen.map(({ deliveryId }) => deliveryId).sort()).toEqual(["d0", "d1", "d2", "d3", "d4"]);
    const times = seen.map(({ createdAt }) => createdAt);
    expect(times).toEqual([...times].sort().reverse());
  });

  test("older than 90 days go when a new one comes", async () => {
    const trigger = await triggerWith();
    for (const id of ["old", "young"]) await push(trigger, toMain, { id });
    const age = (id: string, days: number) =>
      env.DB.prepare("UPDATE trigger_deliveries SET created_at = ? WHERE trigger_id = ? AND delivery_id = ?")
        .bind(Date.now() - days * 86_400_000, trigger.id, id)
        .run();
    await age("old", 91);
    await age("young", 89);
    await push(trigger, { ...toMain, deleted: true }, { id: "new" });
    expect((await deliveriesOf(trigger.id)).map(({ deliveryId }) => deliveryId)).toEqual(["new", "young"]);
  });

  test("start exactly what is recorded, however often and at once they come", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 6 }), {
          minLength: 1,
          maxLength: 3,
        }),
        fc.option(fc.integer({ min: 1, max: 3 })),
        async (waves, maxRunning) => {
          const trigger = await triggerWith({ limits: maxRunning === null ? {} : { maxRunning } });
          const firsts = new Map<string, number>();
          for (const wave of waves) {
            const answers = await Promise.all(
              wave.map(async (index) => {
                const id = `d${index}`;
                return { id, status: (await push(trigger, toMain, { id })).status };
              }),
            );
            for (const { id, status } of answers)
              if (status !== 200) firsts.set(id, (firsts.get(id) ?? 0) + 1);
          }
          const sent = new Set(waves.flat().map((index) => `d${index}`));
          const recorded = await deliveriesOf(trigger.id);
          const started = recorded.filter(({ state }) => state === "started");
          const searches = (await startedBy(trigger.id)).map(({ id }) => id);
          expect(recorded.map(({ deliveryId }) => deliveryId).sort()).toEqual([...sent].sort());
          expect(started.map(({ searchId }) => searchId).sort()).toEqual(searches.sort());
          expect(started).toHaveLength(Math.min(sent.size, maxRunning ?? sent.size));
          for (const id of sent) expect(firsts.get(id)).toBe(1);
          for (const id of searches) await admin(`/v1/searches/${id}`, { method: "DELETE" });
        },
      ),
      { numRuns: 15, seed: 1 },
    );
  });
});
