/**
 * RunPod's REST API v2 as it is documented, in front of a cloud. An offer whose id begins with `community` is of the
 * community cloud, any other of the secure one; a pod has the cheapest offer of its GPU and cloud that is left.
 */

import type { FakeCloud, FakeMachine, FakeOffer, FakeState, Operation, ProviderFake } from "./cloud.ts";
import { type FaultAnswers, withFaults } from "./faults.ts";

const statuses: Record<FakeState, string> = {
  provisioning: "PROVISIONING",
  running: "RUNNING",
  exited: "EXITED",
  preempted: "EXITED",
  failed: "ERROR",
  gone: "TERMINATED",
};
/** What RunPod calls them; others are NVIDIA and the model. */
const gpuIds: Record<string, string> = {
  A100: "NVIDIA A100 80GB PCIe",
  H100: "NVIDIA H100 80GB HBM3",
  "RTX 6000 Ada": "NVIDIA RTX 6000 Ada Generation",
};
const isGeForce = /^RTX [345]0/;
const noCapacity =
  "There are no longer any instances available with the requested specifications. Please refresh and try again.";

type Cloud = "SECURE" | "COMMUNITY";
type Route = readonly [method: string, path: RegExp, operation: Operation, act: Act];
type Act = (fake: Exchange) => Response;
interface Exchange {
  cloud: FakeCloud;
  id: string;
  query: URLSearchParams;
  body: unknown;
}

const routes: readonly Route[] = [
  ["GET", /^\/catalog\/gpus$/, "quote", catalog],
  ["POST", /^\/pods$/, "launch", create],
  ["GET", /^\/pods$/, "list", list],
  ["GET", /^\/pods\/([^/]+)$/, "get", show],
  ["DELETE", /^\/pods\/([^/]+)$/, "terminate", remove],
  ["GET", /^\/billing\/pods$/, "billing", billing],
];

export function runpodFake(cloud: FakeCloud): ProviderFake {
  return {
    cloud,
    env: { RUNPOD_API_KEY: cloud.key },
    baseUrlVariable: "RUNPOD_BASE_URL",
    async handle(request) {
      if (request.headers.get("authorization") !== `Bearer ${cloud.key}`) return faultAnswers.auth();
      const { pathname, searchParams: query } = new URL(request.url);
      const text = await request.text();
      let body: unknown;
      try {
        body = text === "" ? undefined : JSON.parse(text);
      } catch {
        return problem(400, "Bad Request", "The body is not JSON.");
      }
      for (const [method, path, operation, act] of routes) {
        const match = path.exec(pathname);
        if (match === null || method !== request.method) continue;
        const id = decodeURIComponent(match[1] ?? "");
        return withFaults(cloud, operation, faultAnswers, () => act({ cloud, id, query, body }));
      }
      return problem(404, "Not Found", `There is no ${request.method} ${pathname}.`);
    },
  };
}

const limits = {
  RateLimit: '"minute";r=59;t=60, "hour";r=2999;t=3600',
  "RateLimit-Policy": '"minute";q=60;w=60, "hour";q=3000;w=3600',
};

const json = (body: unknown, status = 200): Response => Response.json(body, { status, headers: limits });

function problem(
  status: number,
  title: string,
  detail: string,
  headers: Record<string, string> = {},
): Response {
  return new Response(JSON.stringify({ title, status, detail }), {
    status,
    headers: { "content-type": "application/problem+json", ...headers },
  });
}

const faultAnswers: FaultAnswers = {
  error: () => problem(500, "Internal Server Error", "Something went wrong."),
  rate: (seconds) =>
    problem(
      429,
      "Too Many Requests",
      "Rate limit exceeded.",
      seconds === null ? {} : { "Retry-After": String(seconds), RateLimit: `"minute";r=0;t=${seconds}` },
    ),
  capacity: () => problem(400, "Bad Request", noCapacity),
  balance: () => problem(402, "Payment Required", "Your account balance is too low to start a pod."),
  invalid: () => problem(422, "Unprocessable Entity", "Validation failed: image."),
  unclear: () => problem(400, "Bad Request", "The pod cannot be created."),
  auth: () => problem(401, "Unauthorized", "The API key is not valid."),
};

const gpuIdOf = (gpu: string): string =>
  gpuIds[gpu] ?? (isGeForce.test(gpu) ? `NVIDIA GeForce ${gpu}` : `NVIDIA ${gpu}`);
const cloudOf = ({ id }: FakeOffer): Cloud => (id.startsWith("community") ? "COMMUNITY" : "SECURE");

/** The cheapest that is left. */
const cheapest = (offers: readonly FakeOffer[]): FakeOffer | undefined =>
  offers
    .filter(({ capacity }) => capacity > 0)
    .sort((one, other) => one.priceUsdPerHour - other.priceUsdPerHour)[0];

function catalog({ cloud, query }: Exchange): Response {
  const isAvailability = query.get("include") === "AVAILABILITY";
  if (isAvailability !== query.has("product"))
    return problem(400, "Bad Request", "include=AVAILABILITY and product are only valid together.");
  const names = [...new Set(cloud.offers.map(({ gpu }) => gpu))];
  return json({
    gpus: names.map((gpu) => {
      const offers = cloud.offers.filter((offer) => offer.gpu === gpu);
      const price = (wanted: Cloud) =>
        cheapest(offers.filter((offer) => cloudOf(offer) === wanted))?.priceUsdPerHour ?? null;
      const availability = cheapest(offers) === undefined ? "NONE" : "HIGH";
      return {
        id: gpuIdOf(gpu),
        name: gpu,
        memory: offers[0]?.gpuMemoryGb,
        price: { secure: price("SECURE"), community: price("COMMUNITY") },
        maxCount: { secure: 8, community: 8 },
        ...(isAvailability && {
          availability,
          dataCenters: offers.map(({ location }) => ({ id: location, name: location, availability })),
          cudaVersions: [{ version: "12.8", available: true }],
        }),
      };
    }),
  });
}

function create({ cloud, body }: Exchange): Response {
  const { name, image, gpu, cloud: kind, disk, env } = (body ?? {}) as Record<string, unknown>;
  const { id: gpuId, count } = (gpu ?? {}) as Record<string, unknown>;
  const isMap = typeof env === "object" && env !== null && !Array.isArray(env);
  const isValid =
    typeof name === "string" &&
    typeof image === "string" &&
    typeof gpuId === "string" &&
    count === 1 &&
    (kind === "SECURE" || kind === "COMMUNITY") &&
    typeof disk === "number" &&
    isMap;
  if (!isValid) return problem(422, "Unprocessable Entity", `Validation failed: ${JSON.stringify(body)}`);
  const offer = cheapest(
    cloud.offers.filter((offer) => gpuIdOf(offer.gpu) === gpuId && cloudOf(offer) === kind),
  );
  const request = {
    name,
    image,
    env: { ...(env as Record<string, string>) },
    userData: null,
    interruptible: false,
  };
  const machine = offer === undefined ? null : cloud.launch(offer.id, request);
  return machine === null ? problem(400, "Bad Request", noCapacity) : json(podOf(cloud, machine), 201);
}

function podOf(cloud: FakeCloud, machine: FakeMachine) {
  const state = cloud.stateOf(machine);
  const isBooting = state === "provisioning" && cloud.now() >= (machine.createdAt + machine.runsAt) / 2;
  return {
    id: machine.id,
    name: machine.name,
    image: machine.image,
    status: isBooting ? "STARTING" : statuses[state],
    gpu: { id: gpuIdOf(machine.offer.gpu), count: 1 },
    cloud: cloudOf(machine.offer),
    dataCenterId: machine.offer.location,
    cost: state === "exited" || state === "preempted" ? 0 : machine.priceUsdPerHour,
    runtime: state === "running" ? { uptime: Math.floor((cloud.now() - machine.runsAt) / 1000) } : null,
    createdAt: new Date(machine.createdAt).toISOString(),
    startedAt: state === "running" ? new Date(machine.runsAt).toISOString() : null,
  };
}

function list({ cloud }: Exchange): Response {
  return json({ pods: cloud.listed().map((machine) => podOf(cloud, machine)) });
}

function show({ cloud, id }: Exchange): Response {
  const machine = cloud.find(id);
  if (machine === undefined || machine.deletedAt !== null) return problem(404, "Not Found", "Pod not found.");
  return json(podOf(cloud, machine));
}

function remove({ cloud, id }: Exchange): Response {
  if (!cloud.delete(id)) return problem(404, "Not Found", "Pod not found.");
  return new Response(null, { status: 204, headers: limits });
}

/** In two buckets, for what was billed has to be added up; nothing of what is not booked yet. */
function billing({ cloud, query }: Exchange): Response {
  if (!["podId", "startTime", "endTime"].every((parameter) => query.has(parameter)))
    return problem(422, "Unprocessable Entity", "podId, startTime and endTime are required.");
  const podId = query.get("podId");
  const machine = cloud.find(podId ?? "");
  const from = Date.parse(query.get("startTime") ?? "");
  const bookedUntil = cloud.now() - 1000 * cloud.faults.billingLagSeconds;
  const to = Math.min(Date.parse(query.get("endTime") ?? ""), bookedUntil);
  if (machine === undefined || to <= from) return json({ records: [] });
  const until = Math.min(machine.deletedAt ?? cloud.now(), bookedUntil);
  const record = (start: number, end: number) => ({
    startTime: new Date(start).toISOString(),
    endTime: new Date(end).toISOString(),
    podId,
    totalAmount: Math.max(0, cloud.billedUsd(machine, until)) / 2,
  });
  const middle = (from + to) / 2;
  return json({ records: [record(middle, to), record(from, middle)] });
}
