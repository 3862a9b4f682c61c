import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCli } from "./run.testing.ts";

const known = {
  kind: "pull",
  backend: { name: "wasm" },
  objectives: [{ name: "latency", unit: "ms" }],
  state: "active",
  problem: null,
  waiting: 0,
  seenAt: null,
};
const hot = { clock: "c", temperatureCelsius: 84.4, isThrottled: true, seconds: 1, measuredAt: "" };
const data = [
  { ...known, name: "cool", conditions: null },
  { ...known, name: "hot", conditions: hot },
];
const server = createServer((_request, response) => {
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify({ data, nextCursor: null }));
});

beforeAll(() => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve)));
afterAll(() => server.close());

test("a device that was throttled when it measured last is flagged in the list", async () => {
  const { port } = server.address() as AddressInfo;
  const { code, stdout } = await runCli([
    "devices",
    "list",
    "--edge",
    `http://127.0.0.1:${port}`,
    "--token",
    "t",
  ]);
  expect(code).toBe(0);
  const [, cool, throttled] = stdout.trim().split("\n");
  expect(cool).not.toContain("THROTTLED");
  expect(throttled).toMatch(/hot .*THROTTLED, 84 °C/);
});
