import { execFile } from "node:child_process";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { readTar, writeFiles } from "../../cli/archive.ts";
import { rootDir } from "../../setup/node.mjs";
import { type ExportFormat, exportFormatNames, exportFormats } from "../../shared/exportFormats.ts";
import { type CellGenotype, type Genotype, parseGenotype } from "../../shared/genotype.ts";
import { DARTS_V2, NASNet } from "../../shared/genotypes.ts";
import { deriveNetwork, type Network, type NetworkSize } from "../../shared/network.ts";
import { operations } from "../../shared/operations.ts";
import type { FinalTrainingTask } from "../../shared/protocol.ts";
import { Random } from "../../shared/random.ts";
import type { Samples } from "../../shared/samples.ts";
import { evaluationBatch } from "../data/batches.ts";
import { type Dataset, type Images, loadDataset } from "../data/dataset.ts";
import { EagerExecutor } from "../executor/eager.ts";
import { FinalTraining } from "../finalTraining.ts";
import { type Backend, type BackendName, loadBackend } from "../kernels/backend.ts";
import { type ExportFile, exportFiles } from "./index.ts";
import { type Pixels, type Runtime, runtimes } from "./runtimes.testing.ts";

const TOLERANCE = 1e-4;
const REAL_IMAGES = 1000;

const ready: BackendName = process.env.NASTURTIUM_BACKEND === "wasm" ? "wasm" : "tensorflow";
const usable = runtimes.filter(({ backend }) => backend !== "tensorflow" || ready === "tensorflow");

let backend: Backend;

beforeAll(async () => {
  backend = await loadBackend(ready);
});
afterEach(() => loadBackend(ready));

/** Every operation, a node without inputs, and a state that no edge reads. */
const everything: Genotype = {
  space: "inline",
  cells: {
    normal: cell(
      [
        ["sep_conv_3x3", 0],
        ["dil_conv_5x5", 1],
        ["conv_7x1_1x7", 0],
      ],
      [],
      [
        ["conv_3x1_1x3", 1],
        ["avg_pool_3x3", 2],
        ["skip_connect", 0],
        ["conv_3x3", 3],
      ],
    ),
    reduction: cell(
      [
        ["max_pool_3x3", 1],
        ["dil_conv_3x3", 1],
      ],
      [],
      [
        ["avg_pool_5x5", 1],
        ["skip_connect", 1],
        ["max_pool_5x5", 2],
        ["sep_conv_5x5", 1],
      ],
    ),
  },
};

function cell(...nodes: [operation: string, input: number][][]): CellGenotype {
  return {
    nodes: nodes.map((edges) => edges.map(([operation, input]) => ({ operation, input }))),
    concat: nodes.map((_, index) => index + 2),
  };
}

function task(change: Partial<FinalTrainingTask>): FinalTrainingTask {
  return {
    kind: "finalTraining",
    taskId: "task",
    searchId: "search",
    trainingId: "training",
    genotype: everything,
    hash: "abc",
    dataset: "fashion-mnist",
    stem: "cifar",
    channels: 4,
    layers: 3,
    recipe: { preset: "demo", top: 1, steps: 60, batchSize: 32 },
    seed: 3,
    ...change,
  };
}

const fileOf = (files: ExportFile[], format: ExportFormat): Uint8Array =>
  files.find((file) => file.format === format)?.bytes ?? new Uint8Array();

function pixelsOf(images: Images, count: number): Pixels {
  const { height, width, channels, pixels } = images;
  return {
    values: Float32Array.from(pixels.subarray(0, count * height * width * channels)),
    shape: [count, height, width, channels],
  };
}

async function differenceOf(
  runtime: Runtime,
  files: ExportFile[],
  pixels: Pixels,
  wanted: Float32Array,
): Promise<number> {
  const found = await runtime.run(fileOf(files, runtime.format), pixels);
  expect(found.length).toBe(wanted.length);
  const differences = wanted.map((value, index) => Math.abs(value - (found[index] ?? Number.NaN)));
  return differences.reduce((largest, difference) => Math.max(largest, difference));
}

describe("a trained network", () => {
  let training: FinalTraining;
  let files: ExportFile[];
  let pixels: Pixels;
  let logits: Float32Array;

  beforeAll(async () => {
    const dataset = await loadDataset("fashion-mnist", { log: () => {} });
    const { testAccuracy, ...result } = await trainBriefly(dataset);
    expect(testAccuracy).toBeGreaterThan(40);
    files = training.exports({ testAccuracy, ...result });
    pixels = pixelsOf(dataset.test, REAL_IMAGES);
    logits = training.logits(Array.from({ length: REAL_IMAGES }, (_, index) => index));
  });

  function trainBriefly(dataset: Dataset) {
    const few = { ...dataset, test: firstImages(dataset.test, REAL_IMAGES) };
    training = new FinalTraining(backend, few, task({}));
    return training.run();
  }

  it.each(usable)(`gives ${REAL_IMAGES} real images the same class scores in $name`, async (runtime) => {
    expect(await differenceOf(runtime, files, pixels, logits)).toBeLessThan(TOLERANCE);
  });

  it.each(nodePrograms())("knows a boot in the how-to's program under $heading", async ({ program }) => {
    const folder = mkdtempSync(path.join(tmpdir(), "how-to-"));
    try {
      layOut(folder, files);
      writeFileSync(path.join(folder, "program.mjs"), program);
      const { stdout } = await promisify(execFile)(process.execPath, ["program.mjs"], { cwd: folder });
      expect(stdout.trim().split("\n").at(-1)).toBe("Ankle boot");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("is described in every format, with its class names", () => {
    const json = JSON.parse(Buffer.from(fileOf(files, "json")).toString());
    expect(json.classNames[9]).toBe("Ankle boot");
    expect(json.training.dataset).toBe("fashion-mnist");
    const inArchive = (format: ExportFormat, name: string) => {
      const found = readTar(fileOf(files, format)).find((file) => file.name === name);
      return JSON.parse(Buffer.from(found?.bytes ?? []).toString());
    };
    expect(inArchive("tfjs", "model.json").userDefinedMetadata).toEqual(json);
    expect(inArchive("saved-model", "assets.extra/description.json")).toEqual(json);
    expect(Buffer.from(fileOf(files, "onnx")).includes(JSON.stringify(json.classNames))).toBe(true);
    const samples = JSON.parse(Buffer.from(fileOf(files, "samples")).toString()) as Samples;
    expect(samples.classNames).toEqual(json.classNames);
    expect(new Set(samples.images.map(({ label }) => label)).size).toBe(10);
    const genotype = parseGenotype(Buffer.from(fileOf(files, "genotype")).toString(), "inline");
    expect(genotype.cells).toEqual(everything.cells);
    expect(files.map(({ format }) => format)).toEqual(exportFormatNames);
  });
});

/** The programs for Node in the how-to, by the heading above each. */
function nodePrograms(): { heading: string; program: string }[] {
  const page = readFileSync(path.join(rootDir, "docs/how-to/use-the-model.md"), "utf8");
  return page.split(/^## /m).flatMap((section) => {
    const [, program] = /^```js\n(.*?)^```/ms.exec(section) ?? [];
    const heading = section.slice(0, section.indexOf("\n"));
    const isUsable = ready === "tensorflow" || heading !== "Node: TensorFlow";
    return program && isUsable ? [{ heading, program }] : [];
  });
}

/** Makes the folder that the how-to starts from. */
function layOut(folder: string, files: ExportFile[]): void {
  for (const { format, bytes } of files) {
    const { fileName, isArchive } = exportFormats[format];
    const unpacked = isArchive ? readTar(bytes) : [{ name: fileName, bytes }];
    writeFiles(unpacked, path.join(folder, "model", isArchive ? format : ""), false);
  }
  copyFileSync(path.join(rootDir, "docs/images/boot.png"), path.join(folder, "boot.png"));
  mkdirSync(path.join(folder, "node_modules/@tensorflow"), { recursive: true });
  for (const name of ["onnxruntime-node", "sharp", "@tensorflow/tfjs", "@tensorflow/tfjs-node"]) {
    // The same package under another name.
    const installed = name === "@tensorflow/tfjs-node" ? `${name}-gpu` : name;
    symlinkSync(path.join(rootDir, "node_modules", installed), path.join(folder, "node_modules", name));
  }
}

function firstImages(images: Images, count: number): Images {
  const size = images.height * images.width * images.channels;
  return {
    ...images,
    count,
    pixels: images.pixels.subarray(0, count * size),
    labels: images.labels.subarray(0, count),
  };
}

const SMALL: NetworkSize = {
  channels: 4,
  layers: 3,
  classes: 5,
  image: { height: 13, width: 10, channels: 1 },
};

const both = (operation: string): Genotype => {
  const edges: [string, number][] = [
    [operation, 0],
    [operation, 1],
  ];
  return { space: "inline", cells: { normal: cell(edges), reduction: cell(edges) } };
};

const bench = parseGenotype(
  "|nor_conv_3x3~0|+|none~0|avg_pool_3x3~1|+|skip_connect~0|none~1|nor_conv_1x1~2|",
);
const emptyBench = parseGenotype("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|");

/** Sources that a node reads several times, through the same and through other operations. */
const repeated: Genotype = {
  space: "inline",
  cells: {
    normal: cell(
      [
        ["sep_conv_3x3", 0],
        ["sep_conv_3x3", 0],
        ["sep_conv_3x3", 0],
      ],
      [
        ["skip_connect", 2],
        ["skip_connect", 2],
      ],
    ),
    reduction: cell(
      [
        ["skip_connect", 1],
        ["skip_connect", 1],
        ["max_pool_3x3", 0],
        ["max_pool_3x3", 0],
      ],
      [
        ["conv_3x3", 2],
        ["conv_3x3", 2],
        ["avg_pool_3x3", 2],
      ],
    ),
  },
};

const networks: [name: string, genotype: Genotype, size: Partial<NetworkSize>][] = [
  ...Object.keys(operations).map((name): [string, Genotype, object] => [
    `a network of ${name}`,
    both(name),
    {},
  ]),
  ["a network of everything", everything, {}],
  ["a network whose nodes read the same twice", repeated, {}],
  ["NASNet", NASNet, {}],
  [
    "one with ImageNet's stem on odd images",
    DARTS_V2,
    { stem: "imagenet", image: image(45, 61, 3), layers: 4 },
  ],
  ["one with ImageNet's stem on even images", everything, { stem: "imagenet", image: image(64, 64, 3) }],
  ["one of NAS-Bench-201", bench, { layers: 5, image: image(12, 20, 3) }],
  ["one of NAS-Bench-201 whose cells are empty", emptyBench, { layers: 5, image: image(8, 8, 1) }],
  ["one of a single cell", DARTS_V2, { layers: 1, image: image(8, 8, 2) }],
];

function image(height: number, width: number, channels: number): NetworkSize["image"] {
  return { height, width, channels };
}

describe.each(networks)("%s", (_name, genotype, size) => {
  it("gives the same class scores everywhere", async () => {
    const network = deriveNetwork({ genotype, auxiliary: true, ...SMALL, ...size });
    const { files, pixels, logits } = exportUntrained(network, genotype);
    expect(Math.max(...logits) - Math.min(...logits)).toBeGreaterThan(0.01);
    for (const runtime of usable)
      expect(await differenceOf(runtime, files, pixels, logits), runtime.name).toBeLessThan(TOLERANCE);
  });
});

/** A network whose numbers are all random, moving statistics included. */
function exportUntrained(network: Network, genotype: Genotype) {
  const images = randomImages(network, 7);
  const std = images.mean.map((value) => value / 2);
  const executor = new EagerExecutor(backend, network, 1);
  const values = executor.values();
  const random = new Random(5);
  for (const [name, { values: numbers }] of values) {
    for (let index = 0; index < numbers.length; index++) {
      if (/\.scale$|variance$/.test(name)) numbers[index] = 0.5 + random.integer(1000) / 1000;
      else if (/\.(shift|bias)$|mean$/.test(name)) numbers[index] = 0.3 * random.normal();
    }
  }
  executor.load(values);
  const dataset = { name: "random", train: images, test: images, mean: images.mean, std };
  const indices = Array.from({ length: images.count }, (_, index) => index);
  const logits = executor.logits(evaluationBatch(images, indices, dataset), { kind: "only" }, "moving");
  executor.dispose();
  const files = exportFiles({
    network,
    values,
    genotype,
    hash: "abc",
    dataset,
    size: { stem: "cifar", channels: 4, layers: 3 },
    result: {
      testAccuracy: 0,
      testLoss: 0,
      trainLoss: 0,
      parameters: 0,
      macs: 0,
      steps: 0,
      seconds: 0,
      batchSize: 1,
    },
  });
  return { files, logits, pixels: pixelsOf(images, images.count) };
}

function randomImages(network: Network, count: number): Images & { mean: number[] } {
  const { height, width, channels } = network.image;
  const random = new Random(9);
  return {
    ...network.image,
    count,
    classes: network.classes,
    classNames: Array.from({ length: network.classes }, (_, index) => `class ${index}`),
    pixels: Uint8Array.from({ length: count * height * width * channels }, () => random.integer(256)),
    labels: new Uint8Array(count),
    mean: Array.from({ length: channels }, (_, channel) => 0.3 + 0.1 * channel),
  };
}
