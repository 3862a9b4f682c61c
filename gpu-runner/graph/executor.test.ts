import { beforeAll, describe, expect, it } from "vitest";
import { genotypes, NASNet } from "../../shared/genotypes.ts";
import { buildSupernet, deriveNetwork, type Network } from "../../shared/network.ts";
import { Random } from "../../shared/random.ts";
import { fullChoices, type SearchSpace, spaces } from "../../shared/space.ts";
import type { Batch } from "../data/batches.ts";
import { describeExecutor } from "../executor/conformance.ts";
import { EagerExecutor } from "../executor/eager.ts";
import type { Executor, Path, StepSettings } from "../executor/executor.ts";
import { type Backend, loadBackend } from "../kernels/backend.ts";
import { pathAt } from "../paths.ts";
import { GraphExecutor } from "./executor.ts";

const isNative = process.env.NASTURTIUM_BACKEND !== "wasm";
if (isNative)
  describeExecutor("compiled", (backend, network, seed) => new GraphExecutor(backend, network, seed));

const settings: StepSettings = { learningRate: 0.1, momentum: 0.9, weightDecay: 3e-3, clipNorm: 1, seed: 1 };
const TOLERANCE = 1e-4;

function batchOf(network: Network, images: number, seed: number): Batch {
  const { height, width, channels } = network.image;
  const random = new Random(seed);
  const x = Float32Array.from({ length: images * height * width * channels }, () => random.normal());
  return { x, y: Int32Array.from({ length: images }, () => random.integer(network.classes)) };
}

/** Largest difference of two networks' numbers, relative to the size of each kind of number. */
function difference(one: Executor, other: Executor): { name: string; value: number } {
  const values = other.values();
  let worst = { name: "none", value: 0 };
  for (const [name, { values: mine }] of one.values()) {
    const theirs = values.get(name)?.values;
    if (theirs === undefined) return { name: `${name} is missing`, value: Number.POSITIVE_INFINITY };
    const largest = mine.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
    for (const [index, value] of mine.entries()) {
      const distance = Math.abs(value - (theirs[index] as number)) / largest;
      if (distance > worst.value) worst = { name, value: distance };
    }
  }
  if (values.size !== one.values().size)
    return { name: "the number of values", value: Number.POSITIVE_INFINITY };
  return worst;
}

describe.runIf(isNative)("compiled and eager execution", () => {
  let backend: Backend;

  beforeAll(async () => {
    backend = await loadBackend("tensorflow");
  });

  /** Trains both on the same steps and compares losses, gradient norms, weights, momentum and statistics. */
  function agree(
    network: Network,
    steps: readonly { path: Path; settings?: Partial<StepSettings> }[],
    images = 5,
  ): void {
    const eager = new EagerExecutor(backend, network, 3);
    const compiled = new GraphExecutor(backend, network, 3);
    try {
      for (const [index, { path, settings: changes }] of steps.entries()) {
        const batch = batchOf(network, images, index);
        const one = eager.trainStep(batch, path, { ...settings, ...changes });
        const other = compiled.trainStep(batch, path, { ...settings, ...changes });
        expect(other.loss, `loss of step ${index}`).toBeCloseTo(one.loss, 4);
        expect(Math.abs(other.gradientNorm / one.gradientNorm - 1), `norm of step ${index}`).toBeLessThan(
          TOLERANCE,
        );
        // Afterwards the same numbers, so that what rounding does to one step is not magnified by the next ones.
        const { name, value } = difference(eager, compiled);
        expect(value, name).toBeLessThan(TOLERANCE);
        compiled.load(eager.values());
        const statistics = path.kind === "only" ? "moving" : "batch";
        const [mine, theirs] = [compiled, eager].map((executor) =>
          executor.logits(batch, path, statistics),
        ) as [Float32Array, Float32Array];
        for (const [position, score] of mine.entries())
          expect(score).toBeCloseTo(theirs[position] as number, 3);
      }
    } finally {
      eager.dispose();
      compiled.dispose();
    }
  }

  const supernetOf = (
    space: SearchSpace,
    size: { height: number; layers: number; channels: number },
  ): Network =>
    buildSupernet({
      space,
      choices: fullChoices(space),
      channels: size.channels,
      layers: size.layers,
      classes: 4,
      image: { height: size.height, width: size.height, channels: 3 },
    });

  const sizesOf = (space: SearchSpace): Record<string, number[]> =>
    Object.fromEntries(
      Object.entries(fullChoices(space)).map(([kind, edges]) => [kind, edges.map((names) => names.length)]),
    );

  it.each([
    ["tnd-nas", 3, 8],
    ["tnd-nas", 3, 9],
    ["darts", 3, 8],
    ["nas-bench-201", 5, 8],
  ])("agree on every operation of %s with %d layers on %d pixels, path by path", (name, layers, height) => {
    const space = spaces[name] as SearchSpace;
    const sizes = sizesOf(space);
    const longest = Math.max(...Object.values(sizes).flat());
    const paths = Array.from({ length: longest }, (_, step) => ({
      path: pathAt({ kind: "fair", seed: 2, sizes, logits: {} }, step),
    }));
    agree(supernetOf(space, { height, layers, channels: 4 }), paths);
  });

  it("agree on a mixture of all operations", () => {
    const space = spaces["tnd-nas"] as SearchSpace;
    const logits = Object.fromEntries(
      Object.entries(sizesOf(space)).map(([kind, edges]) => [
        kind,
        edges.map((size, edge) => Array.from({ length: size }, (_, index) => Math.sin(index + edge))),
      ]),
    );
    const path = pathAt({ kind: "mixture", seed: 1, sizes: sizesOf(space), logits }, 0);
    agree(supernetOf(space, { height: 8, layers: 3, channels: 4 }), [{ path }, { path }]);
  });

  it.each(["cifar", "imagenet"] as const)(
    "agree on a final training with the %s stem, drop-path and auxiliary head",
    (stem) => {
      const height = stem === "cifar" ? 16 : 64;
      const network = deriveNetwork({
        genotype: genotypes.DARTS_V2 as Parameters<typeof deriveNetwork>[0]["genotype"],
        auxiliary: true,
        channels: 4,
        layers: 5,
        classes: 4,
        image: { height, width: height, channels: 3 },
        stem,
      });
      const path: Path = { kind: "only" };
      agree(network, [
        { path, settings: { auxiliaryWeight: 0.4, labelSmoothing: 0.1 } },
        { path, settings: { auxiliaryWeight: 0.4, dropPath: 0.3, seed: 7 } },
        { path },
      ]);
    },
  );

  it("agree on a final training of NASNet, whose nodes read the same twice", () => {
    const network = deriveNetwork({
      genotype: NASNet,
      auxiliary: true,
      channels: 4,
      layers: 3,
      classes: 4,
      image: { height: 16, width: 16, channels: 3 },
    });
    const path: Path = { kind: "only" };
    agree(network, [
      { path, settings: { auxiliaryWeight: 0.4 } },
      { path, settings: { auxiliaryWeight: 0.4, dropPath: 0.3, seed: 7 } },
    ]);
  });

  it("leave weights that nothing depends on as they are, on a batch of one image too", () => {
    const space = spaces["tnd-nas"] as SearchSpace;
    const kinds = Object.entries(fullChoices(space));
    const selection = Object.fromEntries(
      kinds.map(([kind, edges]) => [kind, edges.map((_, edge) => (edge < 5 ? 0 : 1))]),
    );
    agree(
      supernetOf(space, { height: 8, layers: 3, channels: 4 }),
      [{ path: { kind: "single", selection } }],
      1,
    );
  });
});
