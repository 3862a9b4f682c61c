/**
 * What numbers depend on besides the task. A search is bit-identical to one that was not interrupted only where all
 * of this stayed the same, so checkpoints carry it.
 */

import { cpus } from "node:os";
import { nvidiaGpu, usesGpu } from "./device.ts";
import type { Backend } from "./kernels/backend.ts";

/** Variables that choose kernels, or how a sum is split among threads. */
const flagNames = [
  "CUBLAS_WORKSPACE_CONFIG",
  "NVIDIA_TF32_OVERRIDE",
  "OMP_NUM_THREADS",
  "ONEDNN_DEFAULT_FPMATH_MODE",
  "ONEDNN_MAX_CPU_ISA",
  "TF_CUDNN_DETERMINISTIC",
  "TF_CUDNN_USE_AUTOTUNE",
  "TF_DETERMINISTIC_OPS",
  "TF_ENABLE_ONEDNN_OPTS",
  "TF_NUM_INTEROP_THREADS",
  "TF_NUM_INTRAOP_THREADS",
  "TF_XLA_FLAGS",
  "XLA_FLAGS",
] as const;

export interface Environment {
  backend: string;
  /** By package, and of Node, whose mathematical functions make start values and learning rates. */
  versions: Record<string, string>;
  threads: number;
  /** Environment variables that are set. */
  flags: Record<string, string>;
  processor: string;
  /** Its model; null where the processor computes. */
  gpu: string | null;
}

export function environmentOf(
  backend: Pick<Backend, "tf" | "name" | "versions" | "threads">,
  env: NodeJS.ProcessEnv = process.env,
): Environment {
  const { name, versions, threads } = backend;
  return {
    backend: name,
    versions: { ...versions, node: process.versions.node },
    threads,
    flags: Object.fromEntries(
      flagNames.flatMap((flag) => (env[flag] === undefined ? [] : [[flag, env[flag]]])),
    ),
    processor: cpus()[0]?.model ?? process.arch,
    gpu: usesGpu(backend) ? (nvidiaGpu()?.name ?? "unknown") : null,
  };
}

/** What is not as it was, each in words; empty where numbers come out the same. */
export function differences(before: Environment | undefined, now: Environment): string[] {
  if (before === undefined) return ["what it was trained with is not recorded"];
  const named = (environment: Environment): Record<string, string> => ({
    backend: environment.backend,
    threads: String(environment.threads),
    processor: environment.processor,
    GPU: environment.gpu ?? "",
    ...environment.versions,
    ...environment.flags,
  });
  const [old, current] = [named(before), named(now)];
  return [...new Set([...Object.keys(old), ...Object.keys(current)])]
    .filter((key) => old[key] !== current[key])
    .map((key) => `${key} was ${old[key] || "unset"}, is ${current[key] || "unset"}`);
}
