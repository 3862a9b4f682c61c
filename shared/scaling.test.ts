import { expect, test } from "vitest";
import { countGenotype } from "./count.ts";
import { genotypes } from "./genotypes.ts";
import { costAt, networkError, trainedSize } from "./scaling.ts";
import { edgesOf, genotypeFromSelection, resolveSpace } from "./space.ts";
import type { Specification } from "./specification.ts";
import { checkSpecification } from "./validate.ts";

function specificationOf(change: object): Specification {
  const { specification, errors } = checkSpecification({
    name: "x",
    dataset: { name: "cifar10" },
    evaluation: { kind: "supernet", network: { channels: 16, layers: 5 } },
    ...change,
  });
  if (specification === undefined) throw new Error(JSON.stringify(errors));
  return specification;
}

test("a recipe has the search's own size but for what it says itself", () => {
  const specification = specificationOf({});
  expect(trainedSize(specification)).toEqual({ channels: 16, layers: 5 });
  expect(trainedSize(specification, { channels: 36 })).toEqual({ channels: 36, layers: 5 });
  expect(trainedSize(specification, { channels: 36, layers: 20 })).toEqual({ channels: 36, layers: 20 });
});

test("a published cell at its published size costs what was published, whatever the search's own size", () => {
  const darts = genotypes.DARTS_V2;
  if (darts === undefined) throw new Error("no DARTS_V2");
  const specification = specificationOf({ space: "darts" });
  expect(costAt(darts, specification, { channels: 36, layers: 20 }).parameters).toBe(3_349_342);
  const options = { channels: 8, layers: 8, classes: 10, image: { height: 32, width: 32, channels: 3 } };
  expect(costAt(darts, specification, { channels: 8, layers: 8 })).toEqual(countGenotype(darts, options));
});

test("a depth at which empty cells cut the network in two is refused", () => {
  const space = resolveSpace("tnd-nas");
  const all = (operation: string) => edgesOf(space).map(() => operation);
  const genotype = genotypeFromSelection(space, { normal: all("none"), reduction: all("max_pool_3x3") });
  const specification = specificationOf({});
  const errorAt = (layers: number) =>
    networkError(genotype, specification, { channels: 8, layers }, "/recipe")?.pointer;
  // Of 3 layers the last two are reductions; of 5 the last is normal.
  expect(errorAt(3)).toBeUndefined();
  expect(errorAt(5)).toBe("/recipe/layers");
});
