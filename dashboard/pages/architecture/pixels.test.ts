import { expect, test } from "vitest";
import { middleOf, rgbaOf, seenOf } from "./pixels.ts";

const rgba = Uint8ClampedArray.of(255, 0, 0, 255, 10, 20, 30, 255, 255, 255, 255, 0);

test("a network of three channels sees colours, of one channel grey; what is transparent is black", () => {
  expect([...seenOf(rgba, { channels: 3 })]).toEqual([255, 0, 0, 10, 20, 30, 0, 0, 0]);
  expect([...seenOf(rgba, { channels: 1 })]).toEqual([76, 18, 0]);
  expect([...seenOf(rgba, { channels: 1 }, true)]).toEqual([179, 237, 255]);
});

test("what is shown is what the network sees", () => {
  expect([...rgbaOf(seenOf(rgba, { channels: 3 }), { channels: 3 })].slice(0, 8)).toEqual(
    [...rgba].slice(0, 8),
  );
  expect([...rgbaOf([7], { channels: 1 })]).toEqual([7, 7, 7, 255]);
});

test("of an image of other proportions it takes the middle", () => {
  const size = { width: 28, height: 28, channels: 1 };
  expect(middleOf({ width: 280, height: 140 }, size)).toEqual({ x: 70, y: 0, width: 140, height: 140 });
  expect(middleOf({ width: 10, height: 30 }, size)).toEqual({ x: 0, y: 10, width: 10, height: 10 });
});
