/** The pages as the Worker serves them. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newToken } from "../../cli/commands/dev.ts";
import { type LocalEdge, startLocalEdge } from "../../cli/localEdge.ts";
import { hasNoChromium, startChromium } from "./chromium.ts";

const stateDir = mkdtempSync(path.join(tmpdir(), "nasturtium-served-"));
let edge: LocalEdge;

beforeAll(async () => {
  const { signal } = new AbortController();
  edge = await startLocalEdge({ stateDir, token: newToken(), port: 0, signal });
});
afterAll(async () => {
  await edge?.stop();
  rmSync(stateDir, { recursive: true, force: true });
});

const get = (where: string) => fetch(`${edge.url}${where}`, { redirect: "manual" });

test("what is no page still reaches the Worker", async () => {
  for (const [where, status] of [
    ["/healthz", 200],
    ["/docs", 200],
    ["/openapi.json", 200],
    ["/metrics", 401],
    ["/v1/searches", 401],
    ["/nothing", 404],
    ["/v1/nothing", 404],
    ["/searches", 404],
  ] as const) {
    const response = await get(where);
    expect({ where, status: response.status }).toEqual({ where, status });
    expect(response.headers.get("x-request-id")).not.toBeNull();
  }
});

test.each(["/", "/device"])(
  "%s may load nothing from elsewhere, be framed by nobody, and is isolated",
  async (where) => {
    const { headers, status } = await get(where);
    expect(status).toBe(200);
    const policy = headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self' 'wasm-unsafe-eval';");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/'unsafe-|https?:|\*/);
    expect(headers.get("cross-origin-opener-policy")).toBe("same-origin");
    expect(headers.get("cross-origin-embedder-policy")).toBe("require-corp");
    expect(headers.get("referrer-policy")).toBe("no-referrer");
  },
);

describe.skipIf(hasNoChromium())("in a browser", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startChromium();
  });
  afterAll(() => browser?.close());

  test.each(["wasm", "webgl", "webgpu"])(
    "%s works under its policy, and nothing else is asked for",
    async (backend) => {
      const page = await browser.newPage();
      const elsewhere: string[] = [];
      const refused: string[] = [];
      page.on("request", (request) => {
        if (!request.url().startsWith(edge.url)) elsewhere.push(request.url());
      });
      page.on("console", (message) => {
        if (/Content Security Policy/i.test(message.text())) refused.push(message.text());
      });
      await page.goto(`${edge.url}/device#token=nst_mistyped&name=phone-lab&backend=${backend}`);
      // It has tried the backend by then.
      await page.getByRole("heading", { name: "The token is not accepted" }).waitFor({ timeout: 110_000 });
      expect({ elsewhere, refused }).toEqual({ elsewhere: [], refused: [] });
      expect(await page.evaluate("crossOriginIsolated")).toBe(true);
      expect(page.url()).toBe(`${edge.url}/device`);
      await page.close();
    },
  );
});
