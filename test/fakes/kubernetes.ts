/**
 * A Kubernetes API server, as far as Jobs and their Secrets go, in front of a cloud whose first offer is what its nodes
 * have. As in a cluster, a pod starts when the Secret that it names is there; deleting a Job leaves its pod, unless
 * deletion is to reach it; and there is one Job of a name.
 */

import type { Job } from "kubernetes-types/batch/v1";
import type { Secret } from "kubernetes-types/core/v1";
import { deploymentOf } from "../../edge/providers/deployment.ts";
import type { FakeCloud, FakeMachine, FakeState, Operation, ProviderFake } from "./cloud.ts";
import { type FaultAnswers, withFaults } from "./faults.ts";

const namespace = "default";
const maxNameCharacters = 63;

interface Made {
  labels: Record<string, string>;
  /** When it will run once its Secret is there. */
  runsAt: number;
  hasSecret: boolean;
  /** Whether its end says that the cluster took the pod away. */
  tellsDisruption: boolean;
}
interface Exchange {
  cloud: FakeCloud;
  /** By machine. */
  made: Map<string, Made>;
  id: string;
  query: URLSearchParams;
  body: unknown;
}
type Act = (exchange: Exchange) => Response;
/** Without an operation: part of another, on which no fault waits. */
type Route = readonly [method: string, path: RegExp, operation: Operation | null, act: Act];

const jobs = `/apis/batch/v1/namespaces/${namespace}/jobs`;
const routes: readonly Route[] = [
  ["POST", /^\/apis\/authorization\.k8s\.io\/v1\/selfsubjectaccessreviews$/, "quote", review],
  ["POST", new RegExp(`^${jobs}$`), "launch", createJob],
  ["POST", new RegExp(`^/api/v1/namespaces/${namespace}/secrets$`), null, createSecret],
  ["GET", new RegExp(`^/api/v1/namespaces/${namespace}/pods$`), null, listPods],
  ["GET", new RegExp(`^/api/v1/namespaces/${namespace}/events$`), null, () => Response.json({ items: [] })],
  ["GET", new RegExp(`^${jobs}$`), "list", list],
  ["GET", new RegExp(`^${jobs}/([^/]+)$`), "get", show],
  ["DELETE", new RegExp(`^${jobs}/([^/]+)$`), "terminate", remove],
];

export function kubernetesFake(cloud: FakeCloud): ProviderFake {
  const made = new Map<string, Made>();
  const { gpu = "A100", gpuMemoryGb = 80, priceUsdPerHour = 0 } = cloud.offers[0] ?? {};
  return {
    cloud,
    env: {
      KUBERNETES_TOKEN: cloud.key,
      KUBERNETES_GPU: gpu,
      KUBERNETES_GPU_MEMORY_GB: String(gpuMemoryGb),
      KUBERNETES_USD_PER_HOUR: String(priceUsdPerHour),
    },
    baseUrlVariable: "KUBERNETES_BASE_URL",
    async handle(request) {
      if (request.headers.get("authorization") !== `Bearer ${cloud.key}`) return faultAnswers.auth();
      const { pathname, searchParams: query } = new URL(request.url);
      const text = await request.text();
      for (const [method, path, operation, act] of routes) {
        const match = path.exec(pathname);
        if (match === null || method !== request.method) continue;
        const id = decodeURIComponent(match[1] ?? "");
        const body = text === "" ? undefined : JSON.parse(text);
        const exchange = { cloud, made, id, query, body };
        if (operation === null) return act(exchange);
        return withFaults(cloud, operation, faultAnswers, () => act(exchange));
      }
      return notFound(pathname);
    },
  };
}

function failure(code: number, reason: string, message: string, headers = {}): Response {
  const body = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message, reason, code };
  return Response.json(body, { status: code, headers });
}

const notFound = (name: string): Response => failure(404, "NotFound", `jobs.batch "${name}" not found`);
const invalid = (what: string): Response => failure(422, "Invalid", `Job.batch is invalid: ${what}`);
const overQuota = (): Response =>
  failure(
    403,
    "Forbidden",
    "jobs.batch is forbidden: exceeded quota: gpus, requested: count/jobs.batch=1, used: count/jobs.batch=4, limited: count/jobs.batch=4",
  );

const faultAnswers: FaultAnswers = {
  error: () => failure(500, "InternalError", "Internal error occurred: etcdserver: request timed out"),
  rate: (seconds) =>
    failure(
      429,
      "TooManyRequests",
      "the server has received too many requests and has asked us to try again later",
      seconds === null ? {} : { "Retry-After": String(seconds) },
    ),
  capacity: overQuota,
  balance: overQuota,
  auth: () => failure(401, "Unauthorized", "Unauthorized"),
};

const uidOf = ({ id }: FakeMachine): string => `7f0c3a52-0000-4000-8000-${id.slice(1).padStart(12, "0")}`;
const findJob = (cloud: FakeCloud, name: string): FakeMachine | undefined =>
  cloud.machines.find((machine) => machine.name === name && machine.deletedAt === null);

function review({ body }: Exchange): Response {
  return Response.json({ ...(body as object), status: { allowed: true } }, { status: 201 });
}

function createJob({ cloud, made, body }: Exchange): Response {
  const { metadata, spec } = (body ?? {}) as Job;
  const name = metadata?.name ?? "";
  if (!/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name) || name.length > maxNameCharacters)
    return invalid(`metadata.name: ${name}`);
  const pod = spec?.template.spec;
  const [container] = pod?.containers ?? [];
  if (pod?.restartPolicy !== "Never") return invalid("spec.template.spec.restartPolicy");
  if (container?.resources?.limits?.["nvidia.com/gpu"] !== "1") return invalid("limits");
  if (spec?.backoffLimit !== 0 || !Number.isInteger(spec.activeDeadlineSeconds)) return invalid("spec");
  if (findJob(cloud, name) !== undefined)
    return failure(409, "AlreadyExists", `jobs.batch "${name}" already exists`);
  const machine = launch(cloud, name, container.image ?? "");
  if (machine === null) return overQuota();
  const waits = container.envFrom?.some(({ secretRef }) => secretRef?.name === name) ?? false;
  const { labels = {} } = metadata ?? {};
  const tellsDisruption =
    spec.podFailurePolicy?.rules.some(
      ({ action, onPodConditions }) =>
        action === "FailJob" && onPodConditions?.some(({ type }) => type === "DisruptionTarget"),
    ) ?? false;
  made.set(machine.id, { labels, runsAt: machine.runsAt, hasSecret: !waits, tellsDisruption });
  if (waits) machine.runsAt = Number.POSITIVE_INFINITY;
  return Response.json(jobOf(cloud, made, machine), { status: 201 });
}

/** Nobody is told yet: its variables are to come. */
function launch(cloud: FakeCloud, name: string, image: string): FakeMachine | null {
  const { onLaunch } = cloud;
  cloud.onLaunch = undefined;
  const request = { name, image, env: {}, userData: null, interruptible: false };
  const machine = cloud.launch(cloud.offers[0]?.id ?? "", request);
  cloud.onLaunch = onLaunch;
  return machine;
}

function createSecret({ cloud, made, body }: Exchange): Response {
  const { metadata, stringData = {} } = (body ?? {}) as Secret;
  const owner = metadata?.ownerReferences?.[0];
  const machine = cloud.machines.find((machine) => uidOf(machine) === owner?.uid);
  const job = made.get(machine?.id ?? "");
  const answer = () => Response.json({ kind: "Secret", apiVersion: "v1", metadata }, { status: 201 });
  if (machine === undefined || job === undefined || metadata?.name !== machine.name) return answer();
  if (job.hasSecret) return failure(409, "AlreadyExists", `secrets "${machine.name}" already exists`);
  job.hasSecret = true;
  machine.env = { ...stringData };
  machine.runsAt = job.runsAt;
  cloud.onLaunch?.(machine);
  return answer();
}

const labelsOf = (made: Exchange["made"], { id, name }: FakeMachine): Record<string, string> =>
  made.get(id)?.labels ?? {
    "app.kubernetes.io/managed-by": "nasturtium",
    "nasturtium-deployment": deploymentOf(name) ?? "",
  };

const endings: Partial<Record<FakeState, readonly [type: string, reason: string]>> = {
  exited: ["Complete", "CompletionsReached"],
  preempted: ["Failed", "PodFailurePolicy"],
  failed: ["Failed", "BackoffLimitExceeded"],
};

function statusOf(cloud: FakeCloud, made: Exchange["made"], machine: FakeMachine) {
  const told = cloud.stateOf(machine);
  const isKnown = told !== "preempted" || made.get(machine.id)?.tellsDisruption === true;
  const state = isKnown ? told : "failed";
  const [type, reason] = endings[state] ?? [];
  if (type === undefined) return { active: 1, ready: state === "running" ? 1 : 0 };
  const count = type === "Complete" ? { succeeded: 1 } : { failed: 1 };
  return { ready: 0, ...count, conditions: [{ type, reason, status: "True" }] };
}

const jobOf = (cloud: FakeCloud, made: Exchange["made"], machine: FakeMachine) => ({
  kind: "Job",
  apiVersion: "batch/v1",
  metadata: {
    name: machine.name,
    namespace,
    uid: uidOf(machine),
    labels: labelsOf(made, machine),
    creationTimestamp: new Date(machine.createdAt).toISOString(),
  },
  spec: { backoffLimit: 0 },
  status: statusOf(cloud, made, machine),
});

/** By labels, all of which have to be there; continued after so many. */
function list({ cloud, made, query }: Exchange): Response {
  const wanted = (query.get("labelSelector") ?? "").split(",").map((term) => term.split("="));
  const after = Number(query.get("continue") ?? "0");
  const limit = Number(query.get("limit") ?? "500");
  const found = cloud.listed().filter((machine) => {
    const labels = labelsOf(made, machine);
    return wanted.every(([label = "", value]) => labels[label] === value);
  });
  const page = found.slice(after, after + limit);
  const rest = found.length - after - page.length;
  return Response.json({
    kind: "JobList",
    apiVersion: "batch/v1",
    metadata: rest > 0 ? { continue: String(after + limit), remainingItemCount: rest } : {},
    items: page.map((machine) => jobOf(cloud, made, machine)),
  });
}

/** Of a Job: one pod, which no node has room for where it will never run. */
function listPods({ cloud, query }: Exchange): Response {
  const machine = findJob(cloud, (query.get("labelSelector") ?? "").replace(/^job-name=/, ""));
  if (machine === undefined) return Response.json({ kind: "PodList", items: [] });
  const reason = "Unschedulable";
  const message = "0/3 nodes are available: 3 Insufficient nvidia.com/gpu.";
  const condition = Number.isFinite(machine.runsAt)
    ? { type: "PodScheduled", status: "True" }
    : { type: "PodScheduled", status: "False", reason, message };
  const pod = { metadata: { name: `${machine.name}-x7k2p` }, status: { conditions: [condition] } };
  return Response.json({ kind: "PodList", items: [pod] });
}

function show({ cloud, made, id }: Exchange): Response {
  const machine = findJob(cloud, id);
  return machine === undefined ? notFound(id) : Response.json(jobOf(cloud, made, machine));
}

function remove({ cloud, id, query }: Exchange): Response {
  const machine = findJob(cloud, id);
  if (machine === undefined) return notFound(id);
  if (query.get("propagationPolicy") === "Background") cloud.delete(machine.id);
  return Response.json({ kind: "Status", apiVersion: "v1", status: "Success" });
}
