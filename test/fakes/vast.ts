/**
 * Vast.ai's API as it is documented, in front of a cloud. Its numbers are the digits of the cloud's names: host `h7`
 * is machine 7. Every offer can be bid for, from half its price on. A launch that fails although the machine exists
 * answers 500, but for a bid an error with the contract's number.
 */

import type {
  FakeCloud,
  FakeLimit,
  FakeMachine,
  FakeOffer,
  FakeState,
  Operation,
  ProviderFake,
} from "./cloud.ts";
import { type FaultAnswers, withFaults } from "./faults.ts";

const firstAsk = 7_000_000;
const firstContract = 12_000_000;
const maxPage = 25;
const bidShare = 0.5;

/** actual_status, cur_state and intended_status. */
const statuses: Record<FakeState, readonly [string | null, string, string]> = {
  provisioning: ["loading", "running", "running"],
  running: ["running", "running", "running"],
  exited: ["exited", "running", "running"],
  preempted: ["exited", "stopped", "stopped"],
  failed: ["offline", "running", "running"],
  gone: [null, "stopped", "stopped"],
};
const gpuNames: Record<string, string> = {
  A100: "A100 SXM4",
  H100: "H100 SXM",
  V100: "Tesla V100",
  T4: "Tesla T4",
};

/** As documented, by endpoint. */
const limits: readonly FakeLimit[] = [
  { operations: ["launch"], everyMs: 4500 },
  { operations: ["get", "list"], everyMs: 2000 },
  { operations: ["terminate"], everyMs: 1000 },
];

interface Exchange {
  cloud: FakeCloud;
  id: number;
  query: URLSearchParams;
  body: Record<string, unknown>;
}
type Route = readonly [
  method: string,
  path: RegExp,
  operation: Operation,
  act: (exchange: Exchange) => Response,
];

const routes: readonly Route[] = [
  ["POST", /^\/api\/v0\/bundles\/$/, "quote", search],
  ["PUT", /^\/api\/v0\/asks\/(\d+)\/$/, "launch", accept],
  ["GET", /^\/api\/v1\/instances\/$/, "list", list],
  ["GET", /^\/api\/v0\/instances\/(\d+)\/$/, "get", show],
  ["DELETE", /^\/api\/v0\/instances\/(\d+)\/$/, "terminate", remove],
];

export function vastFake(cloud: FakeCloud): ProviderFake {
  return {
    cloud,
    env: { VAST_API_KEY: cloud.key },
    baseUrlVariable: "VAST_BASE_URL",
    async handle(request) {
      const { pathname, searchParams: query } = new URL(request.url);
      const text = await request.text();
      for (const [method, path, operation, act] of routes) {
        const match = path.exec(pathname);
        if (match === null || method !== request.method) continue;
        const isAllowed = request.headers.get("authorization") === `Bearer ${cloud.key}`;
        if (!isAllowed) return operation === "quote" ? notFound() : faultAnswers.auth();
        if (cloud.isTooSoon(operation, limits)) return faultAnswers.rate(null);
        const body = text === "" ? {} : JSON.parse(text);
        const exchange = { cloud, id: Number(match[1]), query, body };
        return withFaults(cloud, operation, answersTo(operation, exchange), () => act(exchange));
      }
      return notFound();
    },
  };
}

const notFound = (): Response =>
  new Response("<h1>Not Found</h1>", { status: 404, headers: { "content-type": "text/html" } });

const refusal = (status: number, error: string, msg: string, more = {}): Response =>
  Response.json({ success: false, error, msg, ...more }, { status });

const faultAnswers: FaultAnswers = {
  error: () => new Response("Internal Server Error", { status: 500 }),
  rate: (seconds) =>
    new Response("API requests too frequent", {
      status: 429,
      headers: {
        "content-type": "text/plain",
        ...(seconds === null ? {} : { "Retry-After": String(seconds) }),
      },
    }),
  capacity: () => refusal(410, "no_such_ask", "Instance type by that id is not available."),
  balance: () => refusal(400, "insufficient_credit", "Your account lacks credit; see the billing page."),
  auth: () => refusal(401, "auth_error", "Invalid user key"),
};

/** A bid that fails afterwards tells what it made. */
function answersTo(operation: Operation, { cloud, body }: Exchange): FaultAnswers {
  if (operation !== "launch" || body.price === undefined) return faultAnswers;
  return {
    ...faultAnswers,
    errorAfterwards: () => {
      const made = cloud.machines.at(-1);
      const contract = made === undefined ? {} : { new_contract: contractOf(made) };
      return refusal(200, "bid_failed", "The bid could not be placed.", contract);
    },
  };
}

const digitsOf = (name: string): number => Number(name.replace(/\D/g, ""));
const contractOf = ({ id }: FakeMachine): number => firstContract + digitsOf(id);
const askOf = (cloud: FakeCloud, offer: FakeOffer): number =>
  firstAsk + cloud.offers.findIndex(({ id }) => id === offer.id);
const minBidOf = ({ priceUsdPerHour }: FakeOffer): number => priceUsdPerHour * bidShare;
const gpuNameOf = (gpu: string): string =>
  gpuNames[gpu] ?? gpu.replace(/ Ada$/, "Ada").replace(/ Super/, "S");
const machineOf = ({ cloud, id }: Exchange): FakeMachine | undefined =>
  cloud.machines.find((machine) => contractOf(machine) === id && machine.deletedAt === null);

type Condition = { eq?: unknown; gte?: number; lte?: number; in?: unknown[] };

function meets(value: unknown, condition: Condition): boolean {
  const number = Number(value);
  if ("eq" in condition) return value === condition.eq;
  if (condition.in !== undefined) return condition.in.includes(value);
  return (
    number >= (condition.gte ?? Number.NEGATIVE_INFINITY) &&
    number <= (condition.lte ?? Number.POSITIVE_INFINITY)
  );
}

function search({ cloud, body }: Exchange): Response {
  const { limit = maxPage, type, order, allocated_storage: _, ...conditions } = body;
  if (type !== "ondemand" && type !== "bid") return refusal(400, "invalid_args", "type: unknown");
  const rows = cloud.offers
    .filter(({ capacity }) => capacity > 0)
    .map((offer) => rowOf(cloud, offer, type === "bid"));
  const unknown = Object.keys(conditions).find((name) => rows[0] !== undefined && !(name in rows[0]));
  if (unknown !== undefined) return refusal(400, "invalid_args", `unknown field ${unknown}`);
  const [[column = "id"] = []] = (order ?? []) as string[][];
  const found = rows
    .filter((row) =>
      Object.entries(conditions).every(([name, condition]) => meets(row[name], condition as Condition)),
    )
    .sort((one, other) => Number(one[column]) - Number(other[column]));
  return Response.json({ success: true, offers: found.slice(0, Number(limit)) });
}

function rowOf(cloud: FakeCloud, offer: FakeOffer, isBid: boolean): Record<string, unknown> {
  return {
    id: askOf(cloud, offer),
    machine_id: digitsOf(offer.host),
    host_id: digitsOf(offer.host) + 1,
    gpu_name: gpuNameOf(offer.gpu),
    num_gpus: 1,
    // A little less than the nominal size, as the driver says it.
    gpu_ram: offer.gpuMemoryGb * 1024 - 12,
    dph_total: isBid ? minBidOf(offer) : offer.priceUsdPerHour,
    min_bid: minBidOf(offer),
    is_bid: isBid,
    verified: true,
    rentable: true,
    cpu_arch: "amd64",
    cuda_max_good: 12.8,
    reliability: 0.998,
    geolocation: offer.location,
  };
}

function accept({ cloud, id, body }: Exchange): Response {
  const { image, disk, label, runtype, env, target_state, price } = body;
  const isValid =
    typeof image === "string" &&
    typeof disk === "number" &&
    disk >= 8 &&
    typeof label === "string" &&
    label.length <= 256 &&
    runtype === "args" &&
    target_state === "running" &&
    typeof env === "object" &&
    env !== null &&
    (price === undefined || typeof price === "number");
  if (!isValid) return refusal(400, "invalid_args", `invalid arguments ${JSON.stringify(body)}`);
  const offer = cloud.offers[id - firstAsk];
  if (offer === undefined) return refusal(404, "no_such_ask", `Instance type by id ${id} is not available.`);
  if (price !== undefined && price < minBidOf(offer))
    return refusal(400, "invalid_price", "The bid is too low.");
  const machine = cloud.launch(offer.id, {
    name: label,
    image,
    env: { ...(env as Record<string, string>) },
    userData: null,
    interruptible: price !== undefined,
    ...(price === undefined ? {} : { bidUsdPerHour: price }),
  });
  if (machine === null) return faultAnswers.capacity();
  return Response.json({ success: true, new_contract: contractOf(machine) });
}

function instanceOf(cloud: FakeCloud, machine: FakeMachine) {
  const state = cloud.stateOf(machine);
  const [actual, current, intended] = statuses[state];
  const isNew = state === "provisioning" && cloud.now() < (machine.createdAt + machine.runsAt) / 2;
  return {
    id: contractOf(machine),
    machine_id: digitsOf(machine.offer.host),
    actual_status: isNew ? null : actual,
    cur_state: current,
    next_state: current,
    intended_status: intended,
    label: machine.name,
    image_uuid: machine.image,
    gpu_name: gpuNameOf(machine.offer.gpu),
    dph_total: machine.priceUsdPerHour,
    is_bid: machine.interruptible,
    start_date: machine.createdAt / 1000,
  };
}

/** By key: what comes after the last one that was shown. */
function list({ cloud, query }: Exchange): Response {
  const limit = Math.min(Number(query.get("limit") ?? maxPage), maxPage);
  const after = Number(query.get("after_token") ?? "0");
  const rest = cloud.listed().filter((machine) => contractOf(machine) > after);
  const page = rest.slice(0, limit);
  const last = page.at(-1);
  return Response.json({
    success: true,
    instances: page.map((machine) => instanceOf(cloud, machine)),
    next_token: rest.length > page.length && last !== undefined ? String(contractOf(last)) : null,
  });
}

function show(exchange: Exchange): Response {
  const machine = machineOf(exchange);
  return Response.json({ instances: machine === undefined ? null : instanceOf(exchange.cloud, machine) });
}

function remove(exchange: Exchange): Response {
  const machine = machineOf(exchange);
  if (machine === undefined)
    return refusal(200, "no_such_instance", `Instance ${exchange.id} does not exist.`);
  exchange.cloud.delete(machine.id);
  return Response.json({ success: true });
}
