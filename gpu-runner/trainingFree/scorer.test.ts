/** Scores of networks so small that they can be computed by hand. */

import { describe, expect, test } from "vitest";
import { genotypes } from "../../shared/genotypes.ts";
import type { Cell, Layer, Network } from "../../shared/network.ts";
import { deriveNetwork } from "../../shared/network.ts";
import { Random } from "../../shared/random.ts";
import { loadBackend } from "../kernels/backend.ts";
import { startValues } from "../weightShapes.ts";
import { Scorer } from "./scorer.ts";

const backend = await loadBackend(process.env.NASTURTIUM_BACKEND === "tensorflow" ? "tensorflow" : "wasm");

/** A network without a stem whose one cell joins input and output by these edges. */
function networkOf(edges: Layer[][], { channels = 1, side = 4, preprocess = [] as Layer[] } = {}): Network {
  const cell: Cell = {
    kind: "normal",
    path: "cell",
    inputStates: [0],
    preprocess: [{ path: "cell.preprocess.0", layers: preprocess }],
    nodes: 1,
    edges: edges.map((layers, position) => ({
      from: 0,
      to: 1,
      position,
      choices: [{ operation: "x", path: `cell.edges.${position}`, layers, isSkip: false, isNone: false }],
    })),
    concat: [1],
    channels,
    stride: 1,
  };
  return {
    image: { height: side, width: side, channels },
    classes: 2,
    stems: [{ path: "stem", layers: [{ kind: "identity" }], isState: true }],
    cells: [cell],
    head: {
      path: "head",
      layers: [{ kind: "globalAvgPool" }, { kind: "linear", inputs: channels, outputs: 2 }],
    },
  };
}

const identity: Layer = { kind: "identity" };

function imagesOf(count: number, numbers: number): Float32Array {
  const random = new Random(5);
  return Float32Array.from({ length: count * numbers }, () => random.normal());
}

const scorerOf = (images: Float32Array, patternImages = 3): Scorer =>
  new Scorer(backend, { seed: 1, images, patternImages });

const scoreOf = (network: Network, images: Float32Array) => {
  const scorer = scorerOf(images);
  try {
    return scorer.score(network);
  } finally {
    scorer.dispose();
  }
};

describe("trainability", () => {
  const images = imagesOf(3, 16);

  test("of a block that doubles its input is that of a singular value of 2", () => {
    expect(scoreOf(networkOf([[identity], [identity]]), images).trainability).toBeCloseTo(-0.5, 4);
  });

  test("of a block that multiplies by its one weight is that of the weight", () => {
    const layers: Layer[] = [
      { kind: "conv", kernel: [1, 1], stride: [1, 1], padding: [0, 0], inputs: 1, outputs: 1, bias: false },
    ];
    const shape = {
      name: "cell.edges.0.0.weight",
      shape: [1, 1, 1, 1],
      start: "he-normal",
      fanIn: 1,
    } as const;
    const [weight = 0] = startValues({ ...shape, shape: [1, 1, 1, 1] }, 1);
    const norm = Math.abs(weight);
    expect(scoreOf(networkOf([layers]), images).trainability).toBeCloseTo(2 - norm - 1 / norm, 3);
  });

  test("of a block that halves rows and columns takes each square of pixels as channels of one", () => {
    const preprocess: Layer[] = [{ kind: "avgPool", size: 2, stride: 2, padding: 0 }];
    // A quarter of each of four pixels: a singular value of 1/2. Two equal edges make it 1.
    const network = networkOf([[identity], [identity]], { preprocess });
    expect(scoreOf(network, images).trainability).toBeCloseTo(0, 4);
  });

  test("of a block that does nothing is as low as that of one that passes nothing on", () => {
    expect(scoreOf(networkOf([[identity]]), images).trainability).toBeLessThan(-9e5);
    expect(scoreOf(networkOf([[{ kind: "zero", stride: 1 }]]), images).trainability).toBeLessThan(-9e5);
  });
});

test("expressivity is the entropy of the features' principal components, block by block", () => {
  const images = imagesOf(3, 8);
  const features = Array.from({ length: 12 }, (_, at) => [
    images[2 * at] as number,
    images[2 * at + 1] as number,
  ]);
  const mean = [0, 1].map((channel) => features.reduce((sum, x) => sum + (x[channel] as number), 0) / 12);
  const covariance = (left: number, right: number): number =>
    features.reduce(
      (sum, x) =>
        sum +
        ((x[left] as number) - (mean[left] as number)) * ((x[right] as number) - (mean[right] as number)),
      0,
    ) / 12;
  const [a, b, d] = [covariance(0, 0), covariance(0, 1), covariance(1, 1)];
  const root = Math.sqrt(((a - d) / 2) ** 2 + b ** 2);
  const shares = [1, -1].map((sign) => ((a + d) / 2 + sign * root) / (a + d));
  const entropy = shares.reduce((sum, share) => sum - share * Math.log(share), 0);
  const scores = scoreOf(networkOf([[identity]], { channels: 2, side: 2 }), images);
  expect(scores.expressivity).toBeCloseTo(2 * entropy, 5);
  expect(scores.progressivity).toBeCloseTo(0, 5);
});

test("activation patterns are those of every ReLU's input, with the images as bits", () => {
  const images = imagesOf(20, 16);
  const scorer = scorerOf(images, 20);
  const units = Array.from({ length: 16 }, (_, unit) =>
    Array.from({ length: 20 }, (_, image) => ((images[16 * image + unit] as number) > 0 ? 1 : 0)).join(""),
  );
  expect(scorer.score(networkOf([[{ kind: "relu" }]])).distinctPatterns).toBe(new Set(units).size);
  scorer.dispose();
});

test("two scores of a network are equal, whatever was scored between, and no tensor is left behind", () => {
  const genotype = genotypes.DARTS_V2;
  if (genotype === undefined) throw new Error("There is no such genotype.");
  const image = { height: 8, width: 8, channels: 3 };
  const network = deriveNetwork({ genotype, channels: 4, layers: 3, classes: 2, image, auxiliary: false });
  const other = deriveNetwork({ genotype, channels: 2, layers: 6, classes: 2, image, auxiliary: false });
  const images = imagesOf(4, 192);
  for (const warming of [network, other]) scoreOf(warming, images); // kernels make constants that they keep
  const before = backend.tf.memory().numTensors;
  const scorer = scorerOf(images);
  const first = scorer.score(network);
  scorer.score(other);
  expect(scorer.score(network)).toEqual(first);
  expect(Object.values(first).every(Number.isFinite)).toBe(true);
  scorer.dispose();
  expect(backend.tf.memory().numTensors).toBe(before);
});

test("more images than a pattern holds are refused", () => {
  expect(() => scorerOf(imagesOf(64, 16), 64)).toThrow(/1 to 48 images/);
});
