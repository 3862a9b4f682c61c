/** Meters that count energy up: the processor's own (RAPL), NVIDIA's GPU, and one that answers over HTTP. Node. */

import { type ChildProcessByStdio, spawn } from "node:child_process";
import { globSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { z } from "zod";
import { nvidiaGpu } from "../gpu-runner/device.ts";
import type { EnergyMeter } from "./backend.ts";
import { numberIn, textIn } from "./fingerprint.ts";

const MICROJOULES_PER_MILLIJOULE = 1000;
const GPU_INTERVAL_MS = 50;
const GPU_FIRST_READING_MS = 10_000;
const HTTP_INTERVAL_MS = 250;
const HTTP_TIMEOUT_MS = 5000;

export type ClosableMeter = EnergyMeter & { close(): void };

export interface MeterOptions {
  /** Of an external meter, which then is the one that counts. */
  url?: string | undefined;
  /** Whether the GPU computes. */
  usesGpu?: boolean;
}

/** The meter for this machine; null where nothing can be read. @throws Error where the external one does not answer */
export async function findMeter({ url, usesGpu = false }: MeterOptions): Promise<ClosableMeter | null> {
  if (url !== undefined) return openHttpMeter(url);
  return usesGpu ? openGpuMeter() : openRapl();
}

/**
 * The processor packages together, by their running counters, which start again from 0 at their range.
 *
 * @param folder where Linux has its powercap zones
 */
export function openRapl(folder = "/sys/class/powercap"): ClosableMeter | null {
  const zones = globSync("intel-rapl:*", { cwd: folder }).flatMap((zone) => {
    const file = path.join(folder, zone, "energy_uj");
    const name = textIn(path.join(folder, zone, "name")) ?? "";
    const range = numberIn(path.join(folder, zone, "max_energy_range_uj"));
    const last = numberIn(file);
    // Parts of packages (core, dram) and the whole platform (psys) would be counted twice.
    return /^package-\d+$/.test(name) && range !== null && last !== null ? [{ file, name, range, last }] : [];
  });
  if (zones.length === 0) return null;
  let microjoules = 0;
  return {
    name: `RAPL ${zones.map(({ name }) => name).join(", ")}`,
    async readMillijoules() {
      for (const zone of zones) {
        const now = numberIn(zone.file);
        if (now === null) throw new Error(`${zone.file} cannot be read any more`);
        microjoules += now >= zone.last ? now - zone.last : now + zone.range - zone.last;
        zone.last = now;
      }
      return microjoules / MICROJOULES_PER_MILLIJOULE;
    },
    close() {},
  };
}

/** Power over time, by the trapezoid rule, between readings that come as they come. */
export function powerIntegral() {
  let last: { watts: number; atMs: number } | undefined;
  let millijoules = 0;
  return {
    /** Power from the reading before until now was between the two. */
    add(watts: number, atMs: number) {
      if (last) millijoules += ((watts + last.watts) / 2) * Math.max(0, atMs - last.atMs);
      last = { watts, atMs };
    },
    /** Up to now, as if power had stayed what it was at the last reading. */
    read: (atMs: number) => millijoules + (last ? last.watts * Math.max(0, atMs - last.atMs) : 0),
  };
}

/** NVIDIA's driver tells the power of the board many times a second. @param program stands for nvidia-smi */
export async function openGpuMeter(program = "nvidia-smi"): Promise<ClosableMeter | null> {
  if (program === "nvidia-smi" && nvidiaGpu() === undefined) return null;
  const args = ["--id=0", "--query-gpu=power.draw", "--format=csv,noheader,nounits"];
  const child: ChildProcessByStdio<null, Readable, null> = spawn(
    program,
    [...args, `--loop-ms=${GPU_INTERVAL_MS}`],
    { stdio: ["ignore", "pipe", "ignore"] },
  );
  child.unref();
  process.once("exit", () => child.kill());
  const power = powerIntegral();
  let failure: string | undefined;
  const isReady = await new Promise<boolean>((resolve) => {
    const giveUp = setTimeout(() => resolve(false), GPU_FIRST_READING_MS);
    const settle = (ready: boolean) => {
      clearTimeout(giveUp);
      resolve(ready);
    };
    createInterface(child.stdout).on("line", (line) => {
      const watts = Number(line);
      if (line.trim() === "" || !Number.isFinite(watts)) return settle(false); // [N/A]
      power.add(watts, performance.now());
      settle(true);
    });
    child.on("error", () => settle(false));
    child.on("exit", () => {
      failure = `${program} has ended`;
      settle(false);
    });
  });
  if (!isReady) {
    child.kill();
    return null;
  }
  return {
    name: "NVML GPU 0",
    async readMillijoules() {
      if (failure !== undefined) throw new Error(failure);
      return power.read(performance.now());
    },
    close: () => void child.kill(),
  };
}

const readingSchema = z.union([
  z.object({ millijoules: z.number().min(0) }),
  z.object({ watts: z.number().min(0) }),
]);

/**
 * A meter of one's own: GET gives `{ "millijoules": n }`, counted up, or `{ "watts": n }`, which is read several times
 * a second and added up.
 *
 * @throws Error where it does not answer, or something else
 */
export async function openHttpMeter(url: string): Promise<ClosableMeter> {
  const read = async () => {
    const response = await fetch(url, { signal: AbortSignal.timeout(HTTP_TIMEOUT_MS) });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    return readingSchema.parse(await response.json());
  };
  const first = await read().catch((error: unknown) => {
    const reason = error instanceof z.ZodError ? "it gave neither watts nor millijoules" : String(error);
    throw new Error(`The meter at ${url} cannot be read: ${reason}.`);
  });
  const name = `meter at ${new URL(url).host}`;
  if ("millijoules" in first) {
    const readMillijoules = async () => {
      const reading = await read();
      if (!("millijoules" in reading)) throw new Error(`the ${name} gave no millijoules`);
      return reading.millijoules;
    };
    return { name, readMillijoules, close() {} };
  }
  return integrated(name, first.watts, async () => {
    const reading = await read();
    if (!("watts" in reading)) throw new Error(`the ${name} gave no watts`);
    return reading.watts;
  });
}

function integrated(name: string, firstWatts: number, readWatts: () => Promise<number>): ClosableMeter {
  const power = powerIntegral();
  power.add(firstWatts, performance.now());
  let failure: unknown;
  const readNow = async () => {
    power.add(await readWatts(), performance.now());
    failure = undefined;
  };
  let isReading = false;
  const timer = setInterval(() => {
    if (isReading) return;
    isReading = true;
    readNow()
      .catch((error: unknown) => {
        failure = error;
      })
      .finally(() => {
        isReading = false;
      });
  }, HTTP_INTERVAL_MS);
  timer.unref();
  return {
    name,
    async readMillijoules() {
      await readNow();
      if (failure !== undefined) throw failure;
      return power.read(performance.now());
    },
    close: () => clearInterval(timer),
  };
}
