/**
 * Lambda's API as it is documented, in front of a cloud. It also offers what must never be rented: machines of eight
 * GPUs, and one with an ARM processor.
 */

import type { FakeCloud, FakeLimit, FakeMachine, FakeState, Operation, ProviderFake } from "./cloud.ts";
import { type FaultAnswers, withFaults } from "./faults.ts";
import { type MachineType, machineTypes, modelOf, readCloudInit, regionsOf } from "./vm.ts";

const sshKeyName = "nasturtium";
const idDigits = 32;
const maxUserDataBytes = 1_000_000;

const statuses: Record<FakeState, string> = {
  provisioning: "booting",
  running: "active",
  exited: "unhealthy",
  preempted: "preempted",
  failed: "unhealthy",
  gone: "terminated",
};

/** As documented. */
const limits: readonly FakeLimit[] = [{ everyMs: 1000 }, { operations: ["launch"], everyMs: 12_000 }];

interface Exchange {
  cloud: FakeCloud;
  id: string;
  body: Record<string, unknown>;
}
type Route = readonly [
  method: string,
  path: RegExp,
  operation: Operation,
  act: (exchange: Exchange) => Response,
];

const routes: readonly Route[] = [
  ["GET", /^\/instance-types$/, "quote", listTypes],
  ["POST", /^\/instance-operations\/launch$/, "launch", launch],
  ["GET", /^\/instances$/, "list", list],
  ["GET", /^\/instances\/([^/]+)$/, "get", show],
  ["POST", /^\/instance-operations\/terminate$/, "terminate", terminate],
];

export function lambdaFake(cloud: FakeCloud): ProviderFake {
  return {
    cloud,
    env: { LAMBDA_API_KEY: cloud.key, LAMBDA_SSH_KEY_NAME: sshKeyName },
    baseUrlVariable: "LAMBDA_BASE_URL",
    async handle(request) {
      const { pathname } = new URL(request.url);
      const text = await request.text();
      if (request.headers.get("authorization") !== `Bearer ${cloud.key}`) return faultAnswers.auth();
      for (const [method, path, operation, act] of routes) {
        const match = path.exec(pathname);
        if (match === null || method !== request.method) continue;
        if (cloud.isTooSoon(operation, limits)) return faultAnswers.rate(null);
        const body = text === "" ? {} : JSON.parse(text);
        const exchange = { cloud, id: decodeURIComponent(match[1] ?? ""), body };
        return withFaults(cloud, operation, faultAnswers, () => act(exchange));
      }
      return unknown(`${request.method} ${pathname}`);
    },
  };
}

const refusal = (status: number, code: string, message: string, headers = {}): Response =>
  Response.json({ error: { code, message, suggestion: "See the documentation." } }, { status, headers });

const invalid = (message: string): Response => refusal(400, "global/invalid-parameters", message);
const unknown = (what: string): Response =>
  refusal(404, "global/object-does-not-exist", `${what} does not exist.`);

const faultAnswers: FaultAnswers = {
  error: () => refusal(500, "provider/internal-unavailable", "Something went wrong."),
  rate: (seconds) =>
    refusal(
      429,
      "global/rate-limited",
      "Too many requests.",
      seconds === null ? {} : { "Retry-After": String(seconds) },
    ),
  capacity: () =>
    refusal(
      400,
      "instance-operations/launch/insufficient-capacity",
      "Not enough capacity to fulfill launch request.",
    ),
  balance: () => refusal(403, "global/account-inactive", "Your account is inactive."),
  auth: () => refusal(401, "global/invalid-api-key", "API key was invalid, expired, or deleted."),
};

const idOf = ({ id }: FakeMachine): string => Number(id.slice(1)).toString(16).padStart(idDigits, "0");
const typesOf = (cloud: FakeCloud): MachineType[] =>
  machineTypes(cloud, ({ gpu }, same) => `gpu_1x_${modelOf(gpu)}${same === 0 ? "" : `_sxm${same + 1}`}`);
const machineWith = (cloud: FakeCloud, id: string): FakeMachine | undefined =>
  cloud.machines.find((machine) => idOf(machine) === id);

function typeRow(type: Pick<MachineType, "name" | "gpu" | "gpuMemoryGb" | "priceUsdPerHour">, gpus: number) {
  const about = `${type.gpu} (${type.gpuMemoryGb} GB PCIe)`;
  return {
    name: type.name,
    description: `${gpus}x ${about}`,
    gpu_description: about,
    price_cents_per_hour: Math.round(type.priceUsdPerHour * 100),
    specs: { vcpus: 30 * gpus, memory_gib: 200 * gpus, storage_gib: 1400, gpus },
  };
}

const region = (name: string) => ({ name, description: name });

function listTypes({ cloud }: Exchange): Response {
  const types = typesOf(cloud).map((type) => ({
    instance_type: typeRow(type, 1),
    regions_with_capacity_available: regionsOf(type).map(region),
  }));
  const unfit = [
    { name: "gpu_8x_h100_sxm5", gpu: "H100", gpuMemoryGb: 80, priceUsdPerHour: 1.01, gpus: 8 },
    { name: "gpu_1x_gh200", gpu: "GH200", gpuMemoryGb: 96, priceUsdPerHour: 0.5, gpus: 1 },
    { name: "cpu_4x_general", gpu: "", gpuMemoryGb: 0, priceUsdPerHour: 0.1, gpus: 0 },
  ].map(({ gpus, ...type }) => ({
    instance_type: typeRow(type, gpus),
    regions_with_capacity_available: [region("us-east-3")],
  }));
  const all = [...types, ...unfit];
  return Response.json({ data: Object.fromEntries(all.map((type) => [type.instance_type.name, type])) });
}

function launch({ cloud, body }: Exchange): Response {
  const { region_name, instance_type_name, ssh_key_names: keys, name, quantity = 1, user_data } = body;
  const isValid =
    typeof region_name === "string" &&
    typeof instance_type_name === "string" &&
    Array.isArray(keys) &&
    keys.length === 1 &&
    typeof name === "string" &&
    name.length <= 64 &&
    quantity === 1 &&
    typeof user_data === "string" &&
    user_data.length <= maxUserDataBytes;
  if (!isValid) return invalid(`invalid parameters ${JSON.stringify(body)}`);
  if (keys[0] !== sshKeyName) return unknown("The SSH key");
  const type = typesOf(cloud).find((type) => type.name === instance_type_name);
  if (type === undefined) return invalid(`Unknown instance type ${instance_type_name}.`);
  const offer = type.offers.find(({ location, capacity }) => location === region_name && capacity > 0);
  const { image, env } = readCloudInit(user_data);
  const machine =
    offer && cloud.launch(offer.id, { name, image, env, userData: user_data, interruptible: false });
  if (machine == null) return faultAnswers.capacity();
  return Response.json({ data: { instance_ids: [idOf(machine)] } });
}

function instanceOf(cloud: FakeCloud, machine: FakeMachine) {
  const { gpu, gpuMemoryGb, location } = machine.offer;
  const state = cloud.stateOf(machine);
  const type = typesOf(cloud).find(({ offers }) => offers.some(({ id }) => id === machine.offer.id));
  return {
    id: idOf(machine),
    name: machine.name,
    status: statuses[state],
    ...(state === "running" ? { ip: "198.51.100.2", private_ip: "10.0.2.2" } : {}),
    ssh_key_names: [sshKeyName],
    file_system_names: [],
    region: region(location),
    instance_type: typeRow(
      { name: type?.name ?? "", gpu, gpuMemoryGb, priceUsdPerHour: machine.priceUsdPerHour },
      1,
    ),
  };
}

function list({ cloud }: Exchange): Response {
  return Response.json({ data: cloud.listed().map((machine) => instanceOf(cloud, machine)) });
}

/** One that is gone is still known. */
function show({ cloud, id }: Exchange): Response {
  const machine = machineWith(cloud, id);
  return machine === undefined
    ? unknown("The instance")
    : Response.json({ data: instanceOf(cloud, machine) });
}

function terminate({ cloud, body }: Exchange): Response {
  const { instance_ids: ids } = body;
  if (!Array.isArray(ids) || ids.length === 0) return invalid("instance_ids is required.");
  const machines = ids.flatMap((id) => machineWith(cloud, String(id)) ?? []);
  if (machines.length < ids.length) return unknown("The instance");
  for (const { id } of machines) cloud.delete(id);
  const terminated = machines.map((machine) => ({ ...instanceOf(cloud, machine), status: "terminating" }));
  return Response.json({ data: { terminated_instances: terminated } });
}
