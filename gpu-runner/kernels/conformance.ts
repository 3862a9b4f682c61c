/**
 * What every backend has to compute, checked against plain loops: forwards against a naive implementation,
 * backwards against central differences of that implementation. Each backend has a test file that calls this.
 */

import type { Tensor, Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, test } from "vitest";
import { type Backend, type BackendName, loadBackend, type TensorFlow } from "./backend.ts";
import { createPrimitives, type Primitives } from "./primitives.ts";

/** An image as plain data. */
interface Image {
  shape: [number, number, number, number];
  values: Float64Array;
}

type Loop = (inputs: Image[]) => Image;

interface Case {
  name: string;
  shapes: [number, number, number, number][];
  run(primitives: Primitives, inputs: Tensor4D[], tf: TensorFlow): Tensor4D;
  loop: Loop;
}

const BATCH = 2;
const CHANNELS = 3;
const OUTPUTS = 4;
const SIZES = [5, 6, 7, 8];

const at = ({ shape, values }: Image, n: number, row: number, column: number, channel: number): number => {
  const inside = row >= 0 && column >= 0 && row < shape[1] && column < shape[2];
  return inside ? (values[((n * shape[1] + row) * shape[2] + column) * shape[3] + channel] ?? 0) : 0;
};

function build(
  shape: Image["shape"],
  value: (n: number, row: number, column: number, channel: number) => number,
) {
  const [batch, rows, columns, channels] = shape;
  const values = new Float64Array(batch * rows * columns * channels);
  let index = 0;
  for (let n = 0; n < batch; n++)
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++)
        for (let channel = 0; channel < channels; channel++) values[index++] = value(n, row, column, channel);
  return { shape, values };
}

/** Values that a seed determines, no two of one image alike: ties have no derivative in a max pool. */
function randomImage(shape: Image["shape"], seed: number): Image {
  const size = shape.reduce((product, length) => product * length, 1);
  const values = Float64Array.from({ length: size }, (_, index) => (index + 0.5) / size - 0.5);
  let state = seed * 2654435761 + 1;
  for (let index = size - 1; index > 0; index--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const other = state % (index + 1);
    [values[index], values[other]] = [values[other] ?? 0, values[index] ?? 0];
  }
  return { shape, values: values.map((value) => value * 4) };
}

interface LoopWindow {
  kernel: [number, number];
  stride: number;
  padding: [number, number];
  dilation?: number;
}

/** Calls `value` for every output position with the pixels under the window; null is padding. */
function slide(
  x: Image,
  channels: number,
  { kernel, stride, padding, dilation = 1 }: LoopWindow,
  value: (
    taps: { row: number; column: number; i: number; j: number; isInside: boolean }[],
    n: number,
    channel: number,
  ) => number,
): Image {
  const length = (axis: 0 | 1): number =>
    Math.floor(
      (x.shape[axis === 0 ? 1 : 2] + 2 * padding[axis] - dilation * (kernel[axis] - 1) - 1) / stride,
    ) + 1;
  return build([x.shape[0], length(0), length(1), channels], (n, row, column, channel) => {
    const taps = [];
    for (let i = 0; i < kernel[0]; i++)
      for (let j = 0; j < kernel[1]; j++) {
        const r = row * stride + i * dilation - padding[0];
        const c = column * stride + j * dilation - padding[1];
        taps.push({
          row: r,
          column: c,
          i,
          j,
          isInside: r >= 0 && c >= 0 && r < x.shape[1] && c < x.shape[2],
        });
      }
    return value(taps, n, channel);
  });
}

const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0);

const convLoop =
  (window: LoopWindow): Loop =>
  ([x, filter]) => {
    if (x === undefined || filter === undefined) throw new Error("A convolution has two inputs.");
    return slide(x, filter.shape[3], window, (taps, n, output) =>
      sum(
        taps.map(({ row, column, i, j }) =>
          sum(
            Array.from(
              { length: x.shape[3] },
              (_, c) => at(x, n, row, column, c) * at(filter, i, j, c, output),
            ),
          ),
        ),
      ),
    );
  };

const depthwiseLoop =
  (window: LoopWindow): Loop =>
  ([x, filter]) => {
    if (x === undefined || filter === undefined) throw new Error("A convolution has two inputs.");
    return slide(x, x.shape[3], window, (taps, n, channel) =>
      sum(taps.map(({ row, column, i, j }) => at(x, n, row, column, channel) * at(filter, i, j, channel, 0))),
    );
  };

const poolLoop =
  (window: LoopWindow, reduce: (values: number[]) => number): Loop =>
  ([x]) => {
    if (x === undefined) throw new Error("A pool has one input.");
    return slide(x, x.shape[3], window, (taps, n, channel) =>
      reduce(taps.filter((tap) => tap.isInside).map(({ row, column }) => at(x, n, row, column, channel))),
    );
  };

function statistics(x: Image): { mean: number[]; variance: number[]; count: number } {
  const channels = x.shape[3];
  const count = x.values.length / channels;
  const mean = Array.from(
    { length: channels },
    (_, c) => sum([...x.values.filter((_, i) => i % channels === c)]) / count,
  );
  const variance = mean.map(
    (center, c) =>
      sum([...x.values.filter((_, i) => i % channels === c)].map((value) => (value - center) ** 2)) / count,
  );
  return { mean, variance, count };
}

const batchNormLoop: Loop = ([x, scale, shift]) => {
  if (x === undefined) throw new Error("Batch normalisation has an input.");
  const { mean, variance } = statistics(x);
  return build(x.shape, (n, row, column, c) => {
    const normal = (at(x, n, row, column, c) - (mean[c] ?? 0)) / Math.sqrt((variance[c] ?? 0) + 1e-5);
    return normal * (scale?.values[c] ?? 1) + (shift?.values[c] ?? 0);
  });
};

const mapLoop =
  (value: (x: Image, n: number, row: number, column: number, channel: number) => number): Loop =>
  ([x]) => {
    if (x === undefined) throw new Error("One input is needed.");
    return build(x.shape, (n, row, column, channel) => value(x, n, row, column, channel));
  };

function imageCases(size: number): Case[] {
  // One row more than columns, so that a mixed-up axis shows.
  const x: Image["shape"] = [BATCH, size + 1, size, CHANNELS];
  const cases: Case[] = [
    {
      name: "relu",
      shapes: [x],
      run: ({ relu }, [input]) => relu(input as Tensor4D),
      loop: mapLoop((image, ...index) => Math.max(0, at(image, ...index))),
    },
    {
      name: "offset",
      shapes: [x],
      run: ({ offset }, [input]) => offset(input as Tensor4D),
      loop: mapLoop((image, n, row, column, channel) => at(image, n, row + 1, column + 1, channel)),
    },
    {
      name: "batchNorm without scale and shift",
      shapes: [x],
      run: ({ batchNorm }, [input]) => batchNorm(input as Tensor4D, null, null).y,
      loop: batchNormLoop,
    },
    {
      name: "batchNorm with scale and shift",
      shapes: [x, [1, 1, 1, CHANNELS], [1, 1, 1, CHANNELS]],
      run: ({ batchNorm }, [input, scale, shift], tf) =>
        batchNorm(
          input as Tensor4D,
          tf.reshape(scale as Tensor4D, [CHANNELS]),
          tf.reshape(shift as Tensor4D, [CHANNELS]),
        ).y,
      loop: batchNormLoop,
    },
    {
      name: "concat",
      shapes: [x, x],
      run: ({ concat }, inputs) => concat(inputs),
      loop: ([first, second]) => {
        if (first === undefined || second === undefined) throw new Error("Two inputs are needed.");
        return build([BATCH, size + 1, size, 2 * CHANNELS], (n, row, column, channel) =>
          channel < CHANNELS
            ? at(first, n, row, column, channel)
            : at(second, n, row, column, channel - CHANNELS),
        );
      },
    },
  ];
  for (const stride of [1, 2]) {
    for (const [height, width] of [
      [1, 1],
      [3, 3],
      [5, 5],
      [1, 3],
      [3, 1],
    ] as const) {
      const padding: [number, number] = [(height - 1) / 2, (width - 1) / 2];
      cases.push({
        name: `conv ${height}x${width} stride ${stride}`,
        shapes: [x, [height, width, CHANNELS, OUTPUTS]],
        run: ({ conv }, [input, filter]) =>
          conv(input as Tensor4D, filter as Tensor4D, { stride: [stride, stride], padding }),
        loop: convLoop({ kernel: [height, width], stride, padding }),
      });
    }
    for (const [kernel, dilation] of [
      [3, 1],
      [5, 1],
      [7, 1],
      [3, 2],
      [5, 2],
    ] as const) {
      const padding = ((kernel - 1) / 2) * dilation;
      cases.push({
        name: `depthwiseConv ${kernel}x${kernel} stride ${stride} dilation ${dilation}`,
        shapes: [x, [kernel, kernel, CHANNELS, 1]],
        run: ({ depthwiseConv }, [input, filter]) =>
          depthwiseConv(input as Tensor4D, filter as Tensor4D, { stride, dilation, padding }),
        loop: depthwiseLoop({ kernel: [kernel, kernel], stride, padding: [padding, padding], dilation }),
      });
    }
    for (const kernel of [3, 5, 7]) {
      const padding = (kernel - 1) / 2;
      const window: LoopWindow = { kernel: [kernel, kernel], stride, padding: [padding, padding] };
      cases.push(
        {
          name: `maxPool ${kernel}x${kernel} stride ${stride}`,
          shapes: [x],
          run: ({ maxPool }, [input]) => maxPool(input as Tensor4D, { size: kernel, stride, padding }),
          loop: poolLoop(window, (values) => Math.max(...values)),
        },
        {
          name: `avgPool ${kernel}x${kernel} stride ${stride}`,
          shapes: [x],
          run: ({ avgPool }, [input]) => avgPool(input as Tensor4D, { size: kernel, stride, padding }),
          loop: poolLoop(window, (values) => sum(values) / values.length),
        },
      );
    }
  }
  return cases;
}

/** Elements of each input whose derivative is checked: all of a small one. */
const CHECKED = 60;

/** Compares with central differences of sum(loop(inputs) * weights) with respect to input `which`. */
function expectGradient(
  gradient: ArrayLike<number>,
  loop: Loop,
  inputs: Image[],
  which: number,
  weights: Image,
): void {
  const step = 1e-4;
  const target = inputs[which]?.values ?? new Float64Array();
  expect(gradient.length).toBe(target.length);
  const loss = (): number => {
    const { values } = loop(inputs);
    return sum([...values].map((value, index) => value * (weights.values[index] ?? 0)));
  };
  // Odd, so that the elements are not all of one row, column or channel.
  const spacing = Math.max(1, Math.floor(target.length / CHECKED)) | 1;
  const checked = [...target.keys()].filter((index) => index % spacing === 0);
  const expected = checked.map((index) => {
    const value = target[index] ?? 0;
    target[index] = value + step;
    const above = loss();
    target[index] = value - step;
    const below = loss();
    target[index] = value;
    return (above - below) / (2 * step);
  });
  expectClose(
    checked.map((index) => gradient[index] ?? Number.NaN),
    expected,
    1e-3,
  );
}

function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  let worst = 0;
  for (let index = 0; index < expected.length; index++) {
    const difference = Math.abs((actual[index] ?? Number.NaN) - (expected[index] ?? 0));
    worst = Number.isFinite(difference)
      ? Math.max(worst, difference / (1 + Math.abs(expected[index] ?? 0)))
      : Number.NaN;
    if (Number.isNaN(worst)) break;
  }
  expect(worst).toBeLessThan(tolerance);
}

/** Checks every primitive on a backend; call it in a test file of its own, as a process has one backend. */
export function describePrimitives(name: BackendName): void {
  describe(`primitives on ${name}`, () => {
    let backend: Backend;
    let primitives: Primitives;

    beforeAll(async () => {
      backend = await loadBackend(name);
      primitives = createPrimitives(backend);
    });

    const tensor = (image: Image): Tensor4D =>
      backend.tf.tensor4d(Float32Array.from(image.values), image.shape);

    test("the backend says what it is", () => {
      expect(backend.name).toBe(name);
      expect(backend.tf.getBackend()).toBe(name);
      expect(backend.threads).toBeGreaterThan(0);
      expect(Object.keys(backend.versions).length).toBeGreaterThan(1);
    });

    for (const size of SIZES) {
      for (const { name: caseName, shapes, run, loop } of imageCases(size)) {
        const inputs = shapes.map((shape, index) => randomImage(shape, index + 1));

        test(`${caseName} of ${size} columns computes what the loops compute, and so does its gradient`, () => {
          const { tf } = backend;
          const expected = loop(inputs);
          const weights = randomImage(expected.shape, 99);
          const before = tf.memory().numTensors;
          const { values, gradients, shape } = tf.tidy(() => {
            const tensors = inputs.map(tensor);
            const y = run(primitives, tensors, tf);
            const loss = (...xs: Tensor[]): Tensor =>
              tf.sum(tf.mul(run(primitives, xs as Tensor4D[], tf), tensor(weights)));
            const grads = tf.grads(loss)(tensors);
            return {
              shape: y.shape,
              values: y.dataSync(),
              gradients: grads.map((gradient) => gradient.dataSync()),
            };
          });
          const leftBehind = tf.memory().numTensors - before;
          expect(shape).toEqual(expected.shape);
          expectClose(values, expected.values, 1e-4);
          for (const [which, gradient] of gradients.entries()) {
            expectGradient(gradient, loop, inputs, which, weights);
          }

          // Constants are made the first time; the second time nothing is left.
          const settled = tf.memory().numTensors;
          tf.tidy(() => {
            tf.grads((...xs: Tensor[]) => tf.sum(run(primitives, xs as Tensor4D[], tf)))(inputs.map(tensor));
          });
          expect(tf.memory().numTensors).toBe(settled);
          expect(leftBehind).toBeLessThan(8);
        });
      }
    }

    test("batchNorm reports the mean and the unbiased variance of the batch", () => {
      const image = randomImage([BATCH, 5, 6, CHANNELS], 7);
      const { mean, variance, count } = statistics(image);
      const actual = backend.tf.tidy(() => {
        const result = primitives.batchNorm(tensor(image), null, null);
        return { mean: result.mean.dataSync(), variance: result.variance.dataSync() };
      });
      expectClose(actual.mean, mean, 1e-4);
      expectClose(
        actual.variance,
        variance.map((value) => (value * count) / (count - 1)),
        1e-4,
      );
    });

    test("batchNormInference uses the statistics it is given", () => {
      const image = randomImage([BATCH, 5, 6, CHANNELS], 8);
      const [mean, variance, scale, shift] = [
        [0.1, -0.2, 0.3],
        [1, 2, 0.5],
        [2, 1, -1],
        [0, 1, 2],
      ] as const;
      const actual = backend.tf.tidy(() =>
        primitives
          .batchNormInference(
            tensor(image),
            backend.tf.tensor1d([...mean]),
            backend.tf.tensor1d([...variance]),
            backend.tf.tensor1d([...scale]),
            backend.tf.tensor1d([...shift]),
          )
          .dataSync(),
      );
      const expected = image.values.map((value, index) => {
        const c = (index % CHANNELS) as 0 | 1 | 2;
        return ((value - mean[c]) / Math.sqrt(variance[c] + 1e-5)) * scale[c] + shift[c];
      });
      expectClose(actual, expected, 1e-4);
    });

    test("maxPool gives the gradient of equal pixels to the first of them, row by row", () => {
      const { tf } = backend;
      const gradient = tf.tidy(() => {
        const loss = (x: Tensor): Tensor =>
          tf.sum(primitives.maxPool(x as Tensor4D, { size: 3, stride: 2, padding: 1 }));
        return tf
          .grad(loss)(tf.zeros([1, 6, 6, 1]))
          .dataSync();
      });
      const first = [0, 1, 3];
      const expected = Array.from({ length: 36 }, (_, index) =>
        first.includes(Math.floor(index / 6)) && first.includes(index % 6) ? 1 : 0,
      );
      expect([...gradient]).toEqual(expected);
    });

    test("zero halves odd and even sizes, rounding up", () => {
      const shapes = backend.tf.tidy(() => [
        primitives.zero(backend.tf.ones([2, 7, 8, 3]), 2).shape,
        primitives.zero(backend.tf.ones([2, 7, 8, 3]), 1).shape,
      ]);
      expect(shapes).toEqual([
        [2, 4, 4, 3],
        [2, 7, 8, 3],
      ]);
    });

    test("globalAvgPool and linear compute what the loops compute, and so do their gradients", () => {
      const { tf } = backend;
      const image = randomImage([BATCH, 5, 6, CHANNELS], 9);
      const weight = randomImage([1, 1, CHANNELS, OUTPUTS], 10);
      const bias = randomImage([1, 1, 1, OUTPUTS], 11);
      const loop: Loop = ([x, w, b]) => {
        if (x === undefined || w === undefined || b === undefined)
          throw new Error("Three inputs are needed.");
        return build([BATCH, 1, 1, OUTPUTS], (n, _row, _column, output) => {
          const pixels = x.shape[1] * x.shape[2];
          const logits = Array.from({ length: CHANNELS }, (_, c) => {
            const total = sum(
              Array.from({ length: pixels }, (_, p) =>
                at(x, n, Math.floor(p / x.shape[2]), p % x.shape[2], c),
              ),
            );
            return (total / pixels) * at(w, 0, 0, c, output);
          });
          return sum(logits) + at(b, 0, 0, 0, output);
        });
      };
      const inputs = [image, weight, bias];
      const expected = loop(inputs);
      const weights = randomImage(expected.shape, 12);
      const head = (x: Tensor, w: Tensor, b: Tensor): Tensor2D =>
        primitives.linear(
          primitives.globalAvgPool(x as Tensor4D),
          tf.reshape(w, [CHANNELS, OUTPUTS]),
          tf.reshape(b, [OUTPUTS]),
        );
      const { values, gradients } = tf.tidy(() => {
        const [x, w, b] = inputs.map(tensor) as [Tensor4D, Tensor4D, Tensor4D];
        const loss = (...xs: Tensor[]): Tensor =>
          tf.sum(
            tf.mul(head(...(xs as [Tensor, Tensor, Tensor])), tf.reshape(tensor(weights), [BATCH, OUTPUTS])),
          );
        return {
          values: head(x, w, b).dataSync(),
          gradients: tf
            .grads(loss)([x, w, b])
            .map((gradient) => gradient.dataSync()),
        };
      });
      expectClose(values, expected.values, 1e-4);
      for (const [which, gradient] of gradients.entries()) {
        expectGradient(gradient, loop, inputs, which, weights);
      }
    });
  });
}
