/** No input that a client can send is an error of ours: every route against odd ids, queries, bodies and types. */

import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { protocolVersion } from "../shared/protocol.ts";
import app from "./index.ts";
import { deviceRequest, registerDevice } from "./measuring/testDevice.ts";
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
  reportFor,
  tinySpecification,
  tokenWith,
} from "./testEdge.ts";

interface Route {
  method: string;
  path: string;
  /** Scopes that may, one at a time. */
  scopes: string[];
}

/** What is there to be asked for, so that some requests come far. */
interface World {
  /** By what stands before a parameter in a path; only the first may be deleted. */
  ids: Record<string, string[]>;
  /** For queries. */
  words: string[];
  /** By route, a body that is right. */
  bodies: Record<string, unknown>;
}

/** Nobody answers there, and nothing is sent: no event of that type happens. */
const hookHost = "hooks.test:443";
const seed = 20_301;
const runsPerRoute = 25;

let routes: Route[];
let admin: Caller;
let runnerId: string;
let finished: { searchId: string; hash: string; trainingId: string; training: string; campaignId: string };

beforeAll(async () => {
  // A webhook's test calls out, and the network of the tests leads nowhere.
  vi.spyOn(globalThis, "fetch").mockImplementation(async () => new Response(null, { status: 500 }));
  const settings = { ...env, NASTURTIUM_WEBHOOK_HOSTS: hookHost };
  admin = callerWith(await tokenWith("admin"), async (request) => app.fetch(request, settings));
  type Operation = { security?: Record<string, string[]>[] };
  const { paths } = await ok<{ paths: Record<string, Record<string, Operation>> }>(
    anonymous("/openapi.json"),
  );
  routes = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, { security = [] }]) => ({
      method: method.toUpperCase(),
      path,
      scopes: security.flatMap(({ token = [] }) => token),
    })),
  );
  runnerId = await registerRunner(admin);
  const searchId = await createSearch(admin, { visibility: "public" });
  const lease = await finishRounds(admin, await leaseRound(admin, runnerId, searchId));
  if (lease?.task.kind !== "finalTraining") throw new Error("no training was leased");
  const { id: campaignId } = await ok<{ id: string }>(
    admin("/v1/campaigns", { body: { name: "c", search: tinySpecification, grid: { seeds: [1] } } }),
  );
  const { hash, trainingId, taskId } = lease.task;
  finished = { searchId, hash, trainingId, training: taskId, campaignId };
});

afterAll(() => vi.restoreAllMocks());

/** Made anew for each route, which may delete or end it. */
async function makeWorld(): Promise<World> {
  // A deployment has at most 100.
  const hooks = await ok<{ data: { id: string }[] }>(admin("/v1/webhooks?limit=200"));
  for (const { id } of hooks.data) await admin(`/v1/webhooks/${id}`, { method: "DELETE" });
  const searchId = await createSearch(admin, { visibility: "public" });
  const lease = await leaseRound(admin, runnerId, searchId);
  const { leaseId, task } = lease;
  const blob = { leaseId, purpose: "checkpoint", searchId, round: 0, fileName: "f", bytes: 3 };
  const { blobId } = await ok<{ blobId: string }>(admin("/v1/blobs", { body: blob }));
  const sha256 = "0".repeat(64);
  const dataset = {
    kind: "table",
    name: `table-${searchId}`,
    columns: ["architecture", "accuracy"],
    rows: 1,
    bytes: 3,
    digest: sha256,
    shards: [{ bytes: 3, sha256 }],
  };
  await ok(admin("/v1/datasets", { body: dataset }));
  const named = { name: `t-${searchId}`, specification: tinySpecification };
  const template = await ok<{ name: string }>(admin("/v1/templates", { body: named }));
  const signed = { name: "n", template: template.name, source: "signed" };
  const trigger = await ok<{ id: string }>(admin("/v1/triggers", { body: signed }));
  const archive = { bytes: 1024 };
  const begun = await ok<{ id: string }>(admin("/v1/imports", { body: archive }));
  const hook = { url: `https://${hookHost}/`, events: ["search.stalled"] };
  const webhook = await ok<{ id: string }>(admin("/v1/webhooks", { body: hook }));
  const deviceId = await registerDevice(admin, { name: `d-${searchId}` });
  const token = await ok<{ id: string }>(admin("/v1/tokens", { body: { name: "t", scopes: ["device"] } }));
  const bound = { scopes: ["runner"], expiresAt: "2999-01-01T00:00:00Z", searchId, instance: "i" };
  return {
    ids: {
      searches: [searchId, finished.searchId],
      campaigns: [finished.campaignId],
      architectures: [finished.hash],
      trainings: [finished.trainingId],
      exports: ["json", "genotype", "onnx"],
      tasks: [task.taskId, finished.training],
      blobs: [blobId],
      datasets: [dataset.name],
      tokens: [token.id],
      templates: [template.name],
      triggers: [trigger.id],
      webhooks: [webhook.id],
      devices: [`d-${searchId}`, deviceId],
      imports: [begun.id],
      rounds: ["0"],
      parts: ["1"],
      shards: ["1"],
    },
    words: ["cifar10", searchId, leaseId, finished.trainingId, "1"],
    bodies: {
      "POST /v1/searches": tinySpecification,
      "POST /v1/profiles": tinySpecification,
      "PATCH /v1/searches/{id}": { name: "n", visibility: "public", budget: { evaluations: 100 } },
      "POST /v1/campaigns": { name: "c", search: tinySpecification, grid: { seeds: [1, 2] } },
      "POST /v1/searches/{id}/trainings": { hash: finished.hash, recipe: { preset: "demo", channels: 4 } },
      "POST /v1/datasets": dataset,
      "POST /v1/tokens": { name: "t", ...bound },
      "POST /v1/templates": { ...named, name: `u-${searchId}` },
      "PATCH /v1/templates/{name}": { description: "d" },
      "POST /v1/templates/{name}/start": { values: {} },
      "POST /v1/triggers": signed,
      "PATCH /v1/triggers/{id}": { enabled: true },
      "POST /v1/imports": archive,
      "POST /v1/webhooks": hook,
      "PATCH /v1/webhooks/{id}": { description: "d" },
      "POST /v1/devices": { ...deviceRequest, name: `d-${searchId}` },
      "POST /v1/endpoints": {
        name: `e-${searchId}`,
        url: hook.url,
        objectives: [{ name: "cost", unit: "cents" }],
      },
      "POST /v1/devices/{name}/calibrations": {
        ...tinySpecification,
        objectives: [
          { name: "accuracy", goal: "maximize" },
          { name: "latency", device: `d-${searchId}`, goal: "minimize" },
        ],
      },
      "POST /v1/runners": {
        protocolVersion,
        name: "r",
        backend: { name: "wasm", versions: { tfjs: "4" }, threads: 1 },
      },
      "POST /v1/tasks/lease": { runnerId, searchId },
      "POST /v1/tasks/{taskId}/heartbeat": {
        leaseId,
        progress: { done: 1, total: 2, trainLoss: 1 },
        notices: [{ type: "round.differs", data: { round: 1 } }],
      },
      "POST /v1/tasks/{taskId}/report": reportFor(lease),
      "POST /v1/tasks/{taskId}/release": { leaseId },
      "POST /v1/searches/{id}/rounds/{round}/measurements": { candidate: 0, values: { accuracy: 1 } },
      "POST /v1/blobs": blob,
      "POST /v1/blobs/{id}/complete": { leaseId, sha256 },
    },
  };
}

const oddText = fc.oneof(
  fc.constantFrom("", "\u0000", "a\u0000b", "\u001b[2J", "\ud800", "..", "%", "\u202e", "'; --", "__proto__"),
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.string({ unit: "grapheme", maxLength: 40 }),
  fc.constant("x".repeat(5000)),
);
const oddNumber = fc.oneof(
  fc.double(),
  fc.maxSafeInteger(),
  fc.constantFrom(-1, 0, 1e308, -1e308, 2 ** 53, 2 ** 63, 1e-320, 0.5),
);
const oddValue = fc.oneof(
  oddText,
  oddNumber,
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom([], {}, null, true),
);

type Path = readonly string[];

/** Every place in a value, the whole included. */
function pathsOf(value: unknown): Path[] {
  const inner =
    typeof value === "object" && value !== null
      ? Object.entries(value).flatMap(([key, child]) => pathsOf(child).map((rest) => [key, ...rest]))
      : [];
  return [[], ...inner];
}

/** The value with another one at a place; undefined leaves it out. */
function changedAt(value: unknown, [key, ...rest]: Path, by: unknown): unknown {
  if (key === undefined) return by;
  if (Array.isArray(value))
    return value.map((child, index) => (String(index) === key ? changedAt(child, rest, by) : child));
  const parent = value as Record<string, unknown>;
  return { ...parent, [key]: changedAt(parent[key], rest, by) };
}

/** What is right, with up to two places changed or a key too many; sometimes as it is. */
const bodyArbitrary = (right: unknown): fc.Arbitrary<unknown> => {
  const place = fc.constantFrom(...pathsOf(right));
  const change = fc.tuple(place, fc.oneof({ weight: 5, arbitrary: oddValue }, fc.constant(undefined)));
  const extra = fc.tuple(
    oddText.map((key) => [key]),
    oddValue,
  );
  const some = fc.array(fc.oneof({ weight: 6, arbitrary: change }, extra), { maxLength: 2 });
  // A second change may be of a place that the first one took away.
  const isPlace = (value: unknown, [key, ...rest]: Path): boolean =>
    key === undefined ||
    (typeof value === "object" && value !== null && isPlace(Reflect.get(value, key) as unknown, rest));
  return some.map((changes) =>
    changes.reduce<unknown>(
      (body, [path, by]) => (isPlace(body, path) ? changedAt(body, path, by) : body),
      right,
    ),
  );
};

/** JSON has no NaN: written so, it is none. */
const noJson = fc.oneof(
  fc.constantFrom("", "{", "NaN", '{"name": Infinity}', '{"name": 1e999}', "\u0000", "[1,]", "\ufeff{}"),
  oddText,
);

const payloadArbitrary = (right: unknown): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 9, arbitrary: bodyArbitrary(right).map((value) => JSON.stringify(value) ?? "") },
    { weight: 1, arbitrary: noJson },
  );

const typeArbitrary = fc.oneof(
  { weight: 9, arbitrary: fc.constant("application/json") },
  { weight: 1, arbitrary: fc.constantFrom("text/plain", "application/json; charset=utf-16", "a/b", "") },
);

const parameterArbitrary = (right: readonly string[]): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...right) },
    { weight: 1, arbitrary: fc.constantFrom("0", "-1", "1e9", "9".repeat(20), "NaN", "%E0%A4%A", "%00") },
    // Lone surrogates are in no URL.
    { weight: 1, arbitrary: oddText.map((text) => encodeURIComponent(text.toWellFormed())) },
  );

const queryNames = [
  "dataset",
  ...["cursor", "limit", "state", "search", "fromRound", "leaseId", "trainingId", "stage", "sort", "format"],
  ...["principal", "action", "target", "max_parameters", "min_accuracy", "max_nothing"],
];
const queryValue = oddValue.map((value) =>
  String(typeof value === "object" ? JSON.stringify(value) : value).toWellFormed(),
);
const queryArbitrary = (words: string[]): fc.Arbitrary<string> => {
  const value = fc.oneof(queryValue, fc.constantFrom(...words));
  const some = fc.dictionary(fc.constantFrom(...queryNames), value, { maxKeys: 5 });
  return fc.oneof(
    fc.constant(""),
    some.map((query) => `?${new URLSearchParams(query)}`),
  );
};

/** Requests to a route. */
function requestArbitrary({ method, path }: Route, world: World) {
  const before = [...path.matchAll(/(\w+)\/\{\w+\}/g)].map(([, name = ""]) => name);
  const most = method === "DELETE" ? 1 : undefined;
  const parameters = before.map((name) => parameterArbitrary(world.ids[name]?.slice(0, most) ?? ["a"]));
  return fc
    .record({
      parameters: fc.tuple(...parameters),
      query: queryArbitrary(world.words),
      payload: payloadArbitrary(world.bodies[`${method} ${path}`] ?? {}),
      type: typeArbitrary,
      ifMatch: fc.constantFrom("*", '"1.0"', "nothing", ""),
      key: fc.constantFrom(undefined, undefined, undefined, '"k"', "", "x".repeat(300)),
    })
    .map(({ parameters: given, query, payload, type, ifMatch, key }) => {
      const rest = [...given];
      const address = `${path.replaceAll(/\{\w+\}/g, () => rest.shift() ?? "")}${query}`;
      const headers: Record<string, string> = { "if-match": ifMatch };
      if (key !== undefined) headers["idempotency-key"] = key;
      if (method === "GET") return { address, call: { method, headers } };
      const body = new TextEncoder().encode(payload);
      return { address, call: { method, headers: { ...headers, "content-type": type }, body } };
    });
}

/** The answer's status; throws unless it is a success or a problem. */
async function statusOf(answer: Promise<Response>): Promise<number> {
  const response = await answer;
  if (response.status >= 400) await problemOf(Promise.resolve(response));
  else await response.body?.cancel();
  return response.status;
}

const LIMIT_MS = 300_000;

test(
  "no id, query, body, type or key makes any route fail, and what is right comes through",
  async () => {
    const worked = new Set<string>();
    for (const route of routes) {
      const world = await makeWorld();
      const name = `${route.method} ${route.path}`;
      await fc.assert(
        fc.asyncProperty(requestArbitrary(route, world), async ({ address, call }) => {
          const status = await statusOf(admin(address, call));
          if (status < 300) worked.add(name);
          expect(status).toBeLessThan(500);
        }),
        { seed, numRuns: runsPerRoute },
      );
    }
    // The rest need data in a bucket, or a report in the right order.
    expect(worked.size).toBeGreaterThan(0.75 * routes.length);
  },
  LIMIT_MS,
);

describe("each route refuses", () => {
  test("JSON as deep as it fits, anywhere in a body, and bytes that are no text", async () => {
    const world = await makeWorld();
    const depth = 100_000;
    const deep = "[".repeat(depth) + "]".repeat(depth);
    const headers = { "content-type": "application/json" };
    for (const [name, right] of Object.entries(world.bodies)) {
      const [method = "", path = ""] = name.split(" ");
      const before = [...path.matchAll(/(\w+)\/\{\w+\}/g)].map(([, word = ""]) => world.ids[word]?.[0]);
      const address = path.replaceAll(/\{\w+\}/g, () => before.shift() ?? "");
      const payloads = Object.keys(right as object).map((key) =>
        JSON.stringify({ ...(right as object), [key]: "HERE" }).replace('"HERE"', deep),
      );
      for (const body of [deep, ...payloads].map((text) => new TextEncoder().encode(text)))
        expect([name, await statusOf(admin(address, { method, headers, body }))]).toEqual([name, 422]);
      const noText = admin(address, { method, headers, body: new Uint8Array([0xc3, 0x28, 0xff]) });
      expect([name, await problemOf(noText)]).toEqual([name, "400 malformed-json"]);
    }
  });

  test("a method that it does not have, with those that it has", async () => {
    const methods = ["GET", "POST", "PUT", "PATCH", "DELETE"];
    const of = (path: string) => routes.filter((route) => route.path === path).map(({ method }) => method);
    for (const path of new Set(routes.map((route) => route.path)))
      for (const method of methods.filter((name) => !of(path).includes(name))) {
        const response = await admin(path.replaceAll(/\{\w+\}/g, "aaaa"), { method });
        const allow = response.headers.get("allow")?.split(", ") ?? [];
        expect([path, method, response.status]).toEqual([path, method, 405]);
        expect(allow).toEqual(expect.arrayContaining(of(path)));
        expect(allow).not.toContain(method);
      }
  });

  test("10 MB of JSON, whether or not their length is told", async () => {
    const bytes = new TextEncoder().encode(JSON.stringify({ name: "x".repeat(10_000_000) }));
    for (const { method, path } of routes.filter((route) => ["POST", "PATCH"].includes(route.method)))
      for (const body of [bytes, new Blob([bytes]).stream()]) {
        const headers = { "content-type": "application/json" };
        const refused = problemOf(admin(path.replaceAll(/\{\w+\}/g, "aaaa"), { method, headers, body }));
        expect([path, await refused]).toEqual([path, "413 too-large"]);
      }
  });

  test("a token that was revoked or has another scope", async () => {
    const create = (scope: string) =>
      ok<{ id: string; token: string }>(admin("/v1/tokens", { body: { name: "t", scopes: [scope] } }));
    const revoked = await create("admin");
    await ok(admin(`/v1/tokens/${revoked.id}`, { method: "DELETE" }));
    const device = await create("device");
    const reader = await create("searches:read");
    // Of a search that is public, anyone may read.
    const address = (path: string) => path.replaceAll(/\{\w+\}/g, "aaaa");
    for (const { method, path, scopes } of routes) {
      expect([path, await problemOf(callerWith(revoked.token)(address(path), { method }))]).toEqual([
        path,
        "401 unauthorized",
      ]);
      // What is public is gathered for anyone, any token is told whose it is, a delivery and a link are known by their signatures.
      const open = ["/v1/fronts", "/v1/me", "/v1/models/{link}/{file}"];
      if (open.includes(path) || (path === "/v1/triggers/{id}" && method === "POST")) continue;
      const other = scopes.includes("device") ? reader : device;
      expect([path, (await callerWith(other.token)(address(path), { method })).status]).toEqual([path, 403]);
    }
  });
});
