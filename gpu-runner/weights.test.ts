import { describe, expect, it } from "vitest";
import { startValues } from "./weightShapes.ts";
import { deserialise, serialise, weightsDigest } from "./weights.ts";

const shape = { name: "cells.0.weight", shape: [3, 3, 8, 8], start: "he-normal", fanIn: 72 } as const;

describe("start values", () => {
  it("follow from seed and name", () => {
    const weight = { ...shape, shape: [...shape.shape] };
    expect(startValues(weight, 1)).toEqual(startValues(weight, 1));
    expect(startValues(weight, 2)).not.toEqual(startValues(weight, 1));
    expect(startValues({ ...weight, name: "other" }, 1)).not.toEqual(startValues(weight, 1));
  });

  it("have He's deviation", () => {
    const values = startValues({ ...shape, shape: [3, 3, 64, 64], fanIn: 576 }, 1);
    const variance = values.reduce((sum, value) => sum + value * value, 0) / values.length;
    expect(variance * 576).toBeCloseTo(2, 1);
  });
});

describe("the digest", () => {
  it("is FNV-1a 64 over 32-bit words", () => {
    const values = Float32Array.of(1, -0.5, 3e-20, 7);
    let hash = 0xcbf29ce484222325n;
    for (const word of new Uint32Array(values.buffer))
      hash = ((hash ^ BigInt(word)) * 0x100000001b3n) & 0xffffffffffffffffn;
    expect(weightsDigest(values)).toBe(hash.toString(16).padStart(16, "0"));
  });

  it("changes with a single bit", () => {
    expect(weightsDigest(Float32Array.of(0))).not.toBe(weightsDigest(Float32Array.of(-0)));
  });
});

describe("the file", () => {
  const values = new Map([
    ["a", { shape: [2, 2], values: Float32Array.of(1, 2, 3, 4) }],
    ["momentum/a", { shape: [4], values: Float32Array.of(0, -0, 1e-38, 5) }],
  ]);

  it("gives back what was written", () => {
    expect(deserialise(serialise(values, { round: 3 }))).toEqual({ values, meta: { round: 3 } });
  });

  it("without a format is of the first", () => {
    const bytes = Buffer.from(serialise(values, { round: 3 }));
    const at = bytes.indexOf('"format":1,');
    expect(at).toBeGreaterThan(0);
    bytes.write(" ".repeat(11), at);
    expect(deserialise(bytes)).toEqual({ values, meta: { round: 3 } });
  });

  it("of another format is refused by it", () => {
    const bytes = Buffer.from(serialise(values, {}));
    bytes.write("2", bytes.indexOf('"format":1,') + 9);
    expect(() => deserialise(bytes)).toThrow("the checkpoint has format 2, this runner reads format 1");
  });

  it("is refused when it is cut off or empty", () => {
    const bytes = serialise(values, {});
    for (const length of [0, 3, 20, bytes.length - 1]) {
      expect(() => deserialise(bytes.subarray(0, length))).toThrow(/damaged/);
    }
  });
});
