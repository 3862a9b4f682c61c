import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { expiryOf } from "./commands/tokens.ts";
import { runCli } from "./run.testing.ts";

const now = Date.parse("2030-01-01T00:00:00Z");

describe("--expires", () => {
  test("is a time from now or a time", () => {
    expect(expiryOf("30d", now)).toBe("2030-01-31T00:00:00.000Z");
    expect(expiryOf("12h", now)).toBe("2030-01-01T12:00:00.000Z");
    expect(expiryOf("2030-02-01T00:00:00+01:00", now)).toBe("2030-01-31T23:00:00.000Z");
    expect(expiryOf("2030-02-01", now)).toBe("2030-02-01T00:00:00.000Z");
  });

  test("is refused where it is no time, or past", () => {
    for (const text of ["", "30", "d", "-1d", "0d", "tomorrow", "2029-12-31", "2030-99-01"])
      expect(() => expiryOf(text, now)).toThrow("--expires is a time to come");
  });
});

describe("at an edge", () => {
  const never = { expiresAt: null, lastUsedAt: null, revokedAt: null, searchId: null };
  const past = "2020-01-01T00:00:00.000Z";
  const rows = [
    { id: "a", name: "ci", scopes: ["searches:read", "searches:write"], ...never, lastUsedAt: past },
    { id: "b", name: "rented", scopes: ["runner"], ...never, searchId: "s", expiresAt: past },
    { id: "c", name: "lost", scopes: ["admin"], ...never, expiresAt: past, revokedAt: past },
  ];
  const sent: unknown[] = [];
  const server = createServer(async (request, response) => {
    response.setHeader("content-type", "application/json");
    if (request.method === "GET") return response.end(JSON.stringify({ data: rows, nextCursor: null }));
    let text = "";
    for await (const chunk of request) text += chunk;
    sent.push(JSON.parse(text));
    return response.writeHead(201).end(JSON.stringify({ id: "d", token: "nst_made" }));
  });
  let args: string[];
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    args = ["--edge", `http://127.0.0.1:${(server.address() as AddressInfo).port}`, "--token", "t"];
  });
  afterAll(() => server.close());

  test("create sends scope, name, expiry and search, and prints the token alone", async () => {
    const scope = ["tokens", "create", "--scope", "runner", "--name", "n"];
    expect(await runCli([...scope, ...args])).toMatchObject({ code: 0, stdout: "nst_made\n" });
    const rest = ["--expires", "2999-01-01T00:00:00Z", "--search", "s"];
    expect(await runCli([...scope, ...rest, ...args])).toMatchObject({ code: 0, stdout: "nst_made\n" });
    const least = { name: "n", scopes: ["runner"] };
    expect(sent).toEqual([least, { ...least, expiresAt: "2999-01-01T00:00:00.000Z", searchId: "s" }]);
    expect(await runCli([...scope, "--expires", "soon", ...args])).toMatchObject({ code: 2 });
  });

  test("list shows scopes, search, expiry, last use and state", async () => {
    const { stdout } = await runCli(["tokens", "list", ...args]);
    const lines = stdout
      .trim()
      .split("\n")
      .map((line) => line.split(/ {2,}/));
    expect(lines).toEqual([
      ["ID", "NAME", "SCOPES", "SEARCH", "EXPIRES", "LAST USED", "STATE"],
      ["a", "ci", "searches:read searches:write", "-", "-", past, "valid"],
      ["b", "rented", "runner", "s", past, "-", "expired"],
      ["c", "lost", "admin", "-", past, "-", "revoked"],
    ]);
  });
});
