/**
 * A whole search on rented machines: the real Worker in workerd, a RunPod that speaks the documented wire format, and
 * real runners in processes of their own as its pods.
 */

import { createHmac } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readFront, readSearch } from "../cli/api.ts";
import { type Child, startChild } from "../cli/children.ts";
import { runSchedule } from "../cli/localEdge.ts";
import { runCli } from "../cli/run.testing.ts";
import { rootDir } from "../setup/node.mjs";
import { FakeCloud, type FakeMachine } from "./fakes/cloud.ts";
import { runpodFake } from "./fakes/runpod.ts";
import { type ServedFake, serveFake } from "./fakes/serve.ts";
import { nativeBackend, smallSearch, TestEdge } from "./wholeSearch.ts";

const LIMIT_MS = 600_000;
const POLL_MS = 1000;
const priceUsdPerHour = 0.4;
const budgetUsd = 2;

const cloud = new FakeCloud({
  now: () => Date.now(),
  offers: [
    {
      id: "secure-1",
      gpu: "RTX 4090",
      gpuMemoryGb: 24,
      priceUsdPerHour,
      host: "h",
      location: "EU",
      capacity: 5,
    },
  ],
  bootSeconds: 1,
  key: "key-of-runpod",
});
const pods = new Map<string, Child>();
const lines: string[] = [];
const told: { type: string; data: Record<string, unknown> }[] = [];
const receiver = createServer(async (request, response) => {
  let body = "";
  for await (const chunk of request) body += chunk;
  told.push(JSON.parse(body));
  response.writeHead(204).end();
});
let runpod: ServedFake;
let edge: TestEdge;

/** A pod is a process that gets what the container would: the environment, and nothing else of ours. */
function startPod({ id, env }: FakeMachine): void {
  const child = startChild(process.execPath, ["cli/main.ts", "runner", "--checkpoint-seconds", "1"], {
    cwd: rootDir,
    env: {
      ...process.env,
      NASTURTIUM_BACKEND: nativeBackend,
      TF_CPP_MIN_LOG_LEVEL: "2",
      ...env,
      RUNPOD_POD_ID: id,
      RUNPOD_API_KEY: cloud.key,
      RUNPOD_BASE_URL: runpod.url,
    },
    onLine: (line) => lines.push(line),
  });
  pods.set(id, child);
}

async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const endsAt = Date.now() + LIMIT_MS / 2;
  while (!(await isSo())) {
    if (Date.now() > endsAt) throw new Error(`${what} did not come to be:\n${lines.slice(-20).join("\n")}`);
    await runSchedule(edge.edge.url);
    await pause(POLL_MS);
  }
}

const running = () => cloud.machines.filter((machine) => cloud.stateOf(machine) === "running");

beforeAll(async () => {
  runpod = await serveFake(runpodFake(cloud));
  cloud.onLaunch = startPod;
  cloud.onDelete = ({ id }) => void pods.get(id)?.stop();
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  edge = await TestEdge.start({
    ...runpod.env,
    NASTURTIUM_IMAGE: `registry.test/runner@sha256:${"0".repeat(64)}`,
    NASTURTIUM_WEBHOOK_HOSTS: `127.0.0.1:${(receiver.address() as AddressInfo).port}`,
    NASTURTIUM_RATE_LIMIT: "0",
  });
});

afterAll(async () => {
  await Promise.all([...pods.values()].map((pod) => pod.stop()));
  await edge?.stop();
  await runpod?.close();
  receiver.closeAllConnections();
  receiver.close();
});

test(
  "webhook in, a machine, rounds, preempted half-way, a second machine resumes, front, webhook out, and nothing left running",
  async () => {
    const { v1 } = edge.client;
    const hook = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
    await v1.webhooks.$post({ json: { url: hook, events: ["search.*", "instance.*"] } });
    const specification = {
      ...smallSearch("rented"),
      budget: { usd: budgetUsd },
      rental: { providers: ["runpod" as const], gpus: ["RTX 4090"], maxUsdPerHour: 0.5 },
    };
    await v1.templates.$post({ json: { name: "nightly", specification } });
    const asked = { name: "by a script", template: "nightly", source: "signed" } as const;
    const trigger = await edge.client.json(v1.triggers.$post({ json: asked }), ["id", "secret"]);
    const delivered = await deliver(trigger.id, trigger.secret);
    const searchId = delivered.searchId;

    await until(
      "a machine that works",
      async () => (await readSearch(edge.client, searchId)).progress.round >= 3,
    );
    const [first] = cloud.machines;
    if (first === undefined) throw new Error("no machine was launched");
    cloud.stop(first.id, "preempted");
    pods.get(first.id)?.process.kill("SIGKILL");

    await until(
      "the end of the search",
      async () => (await readSearch(edge.client, searchId)).state === "completed",
    );
    await until("the end of its machines", () => cloud.machines.every(({ deletedAt }) => deletedAt !== null));
    expect(running()).toEqual([]);
    expect(cloud.machines).toHaveLength(2);
    expect(lines.filter((line) => line.startsWith("Loaded the checkpoint after round"))).toHaveLength(1);
    expect((await readFront(edge.client, searchId)).length).toBeGreaterThan(0);

    const types = () => told.map(({ type }) => type);
    await until(
      "the last message",
      () => types().filter((type) => type === "instance.terminated").length === 2,
    );
    expect(types()).toEqual(
      expect.arrayContaining([
        "instance.launched",
        "instance.lost",
        "search.completed",
        "instance.terminated",
      ]),
    );
    const budget = await edge.client.json(v1.searches[":id"].budget.$get({ param: { id: searchId } }), [
      "spentUsd",
    ]);
    const billed = cloud.machines.reduce((sum, machine) => sum + cloud.billedUsd(machine), 0);
    expect(budget.spentUsd).toBeGreaterThanOrEqual(billed - 1e-6);
    expect(budget.spentUsd).toBeLessThan(budgetUsd);
    expect(budget.reservedUsd).toBe(0);

    const cli = (...args: string[]) =>
      runCli(args, {
        env: { NASTURTIUM_EDGE: edge.edge.url, NASTURTIUM_TOKEN: edge.edge.token, ...runpod.env },
      });
    expect(await cli("instances", "list")).toMatchObject({ code: 0, stdout: "No machine runs.\n" });
    expect(await cli("budgets", searchId)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("of $2.00"),
    });
    expect(await cli("offers")).toMatchObject({ code: 0, stdout: expect.stringContaining("RTX 4090") });
  },
  LIMIT_MS,
);

test("`reap` ends a machine that the edge does not know, and no other deployment's", async () => {
  cloud.onLaunch = undefined;
  const { deployment } = await edge.client.json(edge.client.v1.budgets.$get(), ["deployment"]);
  const launch = (name: string) =>
    cloud.launch("secure-1", { name, image: "i", env: {}, userData: null, interruptible: false });
  const orphan = launch(`nas-${deployment}-aaaaaaaaaaaaaaaa-1-t1`);
  const foreign = launch("nas-other234-aaaaaaaaaaaaaaaa-1-t1");
  const cli = (...args: string[]) =>
    runCli(["reap", ...args, "--json"], {
      env: { NASTURTIUM_EDGE: edge.edge.url, NASTURTIUM_TOKEN: edge.edge.token, ...runpod.env },
    });
  expect(JSON.parse((await cli("--dry-run")).stdout).data).toMatchObject([
    { name: orphan?.name, done: "no" },
  ]);
  expect(orphan?.deletedAt).toBeNull();
  expect(JSON.parse((await cli()).stdout).data).toMatchObject([{ name: orphan?.name, done: "ended" }]);
  expect(orphan?.deletedAt).not.toBeNull();
  expect(foreign?.deletedAt).toBeNull();
  expect(JSON.parse((await cli("--deployment", "other234")).stdout).data).toMatchObject([
    { name: foreign?.name },
  ]);
});

/** A request signed as Standard Webhooks says. */
async function deliver(triggerId: string, secret: string): Promise<{ searchId: string }> {
  const body = "{}";
  const id = "msg_1";
  const timestamp = Math.floor(Date.now() / 1000);
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const signature = createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64");
  const response = await fetch(`${edge.edge.url}/v1/triggers/${triggerId}`, {
    method: "POST",
    body,
    headers: {
      "content-type": "application/json",
      "webhook-id": id,
      "webhook-timestamp": String(timestamp),
      "webhook-signature": `v1,${signature}`,
    },
  });
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  return (await response.json()) as { searchId: string };
}
