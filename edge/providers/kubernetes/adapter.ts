/**
 * A team's own Kubernetes cluster as a provider: a machine is a Job of one pod with one GPU, named as the machine is.
 * What it costs, and which GPU it has, is what the environment says; whether one is free shows when the pod runs.
 */

import type { Job } from "kubernetes-types/batch/v1";
import type { Secret } from "kubernetes-types/core/v1";
import { deploymentOf } from "../deployment.ts";
import { gpuName, wantsGpu } from "../gpus.ts";
import {
  type LaunchRequest,
  type Machine,
  type Offer,
  type Provider,
  type ProviderContext,
  ProviderError,
  type QuoteFilter,
} from "../provider.ts";
import { KubernetesClient, type Permission } from "./client.ts";
import type { KubernetesJob } from "./types.ts";

const managedBy = { "app.kubernetes.io/managed-by": "nasturtium" };
const deploymentLabel = "nasturtium-deployment";
/** An ended Job stays so long, so that its end is seen. */
const keptSeconds = 3600;
/** As long as the runner has to store its checkpoint. */
const stopSeconds = 60;
/** The cluster needed the room, or the time was over: the runner is not to blame. */
const blamelessEnds = /^(PodFailurePolicy|DeadlineExceeded)$/;
/** Of user `node` in the runner's image. */
const userId = 1000;

/** Without these a machine cannot be launched, or never ended. */
const needed: readonly Permission[] = [
  { verb: "create", group: "batch", resource: "jobs" },
  { verb: "delete", group: "batch", resource: "jobs" },
  { verb: "create", group: "", resource: "secrets" },
];

export class Kubernetes implements Provider {
  readonly name = "kubernetes";
  readonly #client: KubernetesClient;
  readonly #env: ProviderContext["env"];

  constructor(context: ProviderContext) {
    this.#client = new KubernetesClient(context);
    this.#env = context.env;
  }

  async quote({ gpus, maxUsdPerHour, interruptible, minGpuMemoryGb = 0 }: QuoteFilter): Promise<Offer[]> {
    const offer = this.#offer();
    const { gpu, gpuMemoryGb, priceUsdPerHour } = offer;
    if (interruptible || !wantsGpu(gpus, gpu) || gpuMemoryGb < minGpuMemoryGb) return [];
    if (priceUsdPerHour > maxUsdPerHour) return [];
    for (const permission of needed) {
      if (await this.#client.isAllowed(permission)) continue;
      const { verb, resource } = permission;
      throw failed("auth", `quote: its token may not ${verb} ${resource} in ${this.#client.namespace}`);
    }
    return [offer];
  }

  async launch(_: Offer, request: LaunchRequest): Promise<string> {
    const { metadata } = await this.#client.createJob(jobFor(request));
    const { name, uid } = metadata;
    try {
      // The pod waits for it; with the Job it is deleted.
      await this.#client.createSecret(secretFor(request, uid));
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error;
      const { fault, retryAfterSeconds, message } = error;
      const detail = `launch: its variables could not be stored: ${message}`;
      throw failed(fault, detail, { retryAfterSeconds, machineId: name });
    }
    return name;
  }

  async get(id: string): Promise<Machine | null> {
    const job = await this.#client.job(id);
    return job === null ? null : machineOf(job);
  }

  async list(namePrefix: string): Promise<Machine[]> {
    const selector = Object.entries(labelsOf(namePrefix)).map(([key, value]) => `${key}=${value}`);
    const jobs = await this.#client.jobs(selector.join(","));
    return jobs.map(machineOf).filter(({ name }) => name.startsWith(namePrefix));
  }

  terminate(id: string): Promise<void> {
    return this.#client.deleteJob(id);
  }

  /** Its pod's own trouble; without a pod, that of its Job, such as a quota. */
  async whyWaiting(id: string): Promise<string | null> {
    const [pod] = await this.#client.pods(id);
    if (pod === undefined) return (await this.#client.warnings(id)).at(-1)?.message ?? null;
    const { containerStatuses, conditions } = pod.status ?? {};
    const waiting = containerStatuses?.find(({ state }) => state?.waiting != null)?.state?.waiting;
    const trouble =
      waiting ?? conditions?.find(({ status, message }) => status === "False" && message != null);
    if (trouble === undefined) return null;
    return [trouble.reason, trouble.message].filter((part) => part != null && part !== "").join(": ");
  }

  #offer(): Offer {
    const gpu = gpuName(this.#env.KUBERNETES_GPU ?? "");
    return {
      provider: "kubernetes",
      id: gpu,
      gpu,
      gpuMemoryGb: this.#number("KUBERNETES_GPU_MEMORY_GB"),
      priceUsdPerHour: this.#number("KUBERNETES_USD_PER_HOUR"),
      location: this.#client.namespace,
      host: null,
      interruptible: false,
    };
  }

  #number(variable: string): number {
    const value = Number(this.#env[variable] ?? "0");
    if (Number.isFinite(value) && value >= 0) return value;
    throw failed("invalid", `quote: ${variable} is no number of at least 0`);
  }
}

const failed = (
  fault: ProviderError["fault"],
  detail: string,
  more: { retryAfterSeconds?: number | null; machineId?: string | null } = {},
): ProviderError => new ProviderError("kubernetes", fault, detail, more);

function labelsOf(name: string): Record<string, string> {
  const deployment = deploymentOf(name);
  return { ...managedBy, ...(deployment === null ? {} : { [deploymentLabel]: deployment }) };
}

function jobFor(request: LaunchRequest): Job {
  const { name, lifetimeSeconds } = request;
  const labels = labelsOf(name);
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name, labels },
    spec: {
      backoffLimit: 0,
      // Pods that are preempted, evicted or drained fail the Job with a reason of its own.
      podFailurePolicy: {
        rules: [{ action: "FailJob", onPodConditions: [{ type: "DisruptionTarget", status: "True" }] }],
      },
      // The cluster's own end of it, whatever becomes of the edge and of the runner.
      activeDeadlineSeconds: lifetimeSeconds,
      ttlSecondsAfterFinished: keptSeconds,
      template: { metadata: { labels }, spec: podFor(request) },
    },
  };
}

type PodSpec = NonNullable<NonNullable<Job["spec"]>["template"]["spec"]>;

/** As a namespace with the restricted standard takes it. */
const podFor = ({ name, image, diskGb }: LaunchRequest): PodSpec => ({
  restartPolicy: "Never",
  terminationGracePeriodSeconds: stopSeconds,
  automountServiceAccountToken: false,
  enableServiceLinks: false,
  securityContext: {
    runAsNonRoot: true,
    runAsUser: userId,
    seccompProfile: { type: "RuntimeDefault" },
  },
  // Nodes with GPUs are often kept free of whatever needs none.
  tolerations: [{ key: "nvidia.com/gpu", operator: "Exists", effect: "NoSchedule" }],
  containers: [
    {
      name: "runner",
      image,
      envFrom: [{ secretRef: { name } }],
      resources: {
        requests: { "ephemeral-storage": `${diskGb}G` },
        limits: { "nvidia.com/gpu": "1" },
      },
      securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
    },
  ],
});

const secretFor = ({ name, env }: LaunchRequest, uid: string): Secret => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: {
    name,
    labels: labelsOf(name),
    ownerReferences: [{ apiVersion: "batch/v1", kind: "Job", name, uid }],
  },
  stringData: { ...env },
});

const machineOf = ({ metadata, status }: KubernetesJob): Machine => ({
  id: metadata.name,
  name: metadata.name,
  state: stateOf(status),
  priceUsdPerHour: null,
  host: null,
});

/** A pod that waits for a GPU, or for its image, is provisioned: the loop has a deadline for it. */
function stateOf(status: KubernetesJob["status"]): Machine["state"] {
  const end = status?.conditions?.find(
    ({ type, status }) => (type === "Complete" || type === "Failed") && status === "True",
  );
  if (end !== undefined)
    return end.type === "Complete" || blamelessEnds.test(end.reason ?? "") ? "stopped" : "failed";
  return (status?.ready ?? 0) > 0 ? "running" : "provisioning";
}
