import { expect, test } from "vitest";
import { layersCost, outputShape } from "./layers.ts";
import type { Layer } from "./network.ts";
import { conv, factorizedReduce, norm } from "./operations.ts";

const input = { height: 7, width: 8, channels: 4 };

test.each<[string, Layer, { height: number; width: number; channels: number }]>([
  ["a stride-2 3x3 convolution rounds up", conv(4, 6, 3, 2), { height: 4, width: 4, channels: 6 }],
  [
    "a dilated 5x5 convolution padded by its reach keeps rows and columns",
    { kind: "depthwiseConv", kernel: 5, stride: 1, dilation: 2, padding: 4, channels: 4 },
    input,
  ],
  [
    "a stride-2 pool rounds up",
    { kind: "maxPool", size: 3, stride: 2, padding: 1 },
    { height: 4, width: 4, channels: 4 },
  ],
  ["zeros at stride 2 round up", { kind: "zero", stride: 2 }, { height: 4, width: 4, channels: 4 }],
  ["an offset keeps the shape", { kind: "offset" }, input],
  ["a global pool leaves one pixel", { kind: "globalAvgPool" }, { height: 1, width: 1, channels: 4 }],
])("%s", (_name, layer, shape) => {
  expect(outputShape([layer], input)).toEqual(shape);
});

test("a factorized reduce halves odd sizes too and costs one 1x1 convolution in all", () => {
  const cost = layersCost(factorizedReduce(4, 6, true), input);
  expect(cost.output).toEqual({ height: 4, width: 4, channels: 6 });
  expect(cost.parameters).toBe(4 * 6 + 2 * 6);
  expect(cost.macs).toBe(4 * 6 * 16);
});

test("activation memory is every layer's output in 32-bit numbers; identities and zeros keep nothing", () => {
  const pixels = 7 * 8;
  expect(layersCost([{ kind: "relu" }, conv(4, 6, 1, 1), norm(6, true)], input).activationBytes).toBe(
    4 * pixels * (4 + 6 + 6),
  );
  expect(layersCost([{ kind: "identity" }, { kind: "zero", stride: 1 }], input).activationBytes).toBe(0);
});

test("a layer given other channels than it was made for is refused", () => {
  expect(() => outputShape([conv(3, 6, 1, 1)], input)).toThrow("A conv for 3 channels was given 4.");
});
