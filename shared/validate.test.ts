import { expect, test } from "vitest";
import { checkSpecification } from "./validate.ts";

const facts = (side: number) => ({
  image: { height: side, width: side, channels: 3 },
  classes: 4,
  trainImages: 100,
  testImages: 20,
});
const specification = (space: string, layers: number) => ({
  name: "x",
  dataset: { name: "mine" },
  space,
  evaluation: { kind: "supernet", network: { stem: "cifar", channels: 4, layers } },
  schedule: {
    stages: [{ layers, channels: 4, epochs: 1, drop: {} }],
  },
});

test("images that the residual blocks of nas-bench-201 cannot halve twice are refused, with the field", () => {
  const pointers = (side: number, space: string, layers: number) =>
    checkSpecification(specification(space, layers), { mine: facts(side) }).errors?.map(
      ({ pointer }) => pointer,
    ) ?? [];
  expect(pointers(30, "nas-bench-201", 5)).toContain("/space");
  expect(pointers(32, "nas-bench-201", 5)).not.toContain("/space");
  expect(pointers(30, "darts", 5)).not.toContain("/space");
});
