import { beforeAll, describe, expect, test } from "vitest";
import type { Scope } from "../schema/tokens.ts";
import { newToken } from "./auth.ts";
import app from "./index.ts";
import {
  anonymous,
  type Caller,
  callerWith,
  createSearch,
  env,
  ok,
  problemOf,
  tokenWith,
} from "./testEdge.ts";

interface Route {
  method: string;
  path: string;
  scope: Scope;
  /** Readable without a token when the search is public. */
  isPublic: boolean;
}

let routes: Route[];
/** Paths of what needs a signature instead of a token. */
let signed: string[];
let admin: Caller;

beforeAll(async () => {
  admin = callerWith(await tokenWith("admin"));
  const { paths } = await ok<{
    paths: Record<string, Record<string, { security: Record<string, Scope[]>[] }>>;
  }>(anonymous("/openapi.json"));
  const all = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, { security }]) => ({
      method: method.toUpperCase(),
      path: path.replace("{part}", "1").replaceAll(/\{\w+\}/g, "aaaa"),
      scope: security.flatMap(({ token }) => token ?? [])[0] ?? ("admin" as const),
      isPublic: security.some((requirement) => Object.keys(requirement).length === 0),
      isSigned: security.some(({ signature }) => signature !== undefined),
    })),
  );
  routes = all.filter(({ isSigned }) => !isSigned);
  signed = all.filter(({ isSigned }) => isSigned).map(({ method, path }) => `${method} ${path}`);
});

/** All but those that gather what is public, and the files that a signed link opens. */
const guarded = () =>
  routes.filter(
    ({ isPublic, path }) => !isPublic || (path.includes("aaaa") && !path.startsWith("/v1/models/")),
  );
const bodyOf = ({ method }: Route) => (["POST", "PATCH"].includes(method) ? { body: {} } : {});

describe("every route", () => {
  test("is refused without a token", async () => {
    expect(routes.length).toBeGreaterThan(25);
    for (const route of guarded())
      expect([
        route.path,
        await problemOf(anonymous(route.path, { method: route.method, ...bodyOf(route) })),
      ]).toEqual([route.path, "401 unauthorized"]);
  });

  test("is refused to a token of another scope", async () => {
    const others: Record<Scope, Scope> = {
      admin: "searches:write",
      "searches:read": "runner",
      "searches:write": "searches:read",
      runner: "searches:write",
      device: "runner",
    };
    for (const route of guarded()) {
      const call = callerWith(await tokenWith(others[route.scope]));
      expect([
        route.path,
        await problemOf(call(route.path, { method: route.method, ...bodyOf(route) })),
      ]).toEqual([route.path, "403 forbidden"]);
    }
  });

  test("is open to a token of its scope", async () => {
    for (const route of routes) {
      const call = callerWith(await tokenWith(route.scope));
      const { status } = await call(route.path, { method: route.method, ...bodyOf(route) });
      expect([route.path, status]).not.toEqual([route.path, 401]);
      expect([route.path, status]).not.toEqual([route.path, 403]);
      expect(status).toBeLessThan(500);
    }
  });

  test("needs a token, but for the delivery to a trigger, which no token opens", async () => {
    expect(signed).toEqual(["POST /v1/triggers/aaaa"]);
    for (const call of [anonymous, admin])
      expect(await problemOf(call("/v1/triggers/aaaa", { body: {} }))).toBe("401 signature-invalid");
  });

  test("says what is public only for reading", () => {
    for (const { method, isPublic } of routes) if (isPublic) expect(method).toBe("GET");
  });
});

test("only health, description and docs are open to all", async () => {
  for (const path of ["/healthz", "/openapi.json", "/docs", "/docs/problems/lease-lost"])
    expect((await anonymous(path)).status).toBe(200);
  expect(await problemOf(anonymous("/metrics"))).toBe("401 unauthorized");
});

test("a public search is read without a token, a private one looks absent", async () => {
  const shown = await createSearch(admin, { visibility: "public" });
  const hidden = await createSearch(admin);
  for (const rest of ["", "/rounds", "/candidates", "/events", "/policy", "/front", "/trainings"]) {
    const response = await anonymous(`/v1/searches/${shown}${rest}`);
    expect([rest, response.status]).toEqual([rest, 200]);
    expect(response.headers.get("access-control-allow-origin")).toBe("*");
    expect(await problemOf(anonymous(`/v1/searches/${hidden}${rest}`))).toBe("401 unauthorized");
    expect(await problemOf(anonymous(`/v1/searches/aaaa${rest}`))).toBe("401 unauthorized");
  }
  expect(await problemOf(anonymous("/v1/searches"))).toBe("401 unauthorized");
  expect(await problemOf(anonymous(`/v1/searches/${shown}`, { method: "DELETE" }))).toBe("401 unauthorized");
});

describe("tokens", () => {
  test("are shown once, listed without their secret, and refused once revoked", async () => {
    const created = await ok<{ id: string; token: string }>(
      admin("/v1/tokens", { body: { name: "ci", scopes: ["searches:read"] } }),
    );
    const call = callerWith(created.token);
    expect((await call("/v1/searches")).status).toBe(200);
    const list = JSON.stringify(await ok(admin("/v1/tokens")));
    expect(list).toContain(created.id);
    expect(list).not.toContain(created.token);
    await ok(admin(`/v1/tokens/${created.id}`, { method: "DELETE" }));
    expect(await problemOf(call("/v1/searches"))).toBe("401 unauthorized");
  });

  test("are refused when unknown, mistyped or malformed", async () => {
    const { token } = await newToken();
    for (const wrong of [token, `${token.slice(0, -1)}${token.endsWith("a") ? "b" : "a"}`, "nst_", "secret"])
      expect(await problemOf(callerWith(wrong)("/v1/searches"))).toBe("401 unauthorized");
  });

  test("the environment's token is an admin's, and without one there is none", async () => {
    const ask = (secret: string | undefined, token: string) =>
      app.fetch(
        new Request("https://edge.test/v1/tokens", { headers: { authorization: `Bearer ${token}` } }),
        {
          ...env,
          ...(secret === undefined ? {} : { NASTURTIUM_ADMIN_TOKEN: secret }),
        },
      );
    expect((await ask("first", "first")).status).toBe(200);
    expect((await ask("first", "second")).status).toBe(401);
    expect((await ask("", "x")).status).toBe(401);
    expect((await ask(undefined, "undefined")).status).toBe(401);
  });
});
