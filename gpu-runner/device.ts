/** What this machine trains on, in words and figures. */

import { execFileSync } from "node:child_process";
import { availableParallelism, cpus, totalmem } from "node:os";
import type { Backend } from "./kernels/backend.ts";

/** A driver that does not answer must not hold up what only wants to name it. */
const QUERY_TIMEOUT_MS = 10_000;
const BYTES_PER_MEBIBYTE = 2 ** 20;

export interface Device {
  kind: "cpu" | "gpu";
  /** The model; of a CPU with the threads that may be used. */
  name: string;
  /** Of the GPU, or of the machine. */
  memoryBytes: number;
  /** Version of NVIDIA's driver. */
  driver?: string;
}

/** Whether the backend computes on a GPU: TensorFlow's CUDA build does so where it finds one. */
export function usesGpu({ tf, name }: Pick<Backend, "tf" | "name">): boolean {
  if (name !== "tensorflow") return false;
  return (tf.findBackend(name) as { isUsingGpuDevice?: boolean } | null)?.isUsingGpuDevice === true;
}

/** The first GPU that NVIDIA's driver names, which is the one that TensorFlow uses; undefined without a driver. */
export function nvidiaGpu(): Device | undefined {
  try {
    const query = ["--query-gpu=name,driver_version,memory.total", "--format=csv,noheader,nounits"];
    const answer = execFileSync("nvidia-smi", query, {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
      timeout: QUERY_TIMEOUT_MS,
    });
    const [name, driver, mebibytes] = (answer.split("\n")[0] ?? "").split(",").map((field) => field.trim());
    if (!name || !driver || !Number.isFinite(Number(mebibytes))) return undefined;
    return { kind: "gpu", name, driver, memoryBytes: Number(mebibytes) * BYTES_PER_MEBIBYTE };
  } catch {
    return undefined;
  }
}

export function processor(): Device {
  const model = cpus()[0]?.model.replaceAll(/\s+/g, " ").trim() || process.arch;
  return { kind: "cpu", name: `${model}, ${availableParallelism()} threads`, memoryBytes: totalmem() };
}
