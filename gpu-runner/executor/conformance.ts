/** What every executor has to do, whatever way it executes a network. Each has a test file that calls this. */

import { beforeAll, describe, expect, it } from "vitest";
import { buildSupernet, type Network, planNetwork } from "../../shared/network.ts";
import { Random } from "../../shared/random.ts";
import { concatOf, edgesOf, fullChoices, type SearchSpace, type Selection } from "../../shared/space.ts";
import type { Batch } from "../data/batches.ts";
import { type Backend, loadBackend } from "../kernels/backend.ts";
import { pathAt } from "../paths.ts";
import { pathOfSelection } from "../trainRound.ts";
import { DivergenceError, type Executor, type StepSettings } from "./executor.ts";

const image = { height: 8, width: 8, channels: 2 };
const size = { channels: 4, layers: 3, classes: 3, image };
const space: SearchSpace = {
  name: "inline",
  skeleton: "cells",
  inputs: 2,
  nodes: 2,
  cells: {
    normal: { operations: ["none", "skip_connect", "sep_conv_3x3", "dil_conv_3x3", "conv_3x1_1x3"] },
    reduction: { operations: ["none", "skip_connect", "max_pool_3x3", "avg_pool_3x3"] },
  },
};
const settings: StepSettings = { learningRate: 0.05, momentum: 0.9, weightDecay: 3e-4, clipNorm: 5, seed: 1 };
const sizes = { normal: [5, 5, 5, 5, 5], reduction: [4, 4, 4, 4, 4] };

const supernet = (): Network => buildSupernet({ space, choices: fullChoices(space), ...size });

function batchOf(images: number, seed: number): Batch {
  const random = new Random(seed);
  const x = Float32Array.from({ length: images * image.height * image.width * image.channels }, () =>
    random.normal(),
  );
  return { x, y: Int32Array.from({ length: images }, () => random.integer(size.classes)) };
}

/**
 * The network that holds only what the selection chooses, as in the supernet without learned scales.
 *
 * @param times how often each edge is there
 */
function derived(selection: Selection, times = 1): Network {
  const cells = Object.fromEntries(
    Object.keys(space.cells).map((kind) => {
      const edges = edgesOf(space)
        .map((edge) => ({ ...edge, operations: [selection[kind]?.[edge.position] as string] }))
        .filter(({ operations }) => operations[0] !== "none")
        .flatMap((edge) => Array.from({ length: times }, () => edge));
      return [kind, { nodes: space.nodes, edges, concat: concatOf(space) }];
    }),
  );
  return planNetwork({
    ...size,
    skeleton: "cells",
    inputs: 2,
    cells,
    affine: false,
    search: true,
    auxiliary: false,
  });
}

/** Equal but for the order in which sums are taken. */
function expectClose(one: Float32Array, other: Float32Array): void {
  const distances = one.map((value, index) => Math.abs(value - (other[index] as number)));
  expect(Math.max(...distances)).toBeLessThan(1e-4);
}

export type CreateExecutor = (backend: Backend, network: Network, seed: number) => Executor;

/** @param create makes the executor that is tested, on the backend of this machine */
export function describeExecutor(name: string, create: CreateExecutor): void {
  let backend: Backend;

  beforeAll(async () => {
    backend = await loadBackend(process.env.NASTURTIUM_BACKEND === "wasm" ? "wasm" : "tensorflow");
  });

  describe(`${name}: a path of a supernet`, () => {
    it.each([
      ["sep_conv_3x3", "max_pool_3x3"],
      ["skip_connect", "skip_connect"],
      ["none", "none"],
    ])(
      "computes what the derived network of %s and %s computes with the same weights",
      (normal, reduction) => {
        const selection = {
          normal: ["dil_conv_3x3", normal, "conv_3x1_1x3", normal, normal],
          reduction: ["avg_pool_3x3", reduction, reduction, reduction, "max_pool_3x3"],
        };
        const whole = create(backend, supernet(), 1);
        const part = create(backend, derived(selection), 1);
        const batch = batchOf(6, 2);
        const path = pathOfSelection({ choices: fullChoices(space) }, selection);
        expectClose(whole.logits(batch, path, "batch"), part.logits(batch, { kind: "only" }, "batch"));
        whole.dispose();
        part.dispose();
      },
    );

    it("of nothing but none is zeros all the way, and still trains the classifier", () => {
      const executor = create(backend, supernet(), 1);
      const none = { normal: [0, 0, 0, 0, 0], reduction: [0, 0, 0, 0, 0] };
      const before = executor.values().get("stem.0.weight")?.values;
      const { loss } = executor.trainStep(batchOf(6, 2), { kind: "single", selection: none }, settings);
      expect(loss).toBeCloseTo(Math.log(3), 5);
      expect(executor.values().get("stem.0.weight")?.values).toEqual(before);
      executor.dispose();
    });
  });

  describe(`${name}: a mixture`, () => {
    it("that gives one operation all the weight equals its path", () => {
      const executor = create(backend, supernet(), 1);
      const oneHot = (count: number, chosen: number) =>
        Array.from({ length: count }, (_, index) => Number(index === chosen));
      const weights = {
        normal: sizes.normal.map((n) => oneHot(n, 2)),
        reduction: sizes.reduction.map((n) => oneHot(n, 3)),
      };
      const selection = { normal: [2, 2, 2, 2, 2], reduction: [3, 3, 3, 3, 3] };
      const batch = batchOf(4, 5);
      expectClose(
        executor.logits(batch, { kind: "mixture", weights }, "batch"),
        executor.logits(batch, { kind: "single", selection }, "batch"),
      );
      executor.dispose();
    });
  });

  describe(`${name}: a node that reads the same through the same operation twice`, () => {
    const chosen: Selection = {
      normal: ["sep_conv_3x3", "skip_connect", "conv_3x1_1x3", "dil_conv_3x3", "skip_connect"],
      reduction: ["max_pool_3x3", "skip_connect", "avg_pool_3x3", "skip_connect", "max_pool_3x3"],
    };

    it("adds up both: with the same weights, what a mixture gives that counts each operation twice", () => {
      const whole = create(backend, supernet(), 1);
      const part = create(backend, derived(chosen, 2), 1);
      const shared = whole.values();
      const values = part.values();
      for (const [weight, held] of values) {
        const same = shared.get(weight.replace(/-2(?=\.)/, ""))?.values;
        // Statistics are the batch's; the moving ones of the two networks have other lengths.
        if (same !== undefined && !weight.startsWith("moving/")) held.values.set(same);
      }
      part.load(values);
      const weights = Object.fromEntries(
        Object.entries(fullChoices(space)).map(([kind, edges]) => [
          kind,
          edges.map((names, edge) => names.map((name) => (name === chosen[kind]?.[edge] ? 2 : 0))),
        ]),
      );
      const batch = batchOf(6, 2);
      expectClose(
        part.logits(batch, { kind: "only" }, "batch"),
        whole.logits(batch, { kind: "mixture", weights }, "batch"),
      );
      whole.dispose();
      part.dispose();
    });

    it("trains weights of its own for each, and goes on bit for bit from saved values", () => {
      const whole = create(backend, derived(chosen, 2), 1);
      const only = { kind: "only" } as const;
      const step = (executor: Executor, index: number) =>
        executor.trainStep(batchOf(8, index), only, { ...settings, dropPath: 0.2, seed: index }).loss;
      for (let index = 0; index < 3; index++) step(whole, index);
      const values = whole.values();
      const first = values.get("cells.0.edges.0.sep_conv_3x3.1.weight")?.values;
      const second = values.get("cells.0.edges.0.sep_conv_3x3-2.1.weight")?.values;
      expect(first).toBeDefined();
      expect(second).toBeDefined();
      expect(second).not.toEqual(first);
      const resumed = create(backend, derived(chosen, 2), 99);
      resumed.load(values);
      for (let index = 3; index < 6; index++) expect(step(resumed, index)).toBe(step(whole, index));
      expect(resumed.digest()).toBe(whole.digest());
      whole.dispose();
      resumed.dispose();
    });
  });

  describe(`${name}: training`, () => {
    const path = (step: number) => pathAt({ kind: "fair", seed: 3, sizes, logits: {} }, step);

    it("holds the same number of tensors after every step, once all weights have momentum", () => {
      const executor = create(backend, supernet(), 1);
      const step = (index: number) =>
        executor.trainStep(batchOf(4, index), path(index), { ...settings, skipDropout: 0.3, seed: index });
      for (let index = 0; index < 20; index++) step(index);
      const before = backend.tf.memory().numTensors;
      for (let index = 20; index < 40; index++) {
        step(index);
        executor.evaluate([batchOf(4, index)], [path(index)], "batch");
      }
      expect(backend.tf.memory().numTensors).toBe(before);
      executor.dispose();
    });

    it("gives all tensors back when it is disposed", () => {
      const warm = create(backend, supernet(), 1);
      for (let index = 0; index < 5; index++) warm.trainStep(batchOf(4, 1), path(index), settings);
      warm.dispose();
      const before = backend.tf.memory().numTensors;
      const executor = create(backend, supernet(), 1);
      for (let index = 0; index < 5; index++) executor.trainStep(batchOf(4, 1), path(index), settings);
      executor.dispose();
      expect(backend.tf.memory().numTensors).toBe(before);
    });

    it("leaves the weights of other paths as they are", () => {
      const executor = create(backend, supernet(), 1);
      const before = executor.values();
      const selection = { normal: [2, 2, 2, 2, 2], reduction: [2, 2, 2, 2, 2] };
      executor.trainStep(batchOf(4, 1), { kind: "single", selection }, settings);
      const after = executor.values();
      for (const [name, { values }] of before) {
        if (name.includes("dil_conv") || name.includes("conv_3x1_1x3"))
          expect(after.get(name)?.values, name).toEqual(values);
      }
      expect(after.get("stem.0.weight")?.values).not.toEqual(before.get("stem.0.weight")?.values);
      executor.dispose();
    });

    it("continues bit for bit from saved values", () => {
      const whole = create(backend, supernet(), 1);
      const step = (executor: Executor, index: number) =>
        executor.trainStep(batchOf(8, index), path(index), { ...settings, skipDropout: 0.2, seed: index })
          .loss;
      for (let index = 0; index < 6; index++) step(whole, index);
      const resumed = create(backend, supernet(), 99);
      resumed.load(whole.values());
      for (let index = 6; index < 12; index++) expect(step(resumed, index)).toBe(step(whole, index));
      expect(resumed.digest()).toBe(whole.digest());
      whole.dispose();
      resumed.dispose();
    });

    it("stops with a clear error, weights untouched, when the loss is no number", () => {
      const executor = create(backend, supernet(), 1);
      const digest = executor.digest();
      const batch = batchOf(4, 1);
      batch.x[0] = Number.NaN;
      expect(() => executor.trainStep(batch, path(2), settings)).toThrow(DivergenceError);
      expect(() => executor.trainStep(batch, path(2), settings)).toThrow(/diverged.*learning rate/i);
      expect(executor.digest()).toBe(digest);
      executor.dispose();
    });

    it("lowers the loss of a batch that it sees again and again", () => {
      const executor = create(backend, supernet(), 1);
      const batch = batchOf(8, 1);
      const first = executor.trainStep(batch, path(0), settings).loss;
      let last = first;
      for (let index = 0; index < 30; index++) last = executor.trainStep(batch, path(0), settings).loss;
      expect(last).toBeLessThan(first / 2);
      executor.dispose();
    });
  });

  describe(`${name}: moving statistics`, () => {
    it("measured again over one batch give what that batch's own statistics give, up to the variance's bias", () => {
      const network = derived({
        normal: ["sep_conv_3x3", "skip_connect", "conv_3x1_1x3", "skip_connect", "dil_conv_3x3"],
        reduction: ["max_pool_3x3", "skip_connect", "avg_pool_3x3", "skip_connect", "max_pool_3x3"],
      });
      const executor = create(backend, network, 1);
      const batch = batchOf(64, 1);
      executor.calibrate([batch], { kind: "only" });
      const moving = executor.logits(batch, { kind: "only" }, "moving");
      const own = executor.logits(batch, { kind: "only" }, "batch");
      for (const [index, value] of moving.entries()) expect(value).toBeCloseTo(own[index] as number, 1);
      executor.dispose();
    });
  });
}
