import { describe, expect, test } from "vitest";
import { anonymous, callerWith, createSearch, problemOf, tokenWith } from "./testEdge.ts";

const origin = { origin: "https://elsewhere.test" };

describe("pages of other sites", () => {
  test("may ask before they read what is public", async () => {
    for (const path of ["/healthz", "/openapi.json", "/v1/searches/aaaa/front", "/v1/trainings/aaaa"]) {
      const response = await anonymous(path, {
        method: "OPTIONS",
        headers: { ...origin, "access-control-request-method": "GET" },
      });
      const header = (name: string) => response.headers.get(`access-control-${name}`);
      expect([path, response.status, header("allow-origin")]).toEqual([path, 204, "*"]);
      expect(header("allow-methods")).toBe("GET, HEAD");
      expect(header("allow-headers")).toContain("if-none-match");
      expect(header("allow-headers")).not.toContain("authorization");
      expect(header("max-age")).toBe("86400");
      expect(header("allow-credentials")).toBeNull();
    }
  });

  test("are not asked in where a token is needed", async () => {
    for (const path of ["/v1/searches", "/v1/tokens", "/v1/tasks/lease", "/v1/datasets/aaaa"]) {
      const response = await anonymous(path, { method: "OPTIONS", headers: origin });
      expect([path, response.status]).toEqual([path, 204]);
      expect(response.headers.get("access-control-allow-origin")).toBeNull();
    }
  });

  test("see the tag, the id and the limits of what they read without a token, also of a refusal", async () => {
    const admin = callerWith(await tokenWith("admin"));
    const id = await createSearch(admin, { visibility: "public" });
    const read = await anonymous(`/v1/searches/${id}`, { headers: origin });
    const refused = await anonymous(`/v1/searches/${id}/architectures/aaaa`, { headers: origin });
    expect([read.status, refused.status]).toEqual([200, 404]);
    // What is kept of it is not for those who ask with a token.
    expect(read.headers.get("vary")?.toLowerCase()).toContain("authorization");
    for (const { headers } of [read, refused]) {
      expect(headers.get("access-control-allow-origin")).toBe("*");
      expect(headers.get("access-control-expose-headers")?.split(", ")).toEqual(
        expect.arrayContaining(["etag", "location", "ratelimit", "x-request-id"]),
      );
      expect(headers.get("access-control-allow-credentials")).toBeNull();
    }
  });

  test("read nothing that was asked for with a token", async () => {
    const admin = callerWith(await tokenWith("admin"));
    const response = await admin("/v1/searches", { headers: origin });
    expect(response.headers.get("access-control-allow-origin")).toBeNull();
  });
});

describe("methods", () => {
  test("that a path does not have are refused with those that it has", async () => {
    const admin = callerWith(await tokenWith("admin"));
    const allowOf = async (path: string, method: string) => {
      const response = await admin(path, { method });
      return [response.headers.get("allow"), await problemOf(Promise.resolve(response))];
    };
    const refused = "405 method-not-allowed";
    expect(await allowOf("/v1/searches", "DELETE")).toEqual(["GET, POST, HEAD, OPTIONS", refused]);
    expect(await allowOf("/v1/searches/aaaa", "PUT")).toEqual(["GET, PATCH, DELETE, HEAD, OPTIONS", refused]);
    expect(await allowOf("/v1/tasks/lease", "GET")).toEqual(["POST, OPTIONS", refused]);
    expect(await allowOf("/healthz", "POST")).toEqual(["GET, HEAD, OPTIONS", refused]);
    expect(await allowOf("/nowhere", "POST")).toEqual([null, "404 not-found"]);
    expect(await allowOf("/v1/nowhere", "OPTIONS")).toEqual([null, "404 not-found"]);
  });

  test("HEAD answers as GET does, without a body", async () => {
    const response = await anonymous("/healthz", { method: "HEAD" });
    expect([response.status, await response.text()]).toEqual([200, ""]);
  });
});

test("a body that is not JSON by its content-type is refused, after the token", async () => {
  const admin = callerWith(await tokenWith("admin"));
  const reader = callerWith(await tokenWith("searches:read"));
  for (const path of ["/v1/searches", "/v1/campaigns", "/v1/profiles", "/v1/tokens", "/v1/datasets"]) {
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""]) {
      const call = { body: {}, headers: { "content-type": type } };
      expect([path, type, await problemOf(admin(path, call))]).toEqual([
        path,
        type,
        "415 unsupported-media-type",
      ]);
      expect(await problemOf(anonymous(path, call))).toBe("401 unauthorized");
    }
    const json = { body: {}, headers: { "content-type": "application/json; charset=utf-8" } };
    expect((await admin(path, json)).status).toBe(422);
  }
  expect(await problemOf(reader("/v1/tokens", { body: {}, headers: { "content-type": "text/plain" } }))).toBe(
    "403 forbidden",
  );
});
