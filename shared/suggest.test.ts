import { expect, test } from "vitest";
import { closestName, didYouMean } from "./suggest.ts";

test("a mistyped name is answered with the closest known one", () => {
  expect(closestName("sep_conv3x3", ["sep_conv_5x5", "sep_conv_3x3", "none"])).toBe("sep_conv_3x3");
  expect(didYouMean("dart", ["darts", "tnd-nas"])).toBe('Did you mean "darts"?');
});

test("a name close to nothing is answered with the whole list", () => {
  expect(didYouMean("zzzzzzzz", ["darts", "tnd-nas"])).toBe("Known: darts, tnd-nas.");
});
