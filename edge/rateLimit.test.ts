import { afterEach, beforeEach, expect, test, vi } from "vitest";
import app from "./index.ts";
import { callerWith, createSearch, env, tokenWith } from "./testEdge.ts";

const start = Date.parse("2030-01-01T00:00:00Z");

function setClock(time: number): void {
  vi.useFakeTimers({ toFake: ["Date"], now: time });
}
beforeEach(() => setClock(start));
afterEach(() => vi.useRealTimers());

interface Call {
  method?: string;
  headers?: Record<string, string>;
}

/** An edge with this limit, asked with a token or from an address. */
const ask = (
  limit: string | undefined,
  path: string,
  { method = "GET", headers = {} }: Call,
): Promise<Response> => {
  const { NASTURTIUM_RATE_LIMIT: _, ...rest } = env;
  return Promise.resolve(
    app.fetch(new Request(`https://edge.test${path}`, { method, headers }), {
      ...rest,
      ...(limit === undefined ? {} : { NASTURTIUM_RATE_LIMIT: limit }),
    }),
  );
};
const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });
const from = (address: string) => ({ headers: { "cf-connecting-ip": address } });
const limitsOf = ({ status, headers }: Response) => [
  status,
  headers.get("ratelimit"),
  headers.get("ratelimit-policy"),
];

test("every answer says what is left, and one too many is refused until the window has passed", async () => {
  const call = bearer(await tokenWith("searches:read"));
  const search = () => ask("2", "/v1/searches", call);
  const policy = '"default";q=2;w=60';
  expect(limitsOf(await search())).toEqual([200, '"default";r=1;t=60', policy]);
  setClock(start + 20_500);
  expect(limitsOf(await search())).toEqual([200, '"default";r=0;t=40', policy]);
  for (let tries = 0; tries < 3; tries++) {
    const refused = await search();
    expect(limitsOf(refused)).toEqual([429, '"default";r=0;t=40', policy]);
    expect(refused.headers.get("retry-after")).toBe("40");
    expect(await refused.json()).toMatchObject({
      type: "/docs/problems/rate-limited",
      detail: expect.stringContaining("At most 2 requests in 60 s"),
      requestId: refused.headers.get("x-request-id"),
    });
  }
  setClock(start + 59_999);
  expect((await search()).status).toBe(429);
  setClock(start + 60_000);
  expect(limitsOf(await search())).toEqual([200, '"default";r=1;t=60', policy]);
});

test("requests at the same time are counted exactly", async () => {
  const call = bearer(await tokenWith("searches:read"));
  const answers = await Promise.all(Array.from({ length: 12 }, () => ask("5", "/v1/searches", call)));
  const allowed = answers.filter(({ status }) => status === 200);
  expect(allowed).toHaveLength(5);
  expect(allowed.map(({ headers }) => headers.get("ratelimit")).sort()).toEqual(
    [0, 1, 2, 3, 4].map((left) => `"default";r=${left};t=60`),
  );
});

test("two tokens are counted apart, and addresses without one, too", async () => {
  const [one, other] = [bearer(await tokenWith("admin")), bearer(await tokenWith("admin"))];
  expect((await ask("1", "/v1/searches", one)).status).toBe(200);
  expect((await ask("1", "/v1/searches", one)).status).toBe(429);
  expect((await ask("1", "/v1/searches", other)).status).toBe(200);
  expect((await ask("1", "/v1/searches", from("192.0.2.1"))).status).toBe(401);
  expect((await ask("1", "/v1/searches", from("192.0.2.1"))).status).toBe(429);
  expect((await ask("1", "/v1/searches", from("192.0.2.2"))).status).toBe(401);
});

test("a token that is not valid counts for its address", async () => {
  const { headers } = from("192.0.2.3");
  const wrong = { headers: { ...headers, authorization: "Bearer wrong" } };
  expect(limitsOf(await ask("1", "/v1/searches", wrong))).toEqual([
    401,
    '"default";r=0;t=60',
    '"default";q=1;w=60',
  ]);
  expect((await ask("1", "/v1/searches", wrong)).status).toBe(429);
});

test("refusals are told of by their headers, too", async () => {
  const call = bearer(await tokenWith("searches:read"));
  expect(limitsOf(await ask("9", "/v1/searches/aaaa", call))).toEqual([
    404,
    '"default";r=8;t=60',
    '"default";q=9;w=60',
  ]);
});

test("runners' traffic and shards are not counted and leave no row", async () => {
  const admin = await tokenWith("admin");
  const id = await createSearch(callerWith(admin));
  const before = await rows();
  for (const [method, path] of [
    ["POST", "/v1/tasks/lease"],
    ["GET", `/v1/tasks?search=${id}`],
    ["POST", `/v1/tasks/${id}-r0/report`],
    ["GET", `/v1/tasks/${id}-r0/dataset/shards/1`],
    ["POST", "/v1/blobs"],
    ["PUT", "/v1/blobs/aaaa/parts/1"],
    ["PUT", "/v1/datasets/aaaa/shards/1"],
    ["GET", `/v1/searches/${id}/checkpoints`],
    ["POST", `/v1/searches/${id}/rounds/0/measurements`],
  ] as const)
    for (let tries = 0; tries < 3; tries++) {
      const [status, limit] = limitsOf(await ask("1", path, { method, ...bearer(admin) }));
      expect([path, status === 429, limit]).toEqual([path, false, null]);
    }
  expect(await rows()).toEqual(before);
});

test("0 is no limit and no header, and 600 a minute is the default", async () => {
  const call = bearer(await tokenWith("searches:read"));
  expect(limitsOf(await ask("0", "/v1/searches", call))).toEqual([200, null, null]);
  for (const limit of [undefined, "", "many", "-1", "1.5"]) {
    const [status, , policy] = limitsOf(await ask(limit, "/v1/searches", call));
    expect([limit, status, policy]).toEqual([limit, 200, '"default";q=600;w=60']);
  }
});

test("windows that have passed leave nothing behind", async () => {
  for (const address of ["192.0.2.10", "192.0.2.11", "192.0.2.12"])
    await ask("9", "/v1/searches", from(address));
  setClock(start + 120_000);
  await ask("9", "/v1/searches", from("192.0.2.13"));
  expect((await rows()).map(({ principal }) => principal)).toEqual(["address:192.0.2.13"]);
});

const rows = async () =>
  (await env.DB.prepare("SELECT principal, count FROM rate_counts ORDER BY principal LIMIT 100").all())
    .results;
