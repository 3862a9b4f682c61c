/** What this machine is, and how it is while it measures: Node's part of a device. */

import { existsSync, globSync, readFileSync } from "node:fs";
import { arch, availableParallelism, cpus, platform } from "node:os";
import path from "node:path";
import { nvidiaGpu } from "../gpu-runner/device.ts";
import type { Fingerprint } from "../shared/measuring.ts";

/** @param usesGpu whether the backend computes on the GPU */
export function readFingerprint(usesGpu = false): Fingerprint {
  return {
    platform: `${platform()} ${arch()}`,
    processor: cpus()[0]?.model.replaceAll(/\s+/g, " ").trim().slice(0, 200) || arch(),
    cores: availableParallelism(),
    gpu: usesGpu ? (nvidiaGpu()?.name.slice(0, 200) ?? "unknown") : null,
    runtime: `Node ${process.versions.node}`,
  };
}

export interface Conditions {
  temperatureCelsius: number | null;
  isThrottled: boolean | null;
}

/**
 * Reads how the processor is; what the operating system does not tell is null.
 *
 * @param system the folder that Linux has at `/sys`
 * @returns a reader; throttled means since the reading before, or that the clock is held below what it could be
 */
export function conditionsReader(system = "/sys"): () => Promise<Conditions> {
  const counts = () => sum(numbersIn(system, "devices/system/cpu/cpu*/thermal_throttle/core_throttle_count"));
  let before = counts();
  return async () => {
    const now = counts();
    const wasThrottled = now === null || before === null ? null : now > before;
    before = now;
    const isHeldBack = isBelowItsMost(path.join(system, "devices/system/cpu"));
    const known = [wasThrottled, isHeldBack].filter((value) => value !== null);
    return {
      temperatureCelsius: temperatureOf(system),
      isThrottled: known.length === 0 ? null : known.includes(true),
    };
  };
}

/** Of the hottest zone; those that name the processor count where there are such. */
function temperatureOf(system: string): number | null {
  const zones = globSync("class/thermal/thermal_zone*", { cwd: system }).map((zone) => ({
    type: textIn(path.join(system, zone, "type")) ?? "",
    millidegrees: numberIn(path.join(system, zone, "temp")),
  }));
  const ofProcessor = zones.filter(({ type }) => /cpu|pkg|soc|core|x86/i.test(type));
  const degrees = (ofProcessor.length > 0 ? ofProcessor : zones).flatMap(({ millidegrees }) =>
    millidegrees === null || millidegrees <= 0 ? [] : [millidegrees / 1000],
  );
  return degrees.length === 0 ? null : Math.max(...degrees);
}

/** The limit that cpufreq has for now against the highest clock there is. */
function isBelowItsMost(folder: string): boolean | null {
  const policies = globSync("cpufreq/policy*", { cwd: folder }).flatMap((policy) => {
    const limit = numberIn(path.join(folder, policy, "scaling_max_freq"));
    const most = numberIn(path.join(folder, policy, "cpuinfo_max_freq"));
    return limit === null || most === null ? [] : [limit < most];
  });
  return policies.length === 0 ? null : policies.includes(true);
}

const sum = (values: number[]): number | null =>
  values.length === 0 ? null : values.reduce((total, value) => total + value, 0);

const numbersIn = (root: string, pattern: string): number[] =>
  globSync(pattern, { cwd: root }).flatMap((file) => numberIn(path.join(root, file)) ?? []);

/** Null where a file is missing, unreadable or holds no number. */
export function numberIn(file: string): number | null {
  const text = textIn(file);
  return text === null || text === "" || !Number.isFinite(Number(text)) ? null : Number(text);
}

export function textIn(file: string): string | null {
  try {
    return existsSync(file) ? readFileSync(file, "utf8").trim() : null;
  } catch {
    return null; // for root only, or gone in between
  }
}
