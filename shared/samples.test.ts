import { expect, test } from "vitest";
import { pixelsOf, samplesOf } from "./samples.ts";

const images = (count: number, size: number, labelOf: (index: number) => number) => ({
  count,
  height: size,
  width: size,
  channels: 1,
  classes: 3,
  classNames: ["a", "b", "c"],
  pixels: Uint8Array.from({ length: count * size * size }, (_, index) => Math.floor(index / (size * size))),
  labels: Uint8Array.from({ length: count }, (_, index) => labelOf(index)),
});

test("shows each class in turn, with the bytes that the images had", () => {
  const samples = samplesOf(
    "h",
    images(100, 2, (index) => (index < 90 ? 0 : index % 3)),
  );
  expect(samples.images).toHaveLength(24);
  expect(samples.images.slice(0, 3).map(({ label }) => label)).toEqual([0, 1, 2]);
  const [first] = samples.images;
  expect(first && [...pixelsOf(first)]).toEqual([0, 0, 0, 0]);
  expect(samples.classNames).toEqual(["a", "b", "c"]);
});

test("of few images it shows all, and of huge ones at least one", () => {
  expect(
    samplesOf(
      "h",
      images(5, 2, () => 1),
    ).images,
  ).toHaveLength(5);
  expect(
    samplesOf(
      "h",
      images(3, 1200, () => 1),
    ).images,
  ).toHaveLength(1);
});
