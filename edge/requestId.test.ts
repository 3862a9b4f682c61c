import { afterEach, expect, test, vi } from "vitest";
import app from "./index.ts";
import { anonymous, callerWith, env, ok, tokenWith } from "./testEdge.ts";

afterEach(() => vi.restoreAllMocks());

const idOf = (response: Response) => response.headers.get("x-request-id");

test("every answer has an id of its own", async () => {
  const admin = callerWith(await tokenWith("admin"));
  const answers = await Promise.all([
    anonymous("/healthz"),
    anonymous("/openapi.json"),
    anonymous("/nowhere"),
    anonymous("/v1/searches"),
    admin("/v1/searches"),
    admin("/v1/searches", { body: { unknown: true } }),
    admin("/v1/tokens/aaaa", { method: "DELETE" }),
  ]);
  const ids = answers.map(idOf);
  for (const id of ids) expect(id).toMatch(/^[a-z2-7]{16}$/);
  expect(new Set(ids).size).toBe(ids.length);
});

test("the caller's id is kept where it is 1 to 128 harmless characters, else replaced", async () => {
  const ask = async (id: string) => idOf(await anonymous("/healthz", { headers: { "x-request-id": id } }));
  for (const id of ["a", "Az09._-", "x".repeat(128)]) expect(await ask(id)).toBe(id);
  for (const id of ["", "x".repeat(129), "a b", "a,b", "a/b", "<b>"]) {
    const made = await ask(id);
    expect(made).not.toBe(id);
    expect(made).toMatch(/^[a-z2-7]{16}$/);
  }
});

test("a problem carries the id of its request", async () => {
  const response = await anonymous("/v1/searches", { headers: { "x-request-id": "my-call.1" } });
  expect(await response.json()).toMatchObject({ status: 401, requestId: "my-call.1" });
  const described = await ok<{ components: { schemas: { Problem: { required: string[] } } } }>(
    anonymous("/openapi.json"),
  );
  expect(described.components.schemas.Problem.required).toContain("requestId");
});

test("an unforeseen error is logged with the id that its answer has", async () => {
  const log = vi.spyOn(console, "error").mockImplementation(() => {});
  const broken = {
    prepare() {
      throw new Error("the database is away");
    },
  } as unknown as D1Database;
  const headers = { authorization: `Bearer ${await tokenWith("admin")}`, "x-request-id": "traced" };
  const response = await app.fetch(new Request("https://edge.test/v1/searches", { headers }), {
    ...env,
    DB: broken,
  });
  expect(response.status).toBe(500);
  expect(idOf(response)).toBe("traced");
  const text = await response.text();
  expect(JSON.parse(text)).toMatchObject({ requestId: "traced" });
  expect(text).not.toContain("the database is away");
  expect(String(log.mock.calls[0]?.[0])).toContain("traced");
});
