/**
 * How fast GPUs are against each other, for the price of a round before any was measured: peak single-precision
 * throughput in TFLOPS as their makers' data sheets give it. Small convolutions reach a part of it, about the same part
 * on each.
 */

const teraflops: Record<string, number> = {
  "RTX 3090": 35.6,
  "RTX 4090": 82.6,
  "RTX 5090": 104.8,
  "RTX A4000": 19.2,
  "RTX A5000": 27.8,
  "RTX A6000": 38.7,
  "RTX 6000 Ada": 91.1,
  A10: 31.2,
  A40: 37.4,
  A100: 19.5,
  H100: 66.9,
  H200: 66.9,
  B200: 80,
  L4: 30.3,
  L40: 90.5,
  L40S: 91.6,
  V100: 15.7,
  T4: 8.1,
};

/** Of a GPU that is not in the table. */
const unknown = 20;

export const speedOf = (gpu: string): number =>
  Object.entries(teraflops)
    .filter(([name]) => gpu.startsWith(name))
    .sort(([a], [b]) => b.length - a.length)[0]?.[1] ?? unknown;
