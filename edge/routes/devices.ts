/** Devices that measure: registering them, what they have to measure, what is predicted of them. */

import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { calibrationStates, deviceStates } from "../../schema/devices.ts";
import {
  conditionsSchema,
  deviceBackendSchema,
  deviceObjectiveSchema,
  fingerprintSchema,
  measureLeaseSchema,
  measuringVersion,
  registerDeviceSchema,
  registeredDeviceSchema,
} from "../../shared/measuring.ts";
import { nameSchema } from "../../shared/specification.ts";
import {
  body,
  cursorAfter,
  decodeCursor,
  failure,
  isoTime,
  isoTimeOrNull,
  json,
  lastPage,
  newApp,
  pageOf,
  pageQuery,
} from "../app.ts";
import { assertScope, holds, requires } from "../auth.ts";
import type { AppEnv } from "../env.ts";
import { newId } from "../ids.ts";
import { calibrationsFor } from "../measuring/assign.ts";
import { measuredRangesOf } from "../measuring/calibrate.ts";
import { type MeasuredRange, predictedRange } from "../measuring/ranges.ts";
import { abandon, leaseMeasurement } from "../measuring/report.ts";
import { calibrationKey, wantedOf } from "../measuring/subjects.ts";
import { invalid, Problem } from "../problems.ts";
import { understood } from "../protocol.ts";
import { rememberAddress } from "../rentals/setUp.ts";
import { seal } from "../secrets.ts";
import { newSecret } from "../signature.ts";
import {
  changeDevice,
  type Device,
  deleteDevice,
  devicesAfter,
  findDevice,
  findDeviceById,
  insertDevice,
  sawDevice,
} from "../store/devices.ts";
import {
  type Calibration,
  calibrationsOf,
  deleteCalibration,
  devicesNow,
  findCalibration,
  waitingOf,
} from "../store/measurements.ts";
import { realPlatform } from "../webhooks/deliver.ts";
import { hostsIn, targetFault } from "../webhooks/target.ts";
import { readSpecification, specificationBody } from "./searches.ts";

const tags = ["Devices"];
const retryAfterSeconds = 5;
const nameParam = z.object({ name: z.string().openapi({ param: { name: "name", in: "path" } }) });

const deviceSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    kind: z.enum(["pull", "endpoint"]),
    backend: deviceBackendSchema,
    fingerprint: fingerprintSchema.nullable(),
    objectives: z.array(deviceObjectiveSchema),
    state: z.enum(deviceStates),
    problem: z.string().nullable().describe("why it is quarantined, or what is odd about it"),
    url: z.string().nullable(),
    waiting: z.int().describe("tasks that wait for it"),
    conditions: conditionsSchema
      .extend({ measuredAt: z.string() })
      .nullable()
      .describe("how it was when it measured last"),
    createdAt: z.string(),
    seenAt: z.string().nullable(),
  })
  .openapi("Device");

const example: z.infer<typeof deviceSchema> = {
  id: "p5k2w8xq7m3tz4vb",
  name: "phone-lab",
  kind: "pull",
  backend: { name: "webgpu", versions: { tfjs: "4.22.0" }, threads: 1 },
  fingerprint: {
    platform: "Android",
    processor: "arm64",
    cores: 8,
    gpu: "Adreno 740",
    runtime: "Chrome 141",
  },
  objectives: [{ name: "latency", unit: "ms" }],
  state: "active",
  problem: null,
  url: null,
  waiting: 2,
  conditions: {
    clock: "performance.now, steps of 0.1 ms",
    temperatureCelsius: 61,
    isThrottled: false,
    seconds: 38.4,
    measuredAt: "2026-03-02T09:46:12.000Z",
  },
  createdAt: "2026-03-02T09:40:00.000Z",
  seenAt: "2026-03-02T09:46:12.000Z",
};

const endpointSchema = z.strictObject({
  name: nameSchema,
  url: z.string().min(1).max(2000).describe("https, of a public address"),
  objectives: z.array(deviceObjectiveSchema).min(1).max(8),
});
const withSecret = deviceSchema.extend({
  secret: z.string().describe("whsec_..., what its requests are signed with; shown this once"),
});

export const rangeSchema = z.object({
  minimum: z.number(),
  median: z.number(),
  maximum: z.number(),
  networks: z
    .int()
    .optional()
    .describe("it is of so many networks that were measured, not of the whole space"),
});

const calibrationSchema = z
  .object({
    id: z.string(),
    device: z.string(),
    state: z.enum(calibrationStates),
    failure: z.string().nullable(),
    waiting: z.int().describe("tasks that are left"),
    seconds: z.number().nullable().describe("device time that it took"),
    quality: z.record(
      z.string(),
      z.object({
        kendallTau: z.number(),
        medianErrorPercent: z.number(),
        networks: z.int(),
        isUsed: z.boolean().describe("false: it predicts too badly, so every candidate is measured"),
      }),
    ),
    ranges: z.record(z.string(), rangeSchema),
    createdAt: z.string(),
    finishedAt: z.string().nullable(),
  })
  .openapi("Calibration");

const calibrationExample: z.infer<typeof calibrationSchema> = {
  id: "h3x7q2m9k5tw8zvb",
  device: "phone-lab",
  state: "ready",
  failure: null,
  waiting: 0,
  seconds: 214.5,
  quality: { latency: { kendallTau: 0.93, medianErrorPercent: 3.1, networks: 24, isUsed: true } },
  ranges: { latency: { minimum: 4.1, median: 9.6, maximum: 21.8 } },
  createdAt: "2026-03-02T09:41:00.000Z",
  finishedAt: "2026-03-02T09:44:41.000Z",
};

const register = createRoute({
  method: "post",
  path: "/devices",
  tags,
  security: [{ token: ["device"] }],
  middleware: [requires("device"), understood],
  summary: "Register a device that asks for work; the same one again gets its id again",
  request: {
    body: body(registerDeviceSchema, {
      measuringVersion,
      name: example.name,
      backend: example.backend,
      fingerprint: example.fingerprint ?? {
        platform: "",
        processor: "",
        cores: 1,
        gpu: null,
        runtime: "",
      },
      objectives: example.objectives,
    }),
  },
  responses: {
    201: json(registeredDeviceSchema, "Its id", { deviceId: example.id, name: example.name }),
    default: failure,
  },
});

const lease = createRoute({
  method: "post",
  path: "/devices/{id}/lease",
  tags,
  security: [{ token: ["device"] }],
  middleware: [requires("device"), understood],
  summary: "Lease what a device is to measure",
  request: { params: z.object({ id: z.string().openapi({ param: { name: "id", in: "path" } }) }) },
  responses: {
    200: json(measureLeaseSchema, "A leased task, or null when there is none", {
      lease: null,
      retryAfterSeconds,
    }),
    default: failure,
  },
});

const addEndpoint = createRoute({
  method: "post",
  path: "/endpoints",
  tags,
  security: [{ token: ["searches:write"] }],
  middleware: requires("searches:write"),
  summary: "Add an HTTPS endpoint of one's own that answers an architecture's values",
  description:
    "It is sent, signed, each architecture with its genotype, its graph and links to the network as files: see GET /v1/models/{link}/{file}.",
  request: {
    body: body(endpointSchema, {
      name: "simulator",
      url: "https://lab.example.org/cost",
      objectives: [{ name: "cost", unit: "cents" }],
    }),
  },
  responses: {
    201: json(withSecret, "The endpoint, with its secret", {
      ...example,
      name: "simulator",
      kind: "endpoint",
      backend: { name: "endpoint", versions: {}, threads: 1 },
      fingerprint: null,
      objectives: [{ name: "cost", unit: "cents" }],
      url: "https://lab.example.org/cost",
      secret: "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
    }),
    default: failure,
  },
});

const list = createRoute({
  method: "get",
  path: "/devices",
  tags,
  security: [{ token: ["searches:read"] }],
  middleware: requires("searches:read"),
  summary: "List devices by name",
  request: { query: pageQuery },
  responses: { 200: json(pageOf(deviceSchema), "Devices", lastPage(example)), default: failure },
});

const read = createRoute({
  method: "get",
  path: "/devices/{name}",
  tags,
  security: [{ token: ["searches:read"] }],
  middleware: requires("searches:read"),
  summary: "Read a device",
  request: { params: nameParam },
  responses: { 200: json(deviceSchema, "The device", example), default: failure },
});

const release = createRoute({
  method: "post",
  path: "/devices/{name}/release",
  tags,
  security: [{ token: ["searches:write"] }],
  middleware: requires("searches:write"),
  summary: "Release a device from quarantine",
  request: { params: nameParam },
  responses: { 200: json(deviceSchema, "The device", example), default: failure },
});

const remove = createRoute({
  method: "delete",
  path: "/devices/{name}",
  tags,
  security: [{ token: ["searches:write"] }],
  middleware: requires("searches:write"),
  summary: "Remove a device and its calibrations; searches go on without it",
  request: { params: nameParam },
  responses: { 204: { description: "It is gone" }, default: failure },
});

const calibrate = createRoute({
  method: "post",
  path: "/devices/{name}/calibrations",
  tags,
  security: [{ token: ["searches:write"] }],
  middleware: requires("searches:write"),
  summary: "Calibrate a device for the space of a specification that names it",
  request: {
    params: nameParam,
    query: z.object({ again: z.enum(["true", "false"]).default("false") }),
    body: specificationBody,
  },
  responses: {
    200: json(calibrationSchema, "The calibration, begun now or before", calibrationExample),
    default: failure,
  },
});

const calibrations = createRoute({
  method: "get",
  path: "/devices/{name}/calibrations",
  tags,
  security: [{ token: ["searches:read"] }],
  middleware: requires("searches:read"),
  summary: "Calibrations of a device, newest first",
  request: { params: nameParam },
  responses: {
    200: json(pageOf(calibrationSchema), "Calibrations", lastPage(calibrationExample)),
    default: failure,
  },
});

const view = (
  device: Device,
  { waiting, conditions }: Pick<z.infer<typeof deviceSchema>, "waiting" | "conditions">,
): z.infer<typeof deviceSchema> => {
  const { id, name, kind, backend, fingerprint, objectives, state, problem, url } = device;
  const times = { createdAt: isoTime(device.createdAt), seenAt: isoTimeOrNull(device.seenAt) };
  return {
    id,
    name,
    kind,
    backend,
    fingerprint,
    objectives,
    state,
    problem,
    url,
    waiting,
    conditions,
    ...times,
  };
};

async function viewsNow(db: D1Database, devices: readonly Device[]) {
  const now = await devicesNow(
    db,
    devices.map(({ id }) => id),
  );
  return devices.map((device, index) => {
    const { waiting, last } = now[index] ?? { waiting: 0, last: null };
    const conditions = last === null ? null : { ...last.conditions, measuredAt: isoTime(last.measuredAt) };
    return view(device, { waiting, conditions });
  });
}

const viewNow = async (db: D1Database, device: Device): Promise<z.infer<typeof deviceSchema>> =>
  (await viewsNow(db, [device]))[0] ?? view(device, { waiting: 0, conditions: null });

function calibrationView(
  calibration: Calibration,
  device: string,
  { waiting, measured }: { waiting: number; measured: Record<string, MeasuredRange> },
) {
  const { id, state, failure: reason, seconds, predictors, createdAt, finishedAt } = calibration;
  const all = Object.entries(predictors ?? {});
  return {
    id,
    device,
    state,
    failure: reason,
    waiting,
    seconds,
    quality: Object.fromEntries(
      all.map(([name, { kendallTau, medianErrorPercent, networks, isUsed }]) => [
        name,
        { kendallTau, medianErrorPercent, networks, isUsed },
      ]),
    ),
    ranges: {
      ...Object.fromEntries(
        all.map(([name, { predictor }]) => [name, predictedRange(calibration.space, predictor)] as const),
      ),
      ...measured,
    },
    createdAt: isoTime(createdAt),
    finishedAt: isoTimeOrNull(finishedAt),
  };
}

async function existing(c: Context<AppEnv>, name: string): Promise<Device> {
  const device = await findDevice(c.env.DB, name);
  if (device === null) throw new Problem("not-found", `There is no device "${name}".`);
  return device;
}

/** Why a device that registers is not the one that is known by its name. */
function changeOf(known: Device, now: z.output<typeof registerDeviceSchema>, tokenId: string | null) {
  if (known.kind !== "pull") return "an endpoint has this name";
  if (known.tokenId !== null && tokenId !== null && known.tokenId !== tokenId)
    return "it was registered with another token";
  if (known.backend.name !== now.backend.name)
    return `it was registered with the backend ${known.backend.name}, not ${now.backend.name}`;
  if (known.backend.threads !== now.backend.threads)
    return `it was registered with --threads ${known.backend.threads}, not ${now.backend.threads}`;
  for (const { name, unit } of now.objectives) {
    const before = known.objectives.find((objective) => objective.name === name)?.unit ?? unit;
    if (before !== unit) return `its ${name} was in ${before}, and is in ${unit}`;
  }
  const { processor, gpu, platform } = known.fingerprint ?? now.fingerprint;
  const parts = { processor, gpu, platform };
  for (const [key, value] of Object.entries(parts)) {
    const told = now.fingerprint[key as keyof typeof parts];
    if (told !== value) return `its ${key} was ${value}, and is ${told}`;
  }
  return null;
}

const calibrationOf = async (c: Context<AppEnv>, device: Device, calibration: Calibration) => {
  const waiting = (await waitingOf(c.env.DB, device.id)).filter(
    ({ calibrationId }) => calibrationId === calibration.id,
  );
  const measured = calibration.state === "measuring" ? {} : await measuredRangesOf(c.env.DB, calibration);
  return calibrationView(calibration, device.name, { waiting: waiting.length, measured });
};

export const devices = newApp()
  .openapi(register, async (c) => {
    const told = c.req.valid("json");
    const { DB: db } = c.env;
    if (told.measuringVersion !== measuringVersion)
      throw new Problem(
        "protocol-mismatch",
        `The device measures by version ${told.measuringVersion} of the protocol, this deployment by ${measuringVersion}: update the older of the two.`,
      );
    const principal = assertScope(c.get("principal"), "device");
    const tokenId = holds(principal, "admin") ? null : principal.id;
    const { name, backend, fingerprint, objectives } = told;
    const now = Date.now();
    const fresh = { id: newId(), name, kind: "pull" as const, tokenId, backend, fingerprint, objectives };
    const none = { problem: null, reference: null, url: null, sealedSecret: null };
    const device: Device = { ...fresh, ...none, state: "active", createdAt: now, seenAt: now };
    if (await insertDevice(db, device)) return c.json({ deviceId: device.id, name }, 201);
    const known = await existing(c, name);
    const change = changeOf(known, told, tokenId);
    if (change !== null) throw new Problem("device-changed", `"${name}": ${change}.`);
    if (known.state === "quarantined") throw new Problem("device-quarantined", `"${name}": ${known.problem}`);
    await changeDevice(db, known.id, { objectives, backend, seenAt: now });
    return c.json({ deviceId: known.id, name }, 201);
  })
  .openapi(lease, async (c) => {
    const device = await findDeviceById(c.env.DB, c.req.valid("param").id);
    if (device?.kind !== "pull")
      throw new Problem("not-found", "This device is not registered, or was removed.");
    const principal = assertScope(c.get("principal"), "device");
    if (device.tokenId !== null && !holds(principal, "admin") && device.tokenId !== principal.id)
      throw new Problem("forbidden", `"${device.name}" was registered with another token.`);
    if (device.state === "quarantined")
      throw new Problem("device-quarantined", `"${device.name}": ${device.problem}`);
    await sawDevice(c.env.DB, device.id, Date.now()).run();
    return c.json({ lease: await leaseMeasurement(c.env, device), retryAfterSeconds }, 200);
  })
  .openapi(addEndpoint, async (c) => {
    const { name, url, objectives } = c.req.valid("json");
    const fault = await targetFault(url, hostsIn(c.env.NASTURTIUM_WEBHOOK_HOSTS), realPlatform().resolve);
    if (fault !== null) throw invalid([{ pointer: "/url", detail: fault }]);
    const secret = newSecret("signed");
    const device: Device = {
      id: newId(),
      name,
      kind: "endpoint",
      tokenId: null,
      backend: { name: "endpoint", versions: {}, threads: 1 },
      fingerprint: null,
      objectives,
      state: "active",
      problem: null,
      reference: null,
      url,
      sealedSecret: await seal(c.env, secret),
      createdAt: Date.now(),
      seenAt: null,
    };
    // Where its requests' links lead, should nothing else say so.
    await rememberAddress(c.env, new URL(c.req.url).origin);
    if (!(await insertDevice(c.env.DB, device)))
      throw invalid([{ pointer: "/name", detail: `there is a device "${name}"; use another name` }]);
    const headers = { location: `/v1/devices/${name}`, "cache-control": "no-store" };
    return c.json({ ...view(device, { waiting: 0, conditions: null }), secret }, 201, headers);
  })
  .openapi(list, async (c) => {
    const { cursor, limit } = c.req.valid("query");
    const [after] = decodeCursor(cursor, z.tuple([z.string()])) ?? [""];
    const page = await devicesAfter(c.env.DB, after, limit);
    const nextCursor = cursorAfter(page, limit, ({ name }) => [name]);
    return c.json({ data: await viewsNow(c.env.DB, page), nextCursor }, 200);
  })
  .openapi(read, async (c) =>
    c.json(await viewNow(c.env.DB, await existing(c, c.req.valid("param").name)), 200),
  )
  .openapi(release, async (c) => {
    const device = await existing(c, c.req.valid("param").name);
    await changeDevice(c.env.DB, device.id, { state: "active", problem: null });
    return c.json(await viewNow(c.env.DB, { ...device, state: "active", problem: null }), 200);
  })
  .openapi(remove, async (c) => {
    const device = await existing(c, c.req.valid("param").name);
    const waiting = await waitingOf(c.env.DB, device.id);
    await abandon(
      c.env,
      waiting.map(({ id }) => id),
      `${device.name} was removed`,
    );
    await deleteDevice(c.env.DB, device.id);
    return c.body(null, 204);
  })
  .openapi(calibrate, async (c) => {
    const { DB: db } = c.env;
    const device = await existing(c, c.req.valid("param").name);
    const again = c.req.valid("query").again === "true";
    // What is measured anew may turn out to be less than what was predicted before.
    const { specification } = await readSpecification(c, { limits: !again });
    const names = wantedOf(specification).find((wanted) => wanted.device === device.name)?.predictable ?? [];
    if (names.length === 0) {
      const detail = `no objective names ${device.name} with latency or energy; add { name: latency, device: ${device.name}, goal: minimize }`;
      throw invalid([{ pointer: "/objectives", detail }]);
    }
    const key = calibrationKey(specification);
    const before = await findCalibration(db, device.id, key);
    if (before !== null && before.state !== "measuring" && again) await deleteCalibration(db, before.id);
    await db.batch(calibrationsFor(db, specification, Date.now()));
    const calibration = await findCalibration(db, device.id, key);
    if (calibration === null) throw new Problem("device-quarantined", `"${device.name}": ${device.problem}`);
    return c.json(await calibrationOf(c, device, calibration), 200);
  })
  .openapi(calibrations, async (c) => {
    const device = await existing(c, c.req.valid("param").name);
    const all = await calibrationsOf(c.env.DB, device.id);
    const data = await Promise.all(all.map((calibration) => calibrationOf(c, device, calibration)));
    return c.json({ data, nextCursor: null }, 200);
  });
