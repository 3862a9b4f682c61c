import { expect, test } from "vitest";
import { checkCampaign } from "./campaign.ts";

const search = {
  objectives: [
    { name: "accuracy", goal: "maximize" },
    { name: "parameters", goal: "minimize", target: 1 },
    { name: "macs", goal: "minimize" },
  ],
  seed: 7,
};
const errorsOf = (input: unknown) =>
  Object.fromEntries((checkCampaign(input).errors ?? []).map(({ pointer, detail }) => [pointer, detail]));

test("a grid gives a search for each combination, with its values in the specification and in its name", () => {
  const { planned = [] } = checkCampaign({
    name: "sizes",
    search,
    grid: { targets: { parameters: [50_000, 100_000] }, seeds: [1, 2], datasets: ["cifar10", "mine"] },
  });
  expect(planned).toHaveLength(8);
  expect(planned.map(({ place }) => place)).toContainEqual({
    targets: { parameters: 100_000 },
    seed: 2,
    dataset: "mine",
  });
  const [first] = planned;
  expect(first?.input).toMatchObject({
    name: "sizes: parameters 50,000, seed 1, cifar10",
    seed: 1,
    dataset: { name: "cifar10" },
    objectives: [search.objectives[0], { name: "parameters", target: 50_000 }, search.objectives[2]],
  });
});

test("what the grid does not vary stays as it was written", () => {
  const { planned = [] } = checkCampaign({ name: "x", search, grid: { targets: { macs: [1e6] } } });
  expect(planned[0]?.input).toMatchObject({ seed: 7 });
  expect(planned[0]?.input).not.toHaveProperty("dataset");
});

test("an error of a search points at the value of the grid behind it, or into the shared specification", () => {
  const { planned = [] } = checkCampaign({
    name: "x",
    search,
    grid: { targets: { macs: [1e6, 2e6] }, seeds: [3] },
  });
  const second = planned[1];
  expect(second?.pointerOf("/objectives/2/target")).toBe("/grid/targets/macs/1");
  expect(second?.pointerOf("/seed")).toBe("/grid/seeds/0");
  expect(second?.pointerOf("/objectives/1/target")).toBe("/search/objectives/1/target");
});

test("targets of a specification without objectives are those of the default ones", () => {
  const { planned = [] } = checkCampaign({ name: "x", search: {}, grid: { targets: { parameters: [9] } } });
  expect(planned[0]?.input.objectives).toMatchObject([
    { name: "accuracy" },
    { name: "parameters", target: 9 },
  ]);
});

test("names what is wrong with a grid, and the fix", () => {
  expect(errorsOf({ name: "x", search, grid: {} })["/grid"]).toContain("give targets, seeds or datasets");
  expect(errorsOf({ name: "x", search, grid: { seeds: [1, 1] } })["/grid/seeds/1"]).toContain("keep one");
  expect(
    errorsOf({ name: "x", search, grid: { targets: { latency: [1] } } })["/grid/targets/latency"],
  ).toContain("accuracy, parameters, macs");
  const many = Array.from({ length: 33 }, (_, index) => index);
  expect(errorsOf({ name: "x", search, grid: { seeds: many, datasets: ["a", "b"] } })["/grid"]).toContain(
    "at most 64",
  );
  expect(errorsOf({ name: "x", search, grid: { seed: [1] } })["/grid/seed"]).toContain("unknown key");
});
