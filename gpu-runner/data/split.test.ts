import { expect, test } from "vitest";
import { splitHalves } from "./split.ts";

/** 100, 101, 102... images of each class, interleaved. */
function unevenLabels(classes: number) {
  const labels: number[] = [];
  for (let round = 0; round < 100 + classes; round++) {
    for (let label = 0; label < classes; label++) if (round < 100 + label) labels.push(label);
  }
  return { labels: Uint8Array.from(labels), classes };
}

function countByClass(labels: Uint8Array, indices: Int32Array, classes: number): number[] {
  const counts = Array.from({ length: classes }, () => 0);
  for (const index of indices) counts[labels[index] ?? -1] = (counts[labels[index] ?? -1] ?? 0) + 1;
  return counts;
}

test.for([0.5, 0.1, 0.37])(
  "with %d for half B every image is in one half and classes keep their share",
  (valid) => {
    const images = unevenLabels(7);
    const { weights, rewards } = splitHalves(images, 3, { valid });
    const all = [...weights, ...rewards].toSorted((a, b) => a - b);
    expect(all).toEqual(Array.from(images.labels.keys()));
    expect(rewards.length).toBe(Math.round(images.labels.length * valid));
    for (const [label, count] of countByClass(images.labels, rewards, 7).entries()) {
      expect(Math.abs(count - (100 + label) * valid)).toBeLessThanOrEqual(1);
    }
  },
);

test("the same seed gives the same split and another seed another", () => {
  const images = unevenLabels(5);
  expect(splitHalves(images, 1, { valid: 0.5 })).toEqual(splitHalves(images, 1, { valid: 0.5 }));
  expect(splitHalves(images, 1, { valid: 0.5 })).not.toEqual(splitHalves(images, 2, { valid: 0.5 }));
});

test("a prefix of a half is a mix of classes", () => {
  const images = unevenLabels(5);
  const { weights, rewards } = splitHalves(images, 1, { valid: 0.5 });
  for (const half of [weights, rewards]) {
    expect(Math.min(...countByClass(images.labels, half.subarray(0, 100), 5))).toBeGreaterThan(5);
  }
});

test.for([0, 1, -0.1, Number.NaN])("a fraction of %d is refused", (valid) => {
  expect(() => splitHalves(unevenLabels(2), 1, { valid })).toThrow("between 0 and 1");
});
