import { expect, test } from "vitest";
import { layersCost, outputShape } from "./layers.ts";
import { operations } from "./operations.ts";

const CHANNELS = 8;
const input = { height: 9, width: 10, channels: CHANNELS };
const names = Object.keys(operations);

test.each(names)("%s keeps channels, and divides rows and columns by the stride, rounded up", (name) => {
  for (const stride of [1, 2]) {
    for (const search of [true, false]) {
      const layers = operations[name]?.layers({ channels: CHANNELS, stride, affine: true, search }) ?? [];
      expect(outputShape(layers, input)).toEqual({
        height: Math.ceil(9 / stride),
        width: Math.ceil(10 / stride),
        channels: CHANNELS,
      });
    }
  }
});

test.each([
  ["none", 0],
  ["skip_connect", 0],
  ["max_pool_5x5", 0],
  ["sep_conv_3x3", 2 * (9 * 8 + 64 + 16)],
  ["sep_conv_7x7", 2 * (49 * 8 + 64 + 16)],
  ["dil_conv_5x5", 25 * 8 + 64 + 16],
  ["conv_1x1", 64 + 16],
  ["conv_3x3", 9 * 64 + 16],
  ["conv_3x1_1x3", 6 * 64 + 16],
  ["nor_conv_3x3", 9 * 64 + 16],
])("%s has the parameters of its definition", (name, parameters) => {
  const layers =
    operations[name]?.layers({ channels: CHANNELS, stride: 1, affine: true, search: false }) ?? [];
  expect(layersCost(layers, input).parameters).toBe(parameters);
});

test("no operation of a supernet learns scale and shift, and pools are normalised there only", () => {
  for (const name of names) {
    const layers = operations[name]?.layers({ channels: 8, stride: 2, affine: false, search: true }) ?? [];
    expect(layers.some((layer) => layer.kind === "batchNorm" && layer.affine)).toBe(false);
    if (!name.includes("pool")) continue;
    expect(layers.map(({ kind }) => kind).at(-1)).toBe("batchNorm");
    const derived = operations[name]?.layers({ channels: 8, stride: 2, affine: true, search: false });
    expect(derived).toHaveLength(1);
  }
});

test("skips and none are marked, and nothing else", () => {
  expect(names.filter((name) => operations[name]?.isSkip)).toEqual(["skip_connect"]);
  expect(names.filter((name) => operations[name]?.isNone)).toEqual(["none"]);
});
