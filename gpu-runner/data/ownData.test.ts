/** A user's own data in every format, good and bad, through `readOwnData`. */

import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Images } from "./dataset.ts";
import { loadDecoder } from "./decode.ts";
import { idxBytes, int64, noise, npyBytes, writeClasses, writeImage, writeNpz } from "./ownData.testing.ts";
import { type OwnDataOptions, readOwnData } from "./ownData.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "own-data-"));
});
afterEach(() => rm(folder, { recursive: true }));

const read = (given = folder, options: Partial<OwnDataOptions> = {}) =>
  readOwnData(given, { testFraction: 0.2, seed: 1, skipUnreadable: false, progress: () => {}, ...options });

const imageAt = ({ pixels, height, width, channels }: Images, index: number) => {
  const bytes = height * width * channels;
  return [...pixels.subarray(index * bytes, (index + 1) * bytes)];
};

/** Every image with its class, however they are ordered. */
const contents = ({ count, labels, classNames, ...images }: Images) =>
  Array.from({ length: count }, (_, index) =>
    [classNames[labels[index] as number], ...imageAt({ count, labels, classNames, ...images }, index)].join(),
  ).sort();

describe("a folder per class", () => {
  test("gives the classes by name, every image once and a fifth of each class to test", async () => {
    await writeClasses(folder, { owl: 10, cat: 20, dog: 3 });
    const data = await read();
    expect(data.report).toMatchObject({
      format: "folders of images",
      images: { train: 26, test: 7 },
      split: { testFraction: 0.2, seed: 1 },
      size: { height: 8, width: 8 },
      channels: 3,
      classes: [
        { name: "cat", train: 16, test: 4 },
        { name: "dog", train: 2, test: 1 },
        { name: "owl", train: 8, test: 2 },
      ],
      skipped: [],
      ignored: 0,
      notes: [],
    });
    const expected: string[] = [];
    const levels = { owl: 40, cat: 125, dog: 210 };
    let seed = 1;
    for (const [name, count] of Object.entries({ owl: 10, cat: 20, dog: 3 }))
      for (let i = 0; i < count; i++)
        expected.push([name, ...noise({ seed: seed++, level: levels[name as "owl"] })].join());
    expect([...contents(data.train), ...contents(data.test)].sort()).toEqual(expected.sort());
  });

  test("is the same data every time, and split otherwise under another seed or fraction", async () => {
    await writeClasses(folder, { a: 8, b: 8 });
    const [first, again, other, half] = [
      await read(),
      await read(),
      await read(folder, { seed: 2 }),
      await read(folder, { testFraction: 0.5 }),
    ];
    expect(again.digest).toBe(first.digest);
    expect(other.digest).not.toBe(first.digest);
    expect([...contents(other.train), ...contents(other.test)].sort()).toEqual(
      [...contents(first.train), ...contents(first.test)].sort(),
    );
    expect(half.report.images).toEqual({ train: 8, test: 8 });
  });

  test("normalises with mean and deviation of the training pixels alone", async () => {
    await writeClasses(folder, { a: 6, b: 9 });
    const { train, mean, std } = await read();
    for (let channel = 0; channel < 3; channel++) {
      const values = [...train.pixels].filter((_, i) => i % 3 === channel).map((byte) => byte / 255);
      const expected = values.reduce((sum, value) => sum + value, 0) / values.length;
      const variance = values.reduce((sum, value) => sum + (value - expected) ** 2, 0) / values.length;
      expect(mean[channel]).toBeCloseTo(expected, 5);
      expect(std[channel]).toBeCloseTo(Math.sqrt(variance), 5);
    }
  });

  test("keeps a split of its own, whatever the parts are called, and validation images test or train", async () => {
    await writeClasses(path.join(folder, "Train"), { a: 4, b: 5 }, { seed: 10 });
    await writeClasses(path.join(folder, "val"), { a: 1, b: 2 }, { seed: 50 });
    const tested = await read();
    expect(tested.report).toMatchObject({ images: { train: 9, test: 3 }, split: null });
    expect(tested.report.notes).toEqual([expect.stringContaining("validation images are the test images")]);
    await writeClasses(path.join(folder, "test"), { a: 2, b: 2 }, { seed: 90 });
    const joined = await read();
    expect(joined.report).toMatchObject({ images: { train: 12, test: 4 }, split: null });
    expect(joined.report.notes).toEqual([expect.stringContaining("join the training images")]);
  });

  test("may be called train: it is a class where the folders beside it are classes", async () => {
    await writeClasses(folder, { train: 3, car: 3 });
    expect((await read()).report.classes.map(({ name }) => name)).toEqual(["car", "train"]);
  });

  test.each([
    ["stored as grey", { channels: 1 }, "png"],
    ["stored as grey JPEG", { channels: 1 }, "jpg"],
  ] as const)("%s has one channel", async (_, drawing, ending) => {
    for (const name of ["a", "b"])
      for (const image of [1, 2, 3])
        await writeImage(path.join(folder, name, `${image}.${ending}`), { ...drawing, seed: image });
    const { report, train } = await read();
    expect(report.channels).toBe(1);
    expect(train.pixels.length).toBe(4 * 64);
  });

  test("stored as colour without colours has one channel, and with one coloured image three", async () => {
    const grey = [...noise({ channels: 1 })];
    const colour = Uint8Array.from(grey.flatMap((value) => [value, value, value]));
    for (const name of ["a/1.png", "a/2.png", "b/1.png", "b/2.png"]) {
      await mkdir(path.join(folder, path.dirname(name)), { recursive: true });
      await sharp(colour, { raw: { height: 8, width: 8, channels: 3 } }).toFile(path.join(folder, name));
    }
    const data = await read();
    expect(data.report.channels).toBe(1);
    expect(imageAt(data.train, 0)).toEqual(grey);
    await writeImage(path.join(folder, "b", "3.png"), { channels: 3 });
    expect((await read()).report.channels).toBe(3);
  });

  test("drops transparency, and turns a photograph as its camera was held", async () => {
    await writeClasses(folder, { a: 2, b: 2 }, { channels: 4, height: 6, width: 4 });
    const upright = await sharp(noise({ height: 4, width: 6 }), { raw: { height: 4, width: 6, channels: 3 } })
      .withMetadata({ orientation: 6 })
      .jpeg()
      .toBuffer();
    await writeFile(path.join(folder, "a", "turned.jpg"), upright);
    expect((await read()).report).toMatchObject({ size: { height: 6, width: 4 }, channels: 3 });
  });

  test("counts files in folders below a class, ignores hidden ones and counts what is no image", async () => {
    await writeClasses(folder, { a: 2, b: 2 });
    await writeImage(path.join(folder, "a", "more", "x.png"), { seed: 99 });
    await writeImage(path.join(folder, "a", ".thumbnails", "x.png"));
    await writeImage(path.join(folder, ".cache", "x.png"));
    await writeFile(path.join(folder, "a", ".DS_Store"), "");
    await writeFile(path.join(folder, "a", "notes.txt"), "");
    await writeFile(path.join(folder, "README.md"), "");
    await symlink("nowhere", path.join(folder, "broken"));
    const { report } = await read();
    expect(report.images).toEqual({ train: 3, test: 2 });
    expect(report.ignored).toBe(1);
  });

  test("of different sizes asks for one and names the range; --size scales and cuts out the middle", async () => {
    await writeClasses(folder, { a: 2, b: 2 }, { height: 8, width: 8 });
    await writeImage(path.join(folder, "b", "wide.png"), { height: 16, width: 48 });
    await expect(read()).rejects.toThrow(
      /2 sizes, heights and widths from 8x8 to 16x48, median 8x8\. .*--size HEIGHTxWIDTH/,
    );
    const { report } = await read(folder, { size: { height: 8, width: 6 } });
    expect(report.size).toEqual({ height: 8, width: 6 });
  });

  test("cut to a size keeps the middle of each image", async () => {
    const stripes = Uint8Array.from({ length: 8 * 24 }, (_, i) => (i % 24 < 8 ? 0 : i % 24 < 16 ? 200 : 90));
    for (const name of ["a/1.png", "a/2.png", "b/1.png", "b/2.png"]) {
      await mkdir(path.join(folder, path.dirname(name)), { recursive: true });
      await sharp(stripes, { raw: { height: 8, width: 24, channels: 1 } }).toFile(path.join(folder, name));
    }
    const { train } = await read(folder, { size: { height: 8, width: 8 } });
    expect(new Set(train.pixels)).toEqual(new Set([200]));
  });

  test("with an unreadable image names it, and leaves it out where asked to", async () => {
    await writeClasses(folder, { a: 5, b: 5 });
    const [text, cut] = [path.join(folder, "a", "000.png"), path.join(folder, "b", "cut.png")];
    await writeFile(text, "no image");
    await writeImage(cut, { height: 8, width: 8 });
    const whole = await readFile(cut);
    await writeFile(cut, whole.subarray(0, whole.length - 60));
    const reading = read();
    await expect(reading).rejects.toThrow(/(000|cut)\.png cannot be read as an image: .*--skip-unreadable/);
    await expect(reading).rejects.not.toThrow("\n");
    const { report, train, test: held } = await read(folder, { skipUnreadable: true });
    expect(report.skipped.sort()).toEqual([path.join("a", "000.png"), path.join("b", "cut.png")]);
    expect(report.images).toEqual({ train: 7, test: 2 });
    const expected = [2, 3, 4, 5].map((seed) => ["a", ...noise({ seed, level: 40 })].join());
    expect([...contents(train), ...contents(held)].filter((image) => image.startsWith("a")).sort()).toEqual(
      expected.sort(),
    );
  });

  test.each<[string, () => Promise<unknown>, RegExp]>([
    [
      "a class of one image",
      () => writeClasses(folder, { a: 3, b: 1 }),
      /Too few images of b\. Every class needs at least 2/,
    ],
    ["an empty class", () => writeClasses(folder, { a: 3, b: 0 }), /class folder \S+b holds no image/],
    ["one class", () => writeClasses(folder, { a: 3 }), /only one class, a\./],
    [
      "a class that is only tested",
      async () => {
        await writeClasses(path.join(folder, "train"), { a: 2, b: 2 });
        await writeClasses(path.join(folder, "test"), { a: 1, c: 1 });
      },
      /test.c is a class that has no training images/,
    ],
    [
      "nothing",
      async () => {},
      /No data was found .*Understood are: \(1\) a folder per class.*IDX.*CIFAR.*npz/,
    ],
    ["images without classes", () => writeImage(path.join(folder, "1.png")), /No data was found/],
    [
      "two layouts",
      async () => {
        await writeClasses(folder, { a: 2, b: 2 });
        await writeFile(path.join(folder, "data.npz"), "");
      },
      /holds folders of images and NumPy archive/,
    ],
  ])("with %s is refused with what to do", async (_, write, message) => {
    await write();
    const reading = read();
    await expect(reading).rejects.toThrow(message);
    await expect(reading).rejects.not.toThrow("\n");
  });

  test("that does not exist is named", async () => {
    await expect(read(path.join(folder, "nowhere"))).rejects.toThrow(/nowhere does not exist/);
  });
});

test("where images cannot be decoded, the message says what to install and what works without", async () => {
  const loading = loadDecoder(() =>
    Promise.reject(new Error('Could not load the "sharp" module\nPossible solutions:')),
  );
  await expect(loading).rejects.toThrow(/cannot be decoded on this machine .*npm ci.*\.npz or IDX/);
});

const bytes = (count: number, start = 0) =>
  Uint8Array.from({ length: count }, (_, i) => (i * 13 + start) % 256);

describe("IDX files", () => {
  async function writePair(prefix: string, shape: number[], labels: number[], zip = false): Promise<void> {
    const pixels = bytes(
      shape.reduce((product, length) => product * length, 1),
      labels.length,
    );
    const files = {
      [`${prefix}images-idx${shape.length}-ubyte`]: idxBytes(shape, pixels),
      [`${prefix}labels-idx1-ubyte`]: idxBytes([labels.length], labels),
    };
    for (const [name, content] of Object.entries(files))
      await writeFile(path.join(folder, zip ? `${name}.gz` : name), zip ? gzipSync(content) : content);
  }

  test("of any size and number of classes are read, plain and compressed, with their split", async () => {
    await writePair("train-", [4, 5, 7], [0, 1, 2, 0]);
    await writePair("t10k-", [2, 5, 7], [2, 1], true);
    const { report, train, test: held } = await read();
    expect(report).toMatchObject({
      format: "IDX files",
      images: { train: 4, test: 2 },
      size: { height: 5, width: 7 },
      channels: 1,
      split: null,
      notes: ["no test image shows 0: its accuracy is not measured"],
    });
    expect([...train.labels]).toEqual([0, 1, 2, 0]);
    expect([...train.pixels]).toEqual([...bytes(4 * 35, 4)]);
    expect([...held.pixels]).toEqual([...bytes(2 * 35, 2)]);
  });

  test("without test images are split, and labels that do not begin at 0 become class names", async () => {
    await writePair("emnist-letters-train-", [6, 2, 2], [1, 26, 1, 26, 26, 1], true);
    const { report, train } = await read();
    expect(report.classes).toEqual([
      { name: "1", train: 2, test: 1 },
      { name: "26", train: 2, test: 1 },
    ]);
    expect(new Set(train.labels)).toEqual(new Set([0, 1]));
  });

  test("with colours have four dimensions, and may be given another size", async () => {
    await writePair("train-", [4, 4, 4, 3], [0, 1, 0, 1]);
    const { report } = await read(folder, { size: { height: 2, width: 3 } });
    expect(report).toMatchObject({ channels: 3, size: { height: 2, width: 3 }, bytes: 4 * (18 + 1) });
  });

  test.each<[string, () => Promise<unknown>, RegExp]>([
    [
      "without labels",
      () => writeFile(path.join(folder, "train-images-idx3-ubyte"), idxBytes([1, 1, 1], [0])),
      /train-labels-idx1-ubyte is missing/,
    ],
    [
      "that end early",
      async () => {
        await writePair("train-", [4, 2, 2], [0, 1, 0, 1]);
        await writeFile(path.join(folder, "train-images-idx3-ubyte"), idxBytes([4, 2, 2], [1, 2, 3]));
      },
      /train-images-idx3-ubyte is damaged: it has 19 bytes instead of 32/,
    ],
    [
      "with other counts",
      async () => {
        await writePair("train-", [4, 2, 2], [0, 1, 0]);
      },
      /has 3 labels for 4 images/,
    ],
    [
      "with a label that is only tested",
      async () => {
        await writePair("train-", [2, 2, 2], [0, 1]);
        await writePair("t10k-", [2, 2, 2], [0, 7]);
      },
      /Test image 1 has label 7, which no training image has/,
    ],
    [
      "of two sizes",
      async () => {
        await writePair("train-", [2, 2, 2], [0, 1]);
        await writePair("t10k-", [2, 3, 2], [0, 1]);
      },
      /t10k-images-idx3-ubyte has images of 3x2, train-images-idx3-ubyte of 2x2/,
    ],
    [
      "of two data sets",
      async () => {
        await writePair("train-", [2, 2, 2], [0, 1]);
        await writePair("letters-train-", [2, 2, 2], [0, 1]);
      },
      /several sets of images for one part/,
    ],
  ])("%s are refused by name", async (_, write, message) => {
    await write();
    await expect(read()).rejects.toThrow(message);
  });
});

describe("CIFAR binary files", () => {
  const record = (labels: number[], fill: number) =>
    Buffer.concat([
      Buffer.from(labels),
      Buffer.alloc(1024, fill),
      Buffer.alloc(1024, fill + 1),
      Buffer.alloc(1024, fill + 2),
    ]);

  test("of any length are read in the order of their numbers, with the class names beside them", async () => {
    await writeFile(path.join(folder, "data_batch_10.bin"), record([0], 70));
    await writeFile(path.join(folder, "data_batch_2.bin"), Buffer.concat([record([1], 10), record([0], 20)]));
    await writeFile(path.join(folder, "test_batch.bin.gz"), gzipSync(record([1], 30)));
    await writeFile(path.join(folder, "batches.meta.txt"), "plane\ncar\n");
    const { report, train, test: held } = await read();
    expect(report).toMatchObject({
      format: "CIFAR binary files",
      size: { height: 32, width: 32 },
      channels: 3,
      classes: [
        { name: "plane", train: 2, test: 0 },
        { name: "car", train: 1, test: 1 },
      ],
    });
    expect([...train.labels]).toEqual([1, 0, 0]);
    expect([0, 1, 2].map((image) => imageAt(train, image).slice(0, 4))).toEqual([
      [10, 11, 12, 10],
      [20, 21, 22, 20],
      [70, 71, 72, 70],
    ]);
    expect(imageAt(held, 0).slice(0, 3)).toEqual([30, 31, 32]);
  });

  test("with two label bytes count the second", async () => {
    await writeFile(path.join(folder, "train.bin"), Buffer.concat([record([9, 3], 1), record([9, 5], 2)]));
    await writeFile(path.join(folder, "test.bin"), record([9, 5], 3));
    const { report, test: held } = await read();
    expect(report.classes.map(({ name }) => name)).toEqual(["3", "5"]);
    expect([...held.labels]).toEqual([1]);
  });

  test("of another record length are refused by name", async () => {
    await writeFile(path.join(folder, "train.bin"), Buffer.alloc(5000));
    await expect(read()).rejects.toThrow(/train\.bin has 5000 bytes, which is no whole number of records/);
  });
});

describe("an .npz archive", () => {
  const file = () => path.join(folder, "data.npz");
  const images = (shape: number[], start = 0) =>
    npyBytes(
      "|u1",
      shape,
      bytes(
        shape.reduce((product, length) => product * length, 1),
        start,
      ),
    );
  const labels = (...values: number[]) => npyBytes("<i8", [values.length], int64(values));

  test("with x_train, y_train, x_test and y_test is read, by its folder and by its name", async () => {
    await writeNpz(file(), {
      x_train: images([3, 4, 5]),
      y_train: labels(0, 1, 1),
      x_test: images([2, 4, 5], 9),
      y_test: npyBytes("|u1", [2, 1], Uint8Array.of(1, 0)),
    });
    const data = await read();
    expect(data.report).toMatchObject({
      format: "NumPy archive",
      images: { train: 3, test: 2 },
      size: { height: 4, width: 5 },
      channels: 1,
      split: null,
    });
    expect([...data.train.pixels]).toEqual([...bytes(60)]);
    expect([...data.test.labels]).toEqual([1, 0]);
    expect((await read(file())).digest).toBe(data.digest);
  });

  test.each([
    ["x", "y"],
    ["images", "labels"],
    ["X", "Y"],
  ])("with %s and %s is split", async (x, y) => {
    await writeNpz(file(), {
      [x]: images([10, 4, 4, 3]),
      [y]: labels(0, 1, 0, 1, 0, 1, 0, 1, 0, 1),
      other: labels(1),
    });
    expect((await read()).report).toMatchObject({ images: { train: 8, test: 2 }, channels: 3 });
  });

  test("with train_images and val_images too is read; planes become interleaved pixels", async () => {
    await writeNpz(file(), {
      train_images: npyBytes("|u1", [2, 3, 1, 2], Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)),
      train_labels: labels(0, 1),
      val_images: images([1, 3, 1, 2]),
      val_labels: labels(0),
      test_images: images([1, 3, 1, 2]),
      test_labels: labels(1),
    });
    const { train, report } = await read();
    expect(imageAt(train, 0)).toEqual([1, 3, 5, 2, 4, 6]);
    expect(report.images).toEqual({ train: 3, test: 1 });
  });

  test.each<[string, () => Record<string, Uint8Array>, RegExp]>([
    [
      "floats",
      () => ({ x: npyBytes("<f4", [2, 1, 1], new Uint8Array(8)), y: labels(0, 1) }),
      /x in .* it holds <f4; pixels are bytes/,
    ],
    [
      "one-hot labels",
      () => ({ x: images([2, 2, 2]), y: npyBytes("|u1", [2, 2], new Uint8Array(4)) }),
      /y in .* not one-hot/,
    ],
    [
      "Fortran order",
      () => ({ x: npyBytes("|u1", [2, 2, 2], bytes(8), true), y: labels(0, 1) }),
      /Fortran order/,
    ],
    [
      "flat images",
      () => ({ x: images([2, 16]), y: labels(0, 1) }),
      /its shape is \(2, 16\); images are \(N, H, W\)/,
    ],
    ["other counts", () => ({ x: images([3, 2, 2]), y: labels(0, 1) }), /2 labels in y for 3 images in x/],
    ["no labels", () => ({ x_train: images([3, 2, 2]) }), /has x_train but not the labels/],
    ["other names", () => ({ foo: images([3, 2, 2]) }), /has only the arrays foo\. It needs x_train/],
    ["only tests", () => ({ x_test: images([2, 2, 2]), y_test: labels(0, 1) }), /no training images/],
    [
      "an array cut short",
      () => ({ x: npyBytes("|u1", [2, 2, 2], bytes(7)), y: labels(0, 1) }),
      /x in .* ends too early/,
    ],
  ])("with %s is refused with what to do", async (_, arrays, message) => {
    await writeNpz(file(), arrays());
    const reading = read();
    await expect(reading).rejects.toThrow(message);
    await expect(reading).rejects.not.toThrow("\n");
  });

  test("that is damaged is named", async () => {
    await writeFile(file(), "no zip");
    await expect(read()).rejects.toThrow(/data\.npz cannot be read/);
  });

  test("of NumPy itself is read", async ({ skip }) => {
    const script = `import numpy as np; np.savez_compressed(r"${file()}", x_train=np.arange(4*9*3, dtype=np.uint8).reshape(4,3,3,3), y_train=np.array([5,6,5,6]))`;
    if (spawnSync("python3", ["-c", script]).status !== 0) return skip("NumPy is not installed");
    const { report } = await read();
    expect(report.classes.map(({ name }) => name)).toEqual(["5", "6"]);
  });

  test("with more than 256 classes keeps every label", async () => {
    const classes = 600;
    const values = Array.from({ length: 2 * classes }, (_, i) => i % classes);
    await writeNpz(file(), { x: images([2 * classes, 1, 1]), y: labels(...values) });
    const { train, test: held } = await read();
    expect([...train.labels].sort((a, b) => a - b)).toEqual(
      Array.from({ length: classes }, (_, label) => label),
    );
    expect(new Set(held.labels).size).toBe(classes);
  });
});
