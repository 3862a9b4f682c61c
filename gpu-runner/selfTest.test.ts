import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { DivergenceError } from "./executor/executor.ts";
import { describeSelfTest, runSelfTest, SelfTestFailure, speedClassOf, trainOnNoise } from "./selfTest.ts";

const isNative = process.env.NASTURTIUM_BACKEND === "tensorflow";
const hasGpu = existsSync("/dev/nvidiactl");

/** An executor whose steps give these losses, the last one again and again. */
function losing(...losses: number[]) {
  let index = 0;
  return {
    trainStep() {
      const loss = losses[Math.min(index++, losses.length - 1)] as number;
      if (!Number.isFinite(loss)) throw new DivergenceError("loss", loss);
      return { loss, gradientNorm: 1 };
    },
  };
}

describe("on this machine", () => {
  test.runIf(isNative)("a real training passes, with device, speed and memory", async () => {
    const result = await runSelfTest({ backend: "tensorflow", needsGpu: false });
    expect(result.lastLoss).toBeLessThan(result.firstLoss);
    expect(result.imagesPerSecond).toBeGreaterThan(0);
    expect(result.residentBytes).toBeGreaterThan(1e8);
    expect(result.device.memoryBytes).toBeGreaterThan(1e8);
    expect(result.versions.tensorflow).toBe("2.21.0");
    expect(result.speedClass).toBe(speedClassOf(result.device.kind, result.imagesPerSecond));
    expect(describeSelfTest(result)).toContain(result.device.name);
  });

  test.runIf(isNative && !hasGpu)("a missing GPU is refused where one is wanted", async () => {
    const failure = await runSelfTest({ backend: "tensorflow", needsGpu: true }).catch((err) => err);
    expect(failure).toBeInstanceOf(SelfTestFailure);
    expect(failure).toMatchObject({
      message: "No NVIDIA GPU is visible.",
      fix: expect.stringContaining("--gpus all"),
    });
  });

  test("one that hangs is ended and refused", async () => {
    const failure = await runSelfTest({ backend: "wasm", needsGpu: false, limitSeconds: 0.05 }).catch(
      (err) => err,
    );
    expect(failure).toBeInstanceOf(SelfTestFailure);
    expect(failure.message).toBe("The self-test did not end within 0.05 s.");
  });

  test("whoever asks to stop gets no result", async () => {
    const stopping = AbortSignal.abort();
    await expect(runSelfTest({ backend: "wasm", needsGpu: false, signal: stopping })).rejects.toThrow(
      "abort",
    );
  });
});

describe("what a device computes", () => {
  test("a loss that does not fall is refused", () => {
    expect(() => trainOnNoise(losing(2.3, 2.4))).toThrow("does not lower its loss (2.300 to 2.400)");
  });

  test("a loss that is no number is refused", () => {
    expect(() => trainOnNoise(losing(2.3, Number.NaN))).toThrow("not finite");
  });

  test("the first step, which compiles, does not count for the speed", () => {
    const firstStepMs = 200;
    const fast = losing(2.3, 2.2);
    let isFirst = true;
    const { imagesPerSecond } = trainOnNoise({
      trainStep() {
        const end = performance.now() + (isFirst ? firstStepMs : 0);
        isFirst = false;
        while (performance.now() < end);
        return fast.trainStep();
      },
    });
    const mostWithFirst = (200 * 64) / (firstStepMs / 1000);
    expect(imagesPerSecond).toBeGreaterThan(2 * mostWithFirst);
  });
});

test("the speed class follows the kind of device and the images per second", () => {
  expect(speedClassOf("cpu", 0)).toBe("cpu-small");
  expect(speedClassOf("cpu", 1e6)).toBe("cpu");
  expect(speedClassOf("gpu", 999)).toBe("gpu-small");
  expect(speedClassOf("gpu", 1000)).toBe("gpu");
  expect(speedClassOf("gpu", 4000)).toBe("gpu-large");
});
