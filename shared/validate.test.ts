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

test("sizes of which no network can be built are refused, each with its field", () => {
  const pointersOf = (change: object) =>
    checkSpecification({
      ...specification("nas-bench-201", 5),
      dataset: { name: "cifar10" },
      ...change,
    }).errors?.map(({ pointer }) => pointer) ?? [];
  const network = (size: object) => ({ evaluation: { kind: "supernet", network: size } });
  expect(pointersOf(network({ channels: 4, layers: 8 }))).toEqual([]);
  expect(pointersOf(network({ channels: 4, layers: 9 }))).toEqual(["/evaluation/network/layers"]);
  expect(pointersOf({ finalTraining: { layers: 9 } })).toEqual(["/finalTraining/layers"]);
  const stages = [{ layers: 6, channels: 4, epochs: 1, drop: {} }];
  expect(pointersOf({ schedule: { stages } })).toEqual(["/schedule/stages/0/layers"]);
  const narrow = { stem: "imagenet", channels: 1, layers: 9 };
  expect(pointersOf({ space: "darts", ...network(narrow) })).toEqual(["/evaluation/network/channels"]);
});

test("a budget that pays for no short training is refused with the smallest that works, and that one is taken", () => {
  const rental = { providers: ["runpod"], maxUsdPerHour: 1 };
  const errorsOf = (budget: object, change: object = {}) =>
    checkSpecification({
      name: "x",
      dataset: { name: "cifar10" },
      evaluation: { kind: "supernet", network: { channels: 16, layers: 8 } },
      finalTraining: { preset: "demo", top: 0 },
      budget,
      ...change,
    }).errors ?? [];
  for (const name of ["gpuHours", "wallClockHours"]) {
    const [error, ...others] = errorsOf({ [name]: 1e-9 });
    expect([error?.pointer, others]).toEqual([`/budget/${name}`, []]);
    const smallest = Number(/estimated at ([\d.e-]+) hours/.exec(error?.detail ?? "")?.[1]);
    expect(errorsOf({ [name]: smallest })).toEqual([]);
    expect(errorsOf({ [name]: 1e-9 }, { reranking: { enabled: false } })).toEqual([]);
  }
  const [poor] = errorsOf({ usd: 1e-9 }, { rental });
  const smallest = Number(/estimated at ([\d.e-]+) dollars/.exec(poor?.detail ?? "")?.[1]);
  expect(poor?.pointer).toBe("/budget/usd");
  expect(errorsOf({ usd: smallest }, { rental })).toEqual([]);
});
