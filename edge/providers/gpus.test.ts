/** GPU names, as providers write them. */

import { describe, expect, test } from "vitest";
import { gpuName, nearestGpus, wantsGpu } from "./gpus.ts";

describe("every provider's name of a GPU becomes the one of specifications", () => {
  test.each([
    ["NVIDIA GeForce RTX 4090", "RTX 4090"],
    ["NVIDIA GeForce RTX 3080 Ti", "RTX 3080 Ti"],
    ["NVIDIA GeForce RTX 4080 SUPER", "RTX 4080 Super"],
    ["NVIDIA RTX 6000 Ada Generation", "RTX 6000 Ada"],
    ["NVIDIA RTX 4000 SFF Ada Generation", "RTX 4000 Ada"],
    ["NVIDIA RTX A6000", "RTX A6000"],
    ["NVIDIA A100 80GB PCIe", "A100"],
    ["NVIDIA A100-SXM4-80GB", "A100"],
    ["NVIDIA H100 80GB HBM3", "H100"],
    ["NVIDIA H100 NVL", "H100"],
    ["NVIDIA L40S", "L40S"],
    ["NVIDIA RTX PRO 6000 Blackwell Server Edition", "RTX PRO 6000"],
    ["Tesla V100-SXM2-16GB", "V100"],
    ["AMD Instinct MI300X OAM", "MI300X"],
    ["RTX 6000Ada", "RTX 6000 Ada"],
    ["RTX 4070S Ti", "RTX 4070 Super Ti"],
    ["RTX 4090D", "RTX 4090D"],
    ["RTX PRO 6000 S", "RTX PRO 6000"],
    ["RTX PRO 6000 Max-Q", "RTX PRO 6000"],
    ["Q RTX 8000", "RTX 8000"],
    ["GTX 1080 Ti", "GTX 1080 Ti"],
    ["Tesla T4", "T4"],
    ["H100 SXM", "H100"],
    ["gpu_1x_a10", "A10"],
    ["gpu_1x_a6000", "RTX A6000"],
    ["gpu_1x_rtx6000", "RTX 6000"],
    ["gpu_1x_h100_sxm5", "H100"],
    ["gpu_1x_gh200", "GH200"],
    ["gpu-h100x1-80gb", "H100"],
    ["gpu-l40sx1-48gb", "L40S"],
    ["gpu-6000adax1-48gb", "RTX 6000 Ada"],
    ["gpu-mi300x1-192gb", "MI300X"],
    ["NVIDIA-GeForce-RTX-4090", "RTX 4090"],
    ["4090", "RTX 4090"],
  ])("%s is %s", (providers, ours) => {
    expect(gpuName(providers)).toBe(ours);
    expect(gpuName(ours)).toBe(ours);
  });
});

test("a specification may write a GPU in any of these ways, and leave it out", () => {
  expect(wantsGpu(["rtx4090"], "RTX 4090")).toBe(true);
  expect(wantsGpu(["RTX 4090"], "RTX 3090")).toBe(false);
  expect(wantsGpu([], "RTX 3090")).toBe(false);
  expect(wantsGpu(undefined, "RTX 3090")).toBe(true);
});

test("for a GPU that nobody offers the nearest are named, nearest first", () => {
  const known = ["RTX 4080", "RTX 4090", "H100", "A10"];
  expect(nearestGpus("RTX 409O", known)[0]).toBe("RTX 4090");
  expect(nearestGpus("H10", known)[0]).toBe("H100");
  expect(nearestGpus("zzzzzzzzzzzz", known)).toEqual([]);
});
