/** Rented machines: what runs, what it costs, and a way to end one by hand. */

import { createRoute, z } from "@hono/zod-openapi";
import { instanceStates } from "../../schema/instances.ts";
import { providerNames } from "../../shared/specification.ts";
import {
  body,
  cursorAfter,
  decodeCreated,
  failure,
  idParam,
  isoTime,
  isoTimeOrNull,
  json,
  lastPage,
  newApp,
  pageOf,
  pageQuery,
} from "../app.ts";
import { requires } from "../auth.ts";
import { Problem } from "../problems.ts";
import { rentAfterwards } from "../rentals/afterwards.ts";
import { told } from "../rentals/changes.ts";
import { costOf, usd } from "../rentals/money.ts";
import {
  changeInstance,
  findInstance,
  findInstanceNamed,
  type Instance,
  listInstances,
  rememberFailure,
} from "../store/instances.ts";

const tags = ["Rentals"];
const reading = {
  tags,
  security: [{ token: ["searches:read"] }],
  middleware: requires("searches:read"),
};

export const instanceSchema = z
  .object({
    id: z.string(),
    name: z.string().describe("at the provider"),
    searchId: z.string(),
    provider: z.enum(providerNames),
    machineId: z.string().nullable().describe("the provider's id"),
    state: z.enum(instanceStates),
    reason: z.string().nullable().describe("why it ends, or ended"),
    failure: z.string().nullable().describe("what its runner told of its failure, with the end of its log"),
    gpu: z.string(),
    location: z.string(),
    host: z.string().nullable(),
    interruptible: z.boolean(),
    priceUsdPerHour: z.number(),
    reservedUsd: z.number().describe("set aside for it and not spent"),
    spentUsd: z.number().describe("until now"),
    isSettled: z
      .boolean()
      .describe("whether the provider's own account has taken the place of ours, if it has one"),
    launchedAt: z.string(),
    registeredAt: z.string().nullable(),
    lastSeenAt: z.string().nullable(),
    expiresAt: z.string().describe("when it ends by itself, whatever else happens"),
    endedAt: z.string().nullable(),
  })
  .openapi("Instance");

export const instanceExample: z.infer<typeof instanceSchema> = {
  id: "s3fmwhrt7pwtxrm6",
  name: "nas-k2v7m3q9-k3v7m2q9x4t8w6zb-1-t1772443800",
  searchId: "k3v7m2q9x4t8w6zb",
  provider: "runpod",
  machineId: "x7k2m9q4",
  state: "launched",
  reason: null,
  gpu: "RTX 4090",
  location: "secure EU-RO-1",
  host: null,
  interruptible: false,
  failure: null,
  priceUsdPerHour: 0.44,
  reservedUsd: 0.22,
  spentUsd: 1.31,
  isSettled: false,
  launchedAt: "2026-03-02T09:30:00.000Z",
  registeredAt: "2026-03-02T09:34:10.000Z",
  lastSeenAt: "2026-03-02T12:28:41.000Z",
  expiresAt: "2026-03-03T09:30:00.000Z",
  endedAt: null,
};
const endingExample = { ...instanceExample, state: "terminating" as const, reason: "it was asked for" };

export function instanceView(instance: Instance, now: number): z.infer<typeof instanceSchema> {
  const { launchedAt, registeredAt, lastSeenAt, expiresAt, endedAt, settledAt } = instance;
  const { id, name, searchId, provider, machineId, state, reason, gpu, location, host, interruptible } =
    instance;
  const running = state === "ended" ? 0 : costOf(instance.microUsdPerHour, now - instance.accruedUntil);
  return {
    ...{ id, name, searchId, provider, machineId, state, reason, gpu, location, host, interruptible },
    failure: instance.failure,
    priceUsdPerHour: usd(instance.microUsdPerHour),
    reservedUsd: usd(Math.max(0, instance.reservedMicroUsd - running)),
    spentUsd: usd(instance.accruedMicroUsd + instance.settledMicroUsd + running),
    isSettled: settledAt !== null,
    launchedAt: isoTime(launchedAt),
    registeredAt: isoTimeOrNull(registeredAt),
    lastSeenAt: isoTimeOrNull(lastSeenAt),
    expiresAt: isoTime(expiresAt),
    endedAt: isoTimeOrNull(endedAt),
  };
}

const list = createRoute({
  ...reading,
  method: "get",
  path: "/instances",
  summary: "List rented machines, newest first",
  request: {
    query: pageQuery.extend({
      state: z.enum(["live", "all"]).default("all").describe("live: those that may still cost something"),
    }),
  },
  responses: { 200: json(pageOf(instanceSchema), "Machines", lastPage(instanceExample)), default: failure },
});

const read = createRoute({
  ...reading,
  method: "get",
  path: "/instances/{id}",
  summary: "Read a rented machine",
  request: { params: idParam },
  responses: { 200: json(instanceSchema, "The machine", instanceExample), default: failure },
});

const terminate = createRoute({
  tags,
  security: [{ token: ["searches:write"] }],
  middleware: requires("searches:write"),
  method: "post",
  path: "/instances/{id}/terminate",
  summary: "Give a machine back now; a search that is not paused or over rents another",
  request: { params: idParam },
  responses: { 202: json(instanceSchema, "The machine, which is ending", endingExample), default: failure },
});

const failureSchema = z.strictObject({
  message: z.string().min(1).max(1000),
  log: z.string().max(8000).describe("the end of what the runner printed"),
});

const fail = createRoute({
  tags: ["Runners"],
  security: [{ token: ["runner"] }],
  middleware: requires("runner"),
  method: "post",
  path: "/runners/failure",
  summary:
    "A runner on a rented machine cannot work there: the machine is given back, and its host not rented again soon",
  request: {
    body: body(failureSchema, { message: "TensorFlow sees no GPU", log: "CUDA error 802" }),
  },
  responses: {
    200: json(z.object({ terminating: z.boolean() }), "Told", { terminating: true }),
    default: failure,
  },
});

const tries = 3;

export const instances = newApp()
  .openapi(list, async (c) => {
    const { cursor, limit, state } = c.req.valid("query");
    const before = decodeCreated(cursor);
    const page = await listInstances(c.env.DB, { before, limit, live: state === "live" });
    const nextCursor = cursorAfter(page, limit, (row) => [row.launchedAt, row.id]);
    const now = Date.now();
    return c.json({ data: page.map((row) => instanceView(row, now)), nextCursor }, 200);
  })
  .openapi(fail, async (c) => {
    const name = c.get("principal")?.instance ?? null;
    const instance = name === null ? null : await findInstanceNamed(c.env.DB, name);
    if (instance === null)
      throw new Problem(
        "forbidden",
        "Only a runner with the token of a rented machine can say that it failed.",
      );
    const { message, log } = c.req.valid("json");
    const now = Date.now();
    const reason = `its runner failed: ${message}`;
    const isRunning = instance.state === "launched" || instance.state === "draining";
    const changed = isRunning
      ? await changeInstance(
          c.env.DB,
          instance,
          {
            endsLeases: true,
            set: { state: "terminating", reason, failure: `${message}\n${log}`, visitAt: now },
            events: [{ type: "instance.lost", data: { ...told(instance), reason } }],
          },
          now,
        )
      : null;
    if (changed !== null) {
      await rememberFailure(c.env.DB, instance, reason, now);
      await rentAfterwards(c);
    }
    return c.json({ terminating: changed !== null }, 200);
  })
  .openapi(read, async (c) => {
    const instance = await findInstance(c.env.DB, c.req.valid("param").id);
    if (instance === null) throw new Problem("not-found");
    return c.json(instanceView(instance, Date.now()), 200);
  })
  .openapi(terminate, async (c) => {
    const { id } = c.req.valid("param");
    for (let attempt = 0; attempt < tries; attempt++) {
      const instance = await findInstance(c.env.DB, id);
      if (instance === null) throw new Problem("not-found");
      const now = Date.now();
      if (instance.state === "ended" || instance.state === "terminating")
        return c.json(instanceView(instance, now), 202);
      // One whose creation got no answer is looked for first.
      if (instance.state === "launching")
        throw new Problem(
          "invalid-state",
          "The provider has not said yet whether it made this machine; try again in a minute.",
        );
      const set = { state: "terminating" as const, reason: "it was asked for", visitAt: now };
      const changed = await changeInstance(c.env.DB, instance, { set, endsLeases: true }, now);
      if (changed === null) continue;
      await rentAfterwards(c);
      return c.json(instanceView(changed, now), 202);
    }
    throw new Problem("invalid-state", "The machine kept changing; try again.");
  });
