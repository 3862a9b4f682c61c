/**
 * Whether this machine can train, found out by training: a small network on one batch of noise, the way the runner
 * trains. Rented machines come with a GPU that the driver cannot use, or with none; they must say so before they take
 * work. It runs in a process of its own, so that a driver that hangs or crashes becomes a sentence too, and so that
 * the memory it took is free when the work starts.
 */

import { fork } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { guard } from "../setup/guard.mjs";
import { DARTS_V2 } from "../shared/genotypes.ts";
import { deriveNetwork } from "../shared/network.ts";
import { Random } from "../shared/random.ts";
import type { Batch } from "./data/batches.ts";
import { type Device, nvidiaGpu, processor, usesGpu } from "./device.ts";
import { createExecutor } from "./executor/create.ts";
import { DivergenceError, type Executor, type StepSettings } from "./executor/executor.ts";
import { type Backend, type BackendName, loadBackend } from "./kernels/backend.ts";

const SEED = 1;
const BATCH_SIZE = 64;
/** The network of the benchmark: separable and dilated convolutions, pools and skips on CIFAR's images. */
const NETWORK = {
  genotype: DARTS_V2,
  auxiliary: false,
  channels: 16,
  layers: 5,
  classes: 10,
  image: { height: 32, width: 32, channels: 3 },
};
const SETTINGS: StepSettings = {
  learningRate: 0.05,
  momentum: 0.9,
  weightDecay: 3e-4,
  clipNorm: 5,
  seed: SEED,
};

/** The loss on a single batch falls well within these, whatever the rounding. */
const MINIMUM_STEPS = 6;
/** A GPU does the steps in no time: more of them, so that the speed means something. */
const MINIMUM_SECONDS = 3;
const MAXIMUM_STEPS = 200;

/** Generous for WebAssembly on one core, and short beside an hour's rent. */
const LIMIT_SECONDS = 300;
/** How long the test may take to end when the process that asked for it is gone. */
const ORPHAN_SECONDS = 2;

/** By kind of device, the classes and the images per second from which on each holds, slowest first. */
const speedClasses: Record<Device["kind"], readonly { name: string; imagesPerSecond: number }[]> = {
  cpu: [
    { name: "cpu-small", imagesPerSecond: 0 },
    { name: "cpu", imagesPerSecond: 500 },
  ],
  gpu: [
    { name: "gpu-small", imagesPerSecond: 0 },
    { name: "gpu", imagesPerSecond: 1000 },
    { name: "gpu-large", imagesPerSecond: 4000 },
  ],
};

export interface SelfTest {
  device: Device;
  backend: BackendName;
  /** Of what computes, by package name. */
  versions: Record<string, string>;
  steps: number;
  batchSize: number;
  firstLoss: number;
  lastLoss: number;
  imagesPerSecond: number;
  speedClass: string;
  /** Memory of the process after the last step, without what lies on the GPU. */
  residentBytes: number;
  /** All in all, with loading TensorFlow. */
  seconds: number;
}

export interface SelfTestOptions {
  backend: BackendName;
  /** Whether a machine without a usable GPU fails. */
  needsGpu: boolean;
  /** Default 300. */
  limitSeconds?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** This machine cannot train. */
export class SelfTestFailure extends Error {
  /** What to do. */
  readonly fix: string;

  constructor(message: string, fix: string) {
    super(message);
    this.name = "SelfTestFailure";
    this.fix = fix;
  }
}

/** The image for GPUs asks for TensorFlow's CUDA build: whoever asks for that wants a GPU. */
export const wantsGpu = (env: NodeJS.ProcessEnv = process.env): boolean =>
  env.NASTURTIUM_TENSORFLOW === "cuda";

export function speedClassOf(kind: Device["kind"], imagesPerSecond: number): string {
  const reached = speedClasses[kind].findLast((row) => imagesPerSecond >= row.imagesPerSecond);
  return (reached ?? speedClasses[kind][0])?.name ?? kind;
}

/** A result in one line. */
export function describeSelfTest(result: SelfTest): string {
  const { device, backend, firstLoss, lastLoss, imagesPerSecond, speedClass, residentBytes } = result;
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
  const driver = device.driver === undefined ? "" : `, driver ${device.driver}`;
  return [
    `${device.name} with ${gigabytes(device.memoryBytes)}${driver}`,
    `${backend} ${result.versions.tensorflow ?? ""}`.trim(),
    `loss ${firstLoss.toFixed(3)} to ${lastLoss.toFixed(3)} in ${result.steps} steps`,
    `${Math.round(imagesPerSecond)} images/s (${speedClass})`,
    `${gigabytes(residentBytes)} resident`,
  ].join("; ");
}

/**
 * Trains on this process's backend.
 *
 * @throws SelfTestFailure where the GPU is missing or the numbers are wrong
 */
export function selfTest(backend: Backend, needsGpu: boolean): Omit<SelfTest, "seconds"> {
  const onGpu = usesGpu(backend);
  if (needsGpu && !onGpu) throw gpuMissing();
  const executor = createExecutor(backend, deriveNetwork(NETWORK), SEED);
  try {
    const { losses, imagesPerSecond } = trainOnNoise(executor);
    const device = (onGpu ? nvidiaGpu() : undefined) ?? {
      ...processor(),
      ...(onGpu ? { kind: "gpu", name: "a GPU that nvidia-smi does not name" } : {}),
    };
    return {
      device,
      backend: backend.name,
      versions: backend.versions,
      steps: losses.length,
      batchSize: BATCH_SIZE,
      firstLoss: losses[0] as number,
      lastLoss: losses.at(-1) as number,
      imagesPerSecond,
      speedClass: speedClassOf(device.kind, imagesPerSecond),
      residentBytes: process.memoryUsage.rss(),
    };
  } finally {
    executor.dispose();
  }
}

/**
 * Trains on one batch of noise.
 *
 * @returns the loss of every step, and the speed of all but the first, which compiles and chooses kernels
 * @throws SelfTestFailure where the loss does not fall, or is no number
 */
export function trainOnNoise(executor: Pick<Executor, "trainStep">): {
  losses: number[];
  imagesPerSecond: number;
} {
  const batch = noise();
  const losses = [step(executor, batch)];
  const startMs = performance.now();
  const seconds = () => (performance.now() - startMs) / 1000;
  while (losses.length < MAXIMUM_STEPS && (losses.length <= MINIMUM_STEPS || seconds() < MINIMUM_SECONDS)) {
    losses.push(step(executor, batch));
  }
  const imagesPerSecond = ((losses.length - 1) * BATCH_SIZE) / seconds();
  const [first, last] = [losses[0] as number, losses.at(-1) as number];
  if (last >= first) {
    throw new SelfTestFailure(
      `Training on a single batch does not lower its loss (${first.toFixed(3)} to ${last.toFixed(3)}).`,
      "The device computes wrongly: use another machine.",
    );
  }
  return { losses, imagesPerSecond };
}

function step(executor: Pick<Executor, "trainStep">, batch: Batch): number {
  try {
    return executor.trainStep(batch, { kind: "only" }, SETTINGS).loss;
  } catch (err) {
    if (!(err instanceof DivergenceError)) throw err;
    throw new SelfTestFailure(
      "A training step on noise gives numbers that are not finite.",
      "The device computes wrongly: use another machine.",
    );
  }
}

function noise(): Batch {
  const random = new Random(SEED);
  const { height, width, channels } = NETWORK.image;
  return {
    x: Float32Array.from({ length: BATCH_SIZE * height * width * channels }, () => random.normal()),
    y: Int32Array.from({ length: BATCH_SIZE }, () => random.integer(NETWORK.classes)),
  };
}

function gpuMissing(): SelfTestFailure {
  const gpu = nvidiaGpu();
  if (gpu !== undefined) {
    return new SelfTestFailure(
      `NVIDIA's driver ${gpu.driver} names ${gpu.name}, but TensorFlow cannot use it.`,
      "It takes TensorFlow's CUDA build, a driver of 525 or newer and a GPU from Pascal to Hopper; if all are there, use another machine.",
    );
  }
  return existsSync("/dev/nvidiactl")
    ? new SelfTestFailure(
        "NVIDIA's driver is here, but names no GPU.",
        "The GPU or its driver is broken: use another machine.",
      )
    : new SelfTestFailure(
        "No NVIDIA GPU is visible.",
        "Give the container one (`docker run --gpus all`), or unset NASTURTIUM_TENSORFLOW to train on the CPU.",
      );
}

type Message = { result: Omit<SelfTest, "seconds"> } | { failure: { message: string; fix: string } };

const FIX = "Look at the lines above, or use another machine.";

/**
 * Trains in a process of its own.
 *
 * @throws SelfTestFailure with what is wrong and what to do
 */
export function runSelfTest(options: SelfTestOptions): Promise<SelfTest> {
  const { backend, needsGpu, limitSeconds = LIMIT_SECONDS, signal } = options;
  const startMs = performance.now();
  const seconds = () => (performance.now() - startMs) / 1000;
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(import.meta.url), [backend, String(needsGpu)], {
      execArgv: [],
      stdio: ["ignore", "ignore", "inherit", "ipc"], // stdout is the command's
      timeout: limitSeconds * 1000,
      killSignal: "SIGKILL",
      ...(signal === undefined ? {} : { signal }),
    });
    const release = guard(child.pid, ORPHAN_SECONDS);
    child.once("close", release);
    let message: Message | undefined;
    child.on("message", (received) => {
      message = received as Message;
    });
    child.on("error", reject);
    child.on("exit", (code, killedBy) => {
      if (message !== undefined && "result" in message) {
        resolve({ ...message.result, seconds: seconds() });
      } else if (message !== undefined) {
        reject(new SelfTestFailure(message.failure.message, message.failure.fix));
      } else if (killedBy === "SIGKILL" && seconds() >= limitSeconds) {
        reject(new SelfTestFailure(`The self-test did not end within ${limitSeconds} s.`, FIX));
      } else {
        reject(new SelfTestFailure(`The self-test ended with ${killedBy ?? `exit code ${code}`}.`, FIX));
      }
    });
  });
}

async function answer(name: BackendName, needsGpu: boolean): Promise<Message> {
  try {
    return { result: selfTest(await loadBackend(name), needsGpu) };
  } catch (err) {
    const message = err instanceof Error ? err.message : String(err);
    const fix = err instanceof SelfTestFailure ? err.fix : "Run `nasturtium doctor`, or use another machine.";
    return {
      failure: { message: err instanceof SelfTestFailure ? message : `Training failed: ${message}`, fix },
    };
  }
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const [name, needsGpu] = process.argv.slice(2);
  const message = await answer(name as BackendName, needsGpu === "true");
  process.send?.(message, undefined, {}, () => process.exit(0));
}
