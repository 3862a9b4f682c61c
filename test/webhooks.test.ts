/** Webhooks from the real Worker in workerd to a real server that fails in every way, with the command line around it. */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { listDeliveries } from "../cli/commands/webhooks.ts";
import { runSchedule } from "../cli/localEdge.ts";
import { type Outcome, runCli } from "../cli/run.testing.ts";
import { smallSearch, TestEdge } from "./wholeSearch.ts";

const POLL_MS = 250;
const LIMIT_MS = 60_000;
const TIMEOUT_SECONDS = "1";

interface Received {
  path: string;
  id: string;
  type: string;
  headers: Record<string, string>;
  body: string;
}

type Answer = (response: ServerResponse) => void;
const welcome: Answer = (response) => response.writeHead(204).end();
/** How each address answers a message the first time; later ones are welcome. */
const firstAnswers: Record<string, Answer> = {
  "/good": welcome,
  "/fails": (response) => response.writeHead(500).end("out of order"),
  // No answer at all: the edge has to end it.
  "/hangs": () => {},
  "/redirects": (response) => response.writeHead(307, { location: "/elsewhere" }).end(),
  "/gone": (response) => response.writeHead(410).end(),
};

const received: Received[] = [];
const server = createServer((request, response) => void take(request, response));
let edge: TestEdge;

async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let body = "";
  for await (const chunk of request) body += chunk;
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([key, value]) => [key, `${value}`]),
  );
  const path = request.url ?? "";
  const id = headers["webhook-id"] ?? "";
  const isFirst = !received.some((other) => other.path === path && other.id === id);
  received.push({ path, id, type: (JSON.parse(body) as { type: string }).type, headers, body });
  const answer = isFirst ? firstAnswers[path] : welcome;
  (answer ?? welcome)(response);
}

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  edge = await TestEdge.start({
    NASTURTIUM_WEBHOOK_HOSTS: new URL(address("")).host,
    NASTURTIUM_WEBHOOK_TIMEOUT_SECONDS: TIMEOUT_SECONDS,
    // The test asks again and again until all is delivered.
    NASTURTIUM_RATE_LIMIT: "0",
  });
});

afterAll(async () => {
  await edge?.stop();
  server.closeAllConnections();
  server.close();
});

const address = (path: string): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
const cli = (...args: string[]): Promise<Outcome> =>
  runCli(["webhooks", ...args, "--json"], {
    env: { NASTURTIUM_EDGE: edge.edge.url, NASTURTIUM_TOKEN: edge.edge.token },
  });
const hookSchema = z.object({ id: z.string(), secret: z.string() });
type Hook = z.infer<typeof hookSchema>;

async function create(path: string): Promise<Hook> {
  const { code, stdout, stderr } = await cli("create", address(path));
  expect(stderr).toBe("");
  expect(code).toBe(0);
  return hookSchema.parse(JSON.parse(stdout));
}

const deliveriesOf = (id: string) => listDeliveries(edge.client, id);

/** Lets the edge's minutes pass until nothing is open any more. */
async function untilDelivered(hooks: readonly Hook[]): Promise<void> {
  for (const limit = Date.now() + LIMIT_MS; ; await pause(POLL_MS)) {
    const lists = await Promise.all(hooks.map(({ id }) => deliveriesOf(id)));
    if (lists.flat().every(({ nextAttemptAt }) => nextAttemptAt === null)) return;
    if (Date.now() > limit) throw new Error(`still open: ${JSON.stringify(lists)}`);
    await runSchedule(edge.edge.url);
  }
}

test("every event reaches every endpoint at least once, whatever goes wrong at first, and the outbox tells how", async () => {
  const hooks = new Map<string, Hook>();
  for (const path of Object.keys(firstAnswers)) hooks.set(path, await create(path));
  const searchId = await edge.create(smallSearch("told"));
  for (const verb of ["pause", "resume", "cancel"] as const)
    await edge.client.v1.searches[":id"][verb].$post({ param: { id: searchId } });
  await untilDelivered([...hooks.values()]);

  const events = ["search.paused", "search.resumed", "search.cancelled"];
  for (const [path, { id, secret }] of hooks) {
    const requests = received.filter((request) => request.path === path);
    for (const { body, headers } of requests)
      expect(new Webhook(secret).verify(body, headers)).toMatchObject({ data: { searchId, name: "told" } });
    const deliveries = await deliveriesOf(id);
    if (path === "/gone") {
      expect(requests.length).toBeGreaterThan(0);
      expect(deliveries.every(({ state }) => state === "failed")).toBe(true);
      continue;
    }
    expect([...new Set(requests.map(({ type }) => type))].sort()).toEqual([...events].sort());
    expect(deliveries.map(({ type }) => type).sort()).toEqual([...events].sort());
    for (const delivery of deliveries) {
      expect(delivery.state).toBe("delivered");
      const sent = requests.filter((request) => request.id === delivery.id);
      expect(sent).toHaveLength(delivery.attempts.length);
      const first = delivery.attempts[0];
      if (path === "/good") expect(first).toMatchObject({ status: 204, error: null });
      else expect(delivery.attempts).toHaveLength(2);
      if (path === "/fails") expect(first).toMatchObject({ status: 500, excerpt: "out of order" });
      if (path === "/redirects") expect(first).toMatchObject({ status: 307 });
      if (path === "/hangs")
        expect(first).toMatchObject({
          status: null,
          error: `It did not answer within ${TIMEOUT_SECONDS} s.`,
        });
    }
  }
  expect(received.some(({ path }) => path === "/elsewhere")).toBe(false);
  const list = JSON.parse((await cli("list")).stdout) as {
    data: { id: string; enabled: boolean; disabledReason: string | null }[];
  };
  const gone = list.data.find(({ id }) => id === hooks.get("/gone")?.id);
  expect(gone).toMatchObject({ enabled: false, disabledReason: expect.stringContaining("410") });
});

test("the command line tests, lists, replays, rotates and deletes", async () => {
  const hook = await create("/good");
  const sent = z.object({ id: z.string() }).parse(JSON.parse((await cli("test", hook.id)).stdout));
  await untilDelivered([hook]);
  const { stdout } = await cli("deliveries", hook.id, "--state", "delivered");
  expect((JSON.parse(stdout) as { data: { id: string }[] }).data.map(({ id }) => id)).toEqual([sent.id]);

  const rotated = hookSchema.parse(JSON.parse((await cli("rotate", hook.id)).stdout));
  expect((await cli("replay", hook.id, sent.id)).code).toBe(0);
  await untilDelivered([hook]);
  const [, again] = received.filter(({ id }) => id === sent.id);
  for (const { secret } of [hook, rotated])
    expect(new Webhook(secret).verify(again?.body ?? "", again?.headers ?? {})).toMatchObject({
      type: "webhook.test",
    });

  expect((await cli("delete", hook.id)).code).toBe(0);
  const missing = await cli("deliveries", hook.id);
  expect(missing.code).toBe(1);
  expect(missing.stderr).toContain("nasturtium webhooks list");
  expect((await cli("create", "http://127.0.0.1:9/")).code).toBe(2);
  expect((await cli("create", "https://example.com", "--event", "search.exploded")).code).toBe(2);
});
