import { beforeAll, describe, expect, test, vi } from "vitest";
import { actionOf } from "./audit.ts";
import app from "./index.ts";
import {
  anonymous,
  type Caller,
  callerWith,
  createSearch,
  env,
  finishRounds,
  leaseRound,
  ok,
  problemOf,
  registerRunner,
  tinySpecification,
  tokenWith,
} from "./testEdge.ts";

interface Entry {
  id: string;
  at: string;
  principal: { id: string; name: string } | null;
  action: string;
  target: { type: string; id: string | null };
  requestId: string;
  status: number;
}

let admin: Caller;
let adminId: string;

beforeAll(async () => {
  admin = callerWith(await tokenWith("admin"));
  const made = await ok<{ createdBy: string }>(
    admin("/v1/tokens", { body: { name: "t", scopes: ["runner"] } }),
  );
  adminId = made.createdBy;
});

const entries = async (query = ""): Promise<Entry[]> =>
  (await ok<{ data: Entry[] }>(admin(`/v1/audit?limit=200${query}`))).data;
const actions = async (query: string) => (await entries(query)).map(({ action, status }) => [action, status]);

test("what was done to a search is recorded with who did it and how it ended", async () => {
  const response = await admin("/v1/searches", {
    body: tinySpecification,
    headers: { "x-request-id": "from-my-script" },
  });
  const { id } = (await response.json()) as { id: string };
  await admin(`/v1/searches/${id}/pause`, { method: "POST" });
  await admin(`/v1/searches/${id}`, { method: "PATCH", body: { name: "n" }, headers: { "if-match": "*" } });
  await admin(`/v1/searches/${id}/cancel`, { method: "POST" });
  await admin(`/v1/searches/${id}`, { method: "DELETE" });
  const trail = await entries(`&target=${id}`);
  expect(trail.map(({ action, status }) => [action, status])).toEqual([
    ["search.delete", 204],
    ["search.cancel", 200],
    ["search.change", 200],
    ["search.pause", 200],
    ["search.create", 201],
  ]);
  expect(trail.at(-1)).toEqual({
    id: expect.stringMatching(/^[a-z2-7]{16}$/),
    at: expect.stringMatching(/^\d{4}-/),
    principal: { id: adminId, name: "admin" },
    action: "search.create",
    target: { type: "search", id },
    requestId: "from-my-script",
    status: 201,
  });
});

test("tokens, trainings and runners are recorded under names of their own", async () => {
  const token = await ok<{ id: string }>(admin("/v1/tokens", { body: { name: "t", scopes: ["runner"] } }));
  await admin(`/v1/tokens/${token.id}`, { method: "DELETE" });
  expect(await actions(`&target=${token.id}`)).toEqual([
    ["token.revoke", 200],
    ["token.create", 201],
  ]);
  const searchId = await createSearch(admin);
  const runnerId = await registerRunner(admin);
  await finishRounds(admin, await leaseRound(admin, runnerId, searchId));
  const front = await ok<{ data: { hash: string }[] }>(admin(`/v1/searches/${searchId}/front`));
  const training = await ok<{ id: string }>(
    admin(`/v1/searches/${searchId}/trainings`, { body: { hash: front.data[0]?.hash } }),
  );
  expect(await entries(`&target=${training.id}`)).toMatchObject([
    { action: "training.create", target: { type: "training" }, status: 201 },
  ]);
  expect((await actions("&action=runner.register")).length).toBeGreaterThan(0);
});

test("what was refused for want of a token or of a scope is recorded, without a token as nobody's", async () => {
  const reader = callerWith(await tokenWith("searches:read"));
  const id = await createSearch(admin);
  expect(await problemOf(reader(`/v1/searches/${id}`, { method: "DELETE" }))).toBe("403 forbidden");
  expect(await problemOf(anonymous(`/v1/searches/${id}`, { method: "DELETE" }))).toBe("401 unauthorized");
  expect(await problemOf(callerWith("wrong")(`/v1/searches/${id}/cancel`, { method: "POST" }))).toBe(
    "401 unauthorized",
  );
  const [wrong, nobody, refused] = await entries(`&target=${id}`);
  expect(wrong).toMatchObject({ action: "search.cancel", principal: null, status: 401 });
  expect(nobody).toMatchObject({ action: "search.delete", principal: null, status: 401 });
  expect(refused).toMatchObject({ principal: { name: "searches:read" }, status: 403 });
});

test("reading, failing, unknown paths and runners' traffic leave no row", async () => {
  const searchId = await createSearch(admin);
  const runnerId = await registerRunner(admin);
  const before = await entries();
  const lease = await leaseRound(admin, runnerId, searchId);
  await finishRounds(admin, lease);
  await admin(`/v1/searches/${searchId}`);
  await admin("/v1/searches", { body: { unknown: true } });
  await admin("/v1/profiles", { body: tinySpecification });
  await admin(`/v1/searches/${searchId}`, { method: "PATCH", body: { name: "n" } });
  await admin("/v1/searches/aaaa", { method: "DELETE" });
  await anonymous("/v1/nowhere", { method: "POST" });
  await anonymous("/v1/tasks/lease", { body: {} });
  await anonymous("/v1/datasets/aaaa/shards/1", { method: "PUT", body: new Uint8Array(1) });
  expect(await entries()).toEqual(before);
});

test("no secret and no body is in it", async () => {
  const name = "a name that only the body has";
  const { token } = await ok<{ token: string }>(admin("/v1/tokens", { body: { name, scopes: ["admin"] } }));
  const { results } = await env.DB.prepare("SELECT * FROM audit ORDER BY at DESC, id DESC LIMIT 1000").all();
  const text = JSON.stringify(results);
  expect(text).toContain("token.create");
  expect(text).not.toContain(name);
  expect(text).not.toContain(token);
});

test("the answer stands where the row cannot be written, and the log says so", async () => {
  const log = vi.spyOn(console, "error").mockImplementation(() => {});
  const token = await tokenWith("admin");
  const broken = new Proxy(env.DB, {
    get(target, key) {
      if (key === "prepare")
        return (sql: string) => {
          if (/insert into "audit"/.test(sql)) throw new Error("away");
          return target.prepare(sql);
        };
      const value: unknown = Reflect.get(target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const request = new Request("https://edge.test/v1/searches", {
    method: "POST",
    headers: {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      "x-request-id": "lost-row",
    },
    body: JSON.stringify(tinySpecification),
  });
  expect((await app.fetch(request, { ...env, DB: broken })).status).toBe(201);
  expect(String(log.mock.calls[0]?.[0])).toBe(
    "request lost-row: search.create is missing in the audit trail:",
  );
  log.mockRestore();
});

describe("the list", () => {
  test("is for admins only", async () => {
    expect(await problemOf(anonymous("/v1/audit"))).toBe("401 unauthorized");
    expect(await problemOf(callerWith(await tokenWith("searches:write"))("/v1/audit"))).toBe("403 forbidden");
  });

  test("is filtered by principal, action and target, and goes page by page", async () => {
    const other = callerWith(await tokenWith("searches:write"));
    const ids = [await createSearch(other), await createSearch(other), await createSearch(other)];
    await other(`/v1/searches/${ids[0]}/pause`, { method: "POST" });
    const [mine] = await entries(`&target=${ids[0]}&action=search.create`);
    const principal = `&principal=${mine?.principal?.id}`;
    expect(await entries(principal)).toHaveLength(4);
    expect(await entries(`${principal}&action=search.create`)).toHaveLength(3);
    expect(await entries(`${principal}&action=search.create&target=${ids[2]}`)).toHaveLength(1);
    expect(await entries("&principal=nobody")).toEqual([]);
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const next: string = cursor === null ? "" : `&cursor=${cursor}`;
      const page = await ok<{ data: Entry[]; nextCursor: string | null }>(
        admin(`/v1/audit?limit=3${principal}${next}`),
      );
      seen.push(...page.data.map(({ id }) => id));
      cursor = page.nextCursor;
    } while (cursor !== null);
    expect(seen).toEqual((await entries(principal)).map(({ id }) => id));
  });
});

test("every route that changes something has a name, and none that only reads", async () => {
  const { paths } = await ok<{ paths: Record<string, Record<string, object>> }>(anonymous("/openapi.json"));
  const named = Object.entries(paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => {
      const endpoint = `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ":$1")}`;
      return [endpoint, actionOf(endpoint)] as const;
    }),
  );
  for (const [endpoint, action] of named) {
    const isReading = endpoint.startsWith("GET ") || endpoint === "POST /v1/profiles";
    if (isReading) expect([endpoint, action]).toEqual([endpoint, null]);
    else expect([endpoint, action]).toEqual([endpoint, expect.stringMatching(/^[a-z]+\.[a-z]+$/)]);
  }
  const nameOf = (endpoint: string) => named.find(([known]) => known === endpoint)?.[1];
  expect(nameOf("POST /v1/campaigns")).toBe("campaign.create");
  expect(nameOf("POST /v1/campaigns/:id/cancel")).toBe("campaign.cancel");
  expect(nameOf("POST /v1/datasets/:name/complete")).toBe("dataset.complete");
  expect(nameOf("DELETE /v1/datasets/:name")).toBe("dataset.delete");
  expect(nameOf("PATCH /v1/searches/:id")).toBe("search.change");
  expect(nameOf("POST /v1/triggers/:id")).toBe("trigger.deliver");
});
