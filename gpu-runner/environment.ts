/**
 * What numbers depend on besides the task. A search is bit-identical to one that was not interrupted only where all
 * of this stayed the same, so checkpoints carry it.
 */

import { readdirSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
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
  gpus: string[];
}

export function environmentOf(
  { name, versions, threads }: Pick<Backend, "name" | "versions" | "threads">,
  env: NodeJS.ProcessEnv = process.env,
): Environment {
  return {
    backend: name,
    versions: { ...versions, node: process.versions.node },
    threads,
    flags: Object.fromEntries(
      flagNames.flatMap((flag) => (env[flag] === undefined ? [] : [[flag, env[flag]]])),
    ),
    processor: cpus()[0]?.model ?? process.arch,
    gpus: name === "tensorflow" && env.CUDA_VISIBLE_DEVICES !== "" ? gpuModels() : [],
  };
}

/** What is not as it was, each in words; empty where numbers come out the same. */
export function differences(before: Environment | undefined, now: Environment): string[] {
  if (before === undefined) return ["what it was trained with is not recorded"];
  const named = (environment: Environment): Record<string, string> => ({
    backend: environment.backend,
    threads: String(environment.threads),
    processor: environment.processor,
    GPU: environment.gpus.join(", "),
    ...environment.versions,
    ...environment.flags,
  });
  const [old, current] = [named(before), named(now)];
  return [...new Set([...Object.keys(old), ...Object.keys(current)])]
    .filter((key) => old[key] !== current[key])
    .map((key) => `${key} was ${old[key] || "unset"}, is ${current[key] || "unset"}`);
}

/** Models of the machine's GPUs as NVIDIA's driver names them. */
function gpuModels(): string[] {
  const folder = "/proc/driver/nvidia/gpus";
  try {
    return readdirSync(folder).flatMap((gpu) => {
      const match = /^Model:\s*(.+)$/m.exec(readFileSync(`${folder}/${gpu}/information`, "utf8"));
      return match?.[1] === undefined ? [] : [match[1].trim()];
    });
  } catch {
    return [];
  }
}
