/** Searches whose objectives real devices measure: processes of the command line, on real backends, against the real Worker. */

import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createToken, readEvents, readFront } from "../cli/api.ts";
import { type Child, startChild } from "../cli/children.ts";
import { rootDir } from "../setup/node.mjs";
import { isFinished, SEARCH_LIMIT_MS, searchOnDevices, TestEdge } from "./wholeSearch.ts";

let edge: TestEdge;
const devices: Child[] = [];

// Longer than a device goes without a heartbeat.
beforeAll(async () => {
  edge = await TestEdge.start({ NASTURTIUM_DEVICE_PATIENCE_MINUTES: "0.6" });
});
afterAll(async () => {
  for (const device of devices) await device.stop();
  await edge?.stop();
});

async function startDevice(name: string, backend: string): Promise<Child> {
  const { token } = await createToken(edge.client, { name, scopes: ["device"] });
  const cli = path.join(rootDir, "cli", "main.ts");
  const args = [cli, "device", "--name", name, "--backend", backend];
  const env = { ...process.env, NASTURTIUM_EDGE: edge.edge.url, NASTURTIUM_TOKEN: token };
  const child = startChild(process.execPath, args, { cwd: process.cwd(), env });
  devices.push(child);
  await untilKnown(name, child);
  return child;
}

async function untilKnown(name: string, child: Child): Promise<void> {
  const limit = Date.now() + 60_000;
  for (;;) {
    const { data } = await edge.client.json(edge.client.v1.devices.$get({ query: {} }), ["data"]);
    if (data.some((device) => device.name === name)) return;
    if (Date.now() > limit) throw new Error(`${name} did not register: ${child.tail()}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

test(
  "a search on two devices, one of which is killed half-way, ends with a model and what the other measured",
  async () => {
    await startDevice("steady", "onnxruntime");
    const mortal = await startDevice("mortal", "wasm");
    const id = await edge.create(searchOnDevices("steady", "mortal"));
    const runner = edge.startRunner(id);
    await edge.until(id, runner, ({ progress }) => progress.round >= 3);
    mortal.process.kill("SIGKILL");
    await mortal.exited;
    const { state } = await edge.until(id, runner, isFinished);
    await runner.stop();
    expect(state).toBe("completed");
    const front = await readFront(edge.client, id);
    expect(front.length).toBeGreaterThan(0);
    for (const { values, predicted } of front) {
      expect(values["latency.steady"]).toBeGreaterThan(0);
      expect(predicted).not.toContain("latency.steady");
    }
    const events = (await readEvents(edge.client, id)).map(({ type }) => type);
    expect(events).toContain("training.completed");
  },
  SEARCH_LIMIT_MS,
);

test(
  "latency without a device is what the runner measures of each candidate",
  async () => {
    const search = searchOnDevices();
    const id = await edge.create({
      ...search,
      objectives: [
        { name: "accuracy", goal: "maximize" },
        { name: "latency", goal: "minimize" },
      ],
    });
    const runner = edge.startRunner(id);
    const { state } = await edge.until(id, runner, isFinished);
    await runner.stop();
    expect(state).toBe("completed");
    for (const { values } of await readFront(edge.client, id)) expect(values.latency).toBeGreaterThan(0);
  },
  SEARCH_LIMIT_MS,
);
