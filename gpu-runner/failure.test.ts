import { describe, expect, it } from "vitest";
import { isOutOfMemory } from "./failure.ts";

describe("an exhausted memory", () => {
  it.each([
    "OOM when allocating tensor with shape[256,32,32,64] and type float on /job:localhost/replica:0",
    "RESOURCE_EXHAUSTED: Out of memory while trying to allocate 1073741824 bytes.",
    "failed to allocate 2.00GiB from device: CUDA_ERROR_OUT_OF_MEMORY: out of memory",
    "Failed to allocate memory for convolution redux tensor",
    "Aborted(Cannot enlarge memory arrays to size 4294967296 bytes)",
    "memory access out of bounds",
    "Array buffer allocation failed",
    "Invalid typed array length: 8589934592",
  ])("is recognised: %s", (message) => {
    expect(isOutOfMemory(new Error(message))).toBe(true);
    expect(isOutOfMemory(new Error("the step failed", { cause: new Error(message) }))).toBe(true);
  });

  it("is no other failure", () => {
    expect(isOutOfMemory(new Error("Incompatible shapes: [8,4] vs. [8,5]"))).toBe(false);
    expect(isOutOfMemory("out of memory")).toBe(false);
  });
});
