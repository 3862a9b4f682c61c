/**
 * DigitalOcean's API as it is documented, in front of a cloud. Its sizes are many pages, most of them without a GPU; some
 * have eight, or one of another maker's, or cannot be had.
 */

import type { FakeCloud, FakeMachine, FakeState, Operation, ProviderFake } from "./cloud.ts";
import { type FaultAnswers, withFaults } from "./faults.ts";
import { type MachineType, machineTypes, modelOf, readCloudInit, regionsOf } from "./vm.ts";

const firstDroplet = 400_000_000;
const sshKeyId = 512_189;
const limit = 5000;
const defaultPage = 20;
const maxPage = 200;
const maxUserDataBytes = 64 * 1024;
const plainSizes = 60;
const images = ["gpu-h100x1-base", "gpu-h100x8-base"];

const statuses: Record<FakeState, string> = {
  provisioning: "new",
  running: "active",
  exited: "off",
  preempted: "off",
  failed: "off",
  gone: "archive",
};

interface Exchange {
  cloud: FakeCloud;
  id: number;
  url: URL;
  body: Record<string, unknown>;
}
type Route = readonly [
  method: string,
  path: RegExp,
  operation: Operation,
  act: (exchange: Exchange) => Response,
];

const routes: readonly Route[] = [
  ["GET", /^\/sizes$/, "quote", listSizes],
  ["POST", /^\/droplets$/, "launch", create],
  ["GET", /^\/droplets$/, "list", list],
  ["GET", /^\/droplets\/(\d+)$/, "get", show],
  ["DELETE", /^\/droplets\/(\d+)$/, "terminate", remove],
];

export function digitaloceanFake(cloud: FakeCloud): ProviderFake {
  return {
    cloud,
    env: { DIGITALOCEAN_TOKEN: cloud.key, DIGITALOCEAN_SSH_KEY_ID: String(sshKeyId) },
    baseUrlVariable: "DIGITALOCEAN_BASE_URL",
    async handle(request) {
      const url = new URL(request.url);
      const text = await request.text();
      const answers = faultAnswers(cloud);
      if (request.headers.get("authorization") !== `Bearer ${cloud.key}`) return answers.auth();
      for (const [method, path, operation, act] of routes) {
        const match = path.exec(url.pathname);
        if (match === null || method !== request.method) continue;
        const body = text === "" ? {} : JSON.parse(text);
        const exchange = { cloud, id: Number(match[1]), url, body };
        return limited(
          withFaults(cloud, operation, answers, () => act(exchange)),
          cloud,
        );
      }
      return notFound();
    },
  };
}

/** Says how many requests are left, as every answer does. */
function limited(response: Response, cloud: FakeCloud): Response {
  const headers = new Headers(response.headers);
  const reset = Math.floor(cloud.now() / 1000) + 3600;
  for (const [name, value] of Object.entries(limitHeaders(limit - 1, reset)))
    if (response.status !== 429) headers.set(name, value);
  return new Response(response.body, { status: response.status, headers });
}

const limitHeaders = (remaining: number, reset: number): Record<string, string> => ({
  "ratelimit-limit": String(limit),
  "ratelimit-remaining": String(remaining),
  "ratelimit-reset": String(reset),
});

const refusal = (status: number, id: string, message: string, headers = {}): Response =>
  Response.json({ id, message, request_id: "4d9d8375-3c56-4925-a3e7-eb137fed17e9" }, { status, headers });

const unprocessable = (message: string): Response => refusal(422, "unprocessable_entity", message);
const notFound = (): Response => refusal(404, "not_found", "The resource you requested could not be found.");
const unavailable = (): Response =>
  unprocessable("The size you requested is currently not available in this region.");

const faultAnswers = (cloud: FakeCloud): FaultAnswers => ({
  error: () => refusal(500, "server_error", "Unexpected server-side error"),
  rate: (seconds) =>
    refusal(
      429,
      "too_many_requests",
      "API rate limit exceeded.",
      seconds === null ? {} : limitHeaders(0, Math.floor(cloud.now() / 1000) + seconds),
    ),
  capacity: unavailable,
  // It has no word for it: this is never asked for.
  balance: () => refusal(402, "payment_required", "Payment required."),
  auth: () => refusal(401, "unauthorized", "Unable to authenticate you."),
});

const idOf = ({ id }: FakeMachine): number => firstDroplet + Number(id.slice(1));
const machineOf = ({ cloud, id }: Exchange): FakeMachine | undefined =>
  cloud.machines.find((machine) => idOf(machine) === id && machine.deletedAt === null);
const typesOf = (cloud: FakeCloud): MachineType[] =>
  machineTypes(
    cloud,
    ({ gpu, gpuMemoryGb }, same) =>
      `gpu-${modelOf(gpu).replace("_", "")}x1-${gpuMemoryGb}gb${same === 0 ? "" : `-${same + 1}`}`,
  );

/** One page of it, and how to get the next. */
function pageOf(name: string, rows: readonly object[], url: URL): Response {
  const size = Number(url.searchParams.get("per_page") ?? defaultPage);
  const page = Number(url.searchParams.get("page") ?? "1");
  if (!(size >= 1 && size <= maxPage && page >= 1)) return unprocessable("per_page: must be from 1 to 200.");
  const last = Math.max(1, Math.ceil(rows.length / size));
  const at = (number: number): string => {
    const address = new URL(url);
    address.searchParams.set("page", String(number));
    return address.href;
  };
  return Response.json({
    [name]: rows.slice((page - 1) * size, page * size),
    links: page < last ? { pages: { next: at(page + 1), last: at(last) } } : {},
    meta: { total: rows.length },
  });
}

const sizeRow = (slug: string, price_hourly: number, regions: string[], available = true) => ({
  slug,
  memory: 245_760,
  vcpus: 20,
  disk: 720,
  price_monthly: price_hourly * 744,
  price_hourly,
  regions,
  available,
});

const gpuInfo = (count: number, model: string, amount: number) => ({
  gpu_info: { count, model, vram: { amount, unit: "gib" } },
});

const gpuSize = (type: MachineType) => {
  const regions = regionsOf(type);
  return {
    ...sizeRow(type.name, type.priceUsdPerHour, regions, regions.length > 0),
    ...gpuInfo(1, `nvidia_${modelOf(type.gpu)}`, type.gpuMemoryGb),
  };
};

function listSizes({ cloud, url }: Exchange): Response {
  const plain = Array.from({ length: plainSizes }, (_, at) =>
    sizeRow(`s-${at + 1}vcpu-1gb`, 0.01 * (at + 1), ["nyc2"]),
  );
  const unfit = [
    { ...sizeRow("gpu-h100x8-640gb", 1.5, ["nyc2"]), ...gpuInfo(8, "nvidia_h100", 640) },
    { ...sizeRow("gpu-mi300x1-192gb", 1.99, ["nyc2"]), ...gpuInfo(1, "amd_mi300x", 192) },
    { ...sizeRow("gpu-l4x1-24gb", 0.5, ["nyc2"], false), ...gpuInfo(1, "nvidia_l4", 24) },
  ];
  return pageOf("sizes", [...plain, ...unfit, ...typesOf(cloud).map(gpuSize)], url);
}

function create({ cloud, body }: Exchange): Response {
  const { name, region, size, image, ssh_keys: keys = [], user_data, tags: asked } = body;
  const isValid =
    typeof name === "string" &&
    /^[a-zA-Z0-9.-]{1,255}$/.test(name) &&
    typeof region === "string" &&
    typeof size === "string" &&
    typeof user_data === "string" &&
    new TextEncoder().encode(user_data).byteLength <= maxUserDataBytes &&
    Array.isArray(asked) &&
    asked.every((tag) => /^[\w:-]{1,255}$/.test(tag));
  if (!isValid) return unprocessable(`invalid parameters ${JSON.stringify(body)}`);
  if (!images.includes(String(image)))
    return unprocessable("You specified an invalid image for Droplet creation.");
  if (!(Array.isArray(keys) && keys.every((key) => key === sshKeyId)))
    return unprocessable("ssh_keys: are invalid key identifiers for Droplet creation.");
  const type = typesOf(cloud).find((type) => type.name === size);
  if (type === undefined) return unprocessable("You specified an invalid size for Droplet creation.");
  const offer = type.offers.find(({ location, capacity }) => location === region && capacity > 0);
  const { image: container, env } = readCloudInit(user_data);
  const request = { name, image: container, env, userData: user_data, interruptible: false };
  const machine = offer && cloud.launch(offer.id, request);
  if (machine == null) return unavailable();
  tags.set(machine, asked);
  return Response.json(
    { droplet: { ...dropletOf(cloud, machine), status: "new" }, links: { actions: [] } },
    { status: 202 },
  );
}

function dropletOf(cloud: FakeCloud, machine: FakeMachine) {
  const { offer, priceUsdPerHour } = machine;
  const type = typesOf(cloud).find(({ offers }) => offers.some(({ id }) => id === offer.id));
  const slug = type?.name ?? "";
  return {
    id: idOf(machine),
    name: machine.name,
    status: statuses[cloud.stateOf(machine)],
    created_at: new Date(machine.createdAt).toISOString(),
    region: { slug: offer.location },
    size_slug: slug,
    size: sizeRow(slug, priceUsdPerHour, [offer.location]),
    tags: tagsOf(machine),
  };
}

const tags = new WeakMap<FakeMachine, string[]>();
/** Those that were made some other way are tagged by their names. */
const tagsOf = (machine: FakeMachine): string[] =>
  tags.get(machine) ?? [machine.name.split("-").slice(0, 2).join("-")];

function list({ cloud, url }: Exchange): Response {
  const type = url.searchParams.get("type");
  const tag = url.searchParams.get("tag_name");
  if (type !== null && tag !== null)
    return refusal(400, "bad_request", "type and tag_name cannot be combined");
  // All machines here have GPUs, and are left out unless they are asked for.
  const found = cloud
    .listed()
    .filter((machine) => (tag === null ? type === "gpus" : tagsOf(machine).includes(tag)));
  return pageOf(
    "droplets",
    found.map((machine) => dropletOf(cloud, machine)),
    url,
  );
}

function show(exchange: Exchange): Response {
  const machine = machineOf(exchange);
  return machine === undefined ? notFound() : Response.json({ droplet: dropletOf(exchange.cloud, machine) });
}

function remove(exchange: Exchange): Response {
  const machine = machineOf(exchange);
  if (machine === undefined) return notFound();
  exchange.cloud.delete(machine.id);
  return new Response(null, { status: 204 });
}
