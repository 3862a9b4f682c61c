import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { runCli } from "./run.testing.ts";

const isNative = process.env.NASTURTIUM_BACKEND === "tensorflow";
const hasGpu = existsSync("/dev/nvidiactl");

test.runIf(isNative)("doctor --self-test trains and puts the result into its JSON", async () => {
  const { stdout } = await runCli(["doctor", "--self-test", "--json"]);
  const { checks, selfTest } = JSON.parse(stdout);
  expect(checks).toContainEqual(expect.objectContaining({ name: "Self-test", state: "ok" }));
  expect(selfTest).toMatchObject({ backend: "tensorflow", speedClass: expect.any(String) });
  expect(selfTest.lastLoss).toBeLessThan(selfTest.firstLoss);
});

test.runIf(isNative && !hasGpu)(
  "a runner whose self-test fails says why and never calls the edge",
  async () => {
    let calls = 0;
    const edge = createServer((_request, response) => {
      calls++;
      response.writeHead(503).end();
    });
    edge.listen(0, "127.0.0.1");
    await once(edge, "listening");
    const url = `http://127.0.0.1:${(edge.address() as AddressInfo).port}`;
    const env = { NASTURTIUM_EDGE: url, NASTURTIUM_TOKEN: "nst_test", NASTURTIUM_TENSORFLOW: "cuda" };
    const { code, stderr } = await runCli(["runner", "--self-test"], { env });
    edge.close();
    expect(code).toBe(1);
    expect(stderr).toContain("nasturtium: No NVIDIA GPU is visible. Give the container one");
    expect(calls).toBe(0);
  },
);
