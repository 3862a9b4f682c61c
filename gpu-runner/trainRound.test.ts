import { beforeAll, describe, expect, it } from "vitest";
import type { TrainRoundTask } from "../shared/protocol.ts";
import type { Selection } from "../shared/space.ts";
import { EagerExecutor } from "./executor/eager.ts";
import { TrainingFailure } from "./failure.ts";
import { GraphExecutor } from "./graph/executor.ts";
import { type Backend, loadBackend } from "./kernels/backend.ts";
import { dataset, roundOf, STEPS } from "./rounds.testing.ts";
import { type ExecutorFactory, SupernetTrainer, type WorkHooks } from "./trainRound.ts";
import { deserialise, serialise } from "./weights.ts";

const isNative = process.env.NASTURTIUM_BACKEND !== "wasm";
const ROUNDS = 4;
const tuning = { steps: 3, learningRate: 0.05 };

const network = {
  stem: "cifar" as const,
  channels: 4,
  layers: 3,
  classes: 2,
  image: { height: 8, width: 8, channels: 1 },
};

const selections: Selection[] = [
  { normal: ["skip_connect", "none"], reduction: ["sep_conv_3x3", "none"] },
  { normal: ["sep_conv_3x3", "sep_conv_3x3"], reduction: ["sep_conv_3x3", "skip_connect"] },
  { normal: ["sep_conv_3x3", "skip_connect"], reduction: ["skip_connect", "sep_conv_3x3"] },
];

/** The round that measures candidates after all others. */
const confirmation = (change: Partial<TrainRoundTask> = {}): TrainRoundTask => {
  const { ahead: _, ...task } = roundOf(ROUNDS);
  const candidates = selections.map((selection) => ({ selection }));
  return { ...task, steps: 0, candidates, evaluation: { images: 32, offset: 0 }, ...change };
};

let backend: Backend;

beforeAll(async () => {
  backend = await loadBackend(isNative ? "tensorflow" : "wasm");
});

const eager: ExecutorFactory = (...made) => new EagerExecutor(...made);
const factories: [string, ExecutorFactory][] = [
  ["eager", eager],
  ...(isNative
    ? ([["compiled", (...made) => new GraphExecutor(...made)]] satisfies [string, ExecutorFactory][])
    : []),
];

const trainerWith = (makeExecutor: ExecutorFactory) =>
  new SupernetTrainer(backend, async () => dataset, makeExecutor);

describe.each(factories)("tuning before candidates are measured, %s", (_name, makeExecutor) => {
  it("takes half batches where memory does not suffice for whole ones, on record", async () => {
    let isShort = false;
    const trainer = await trained((...made) => {
      const executor = makeExecutor(...made);
      const trainStep = executor.trainStep.bind(executor);
      executor.trainStep = (batch, ...rest) => {
        if (isShort && batch.y.length > 4) throw new Error("OOM when allocating tensor with shape[8,8,8,4]");
        return trainStep(batch, ...rest);
      };
      return executor;
    });
    isShort = true;
    const notices: unknown[] = [];
    const result = await trainer.run(confirmation({ tuning }), { notice: (notice) => notices.push(notice) });
    const step = ROUNDS * STEPS;
    expect(result.measurements).toHaveLength(3);
    expect(result.halvedFrom).toBe(step);
    expect(notices).toEqual([{ type: "memory.exhausted", data: { stage: 0, step, batchSize: 4 } }]);
  });

  /** A trainer whose supernet has been trained. */
  async function trained(factory = makeExecutor): Promise<SupernetTrainer> {
    const trainer = trainerWith(factory);
    for (let number = 0; number < ROUNDS; number++) await trainer.run(roundOf(number));
    return trainer;
  }

  const valuesOf = (trainer: SupernetTrainer) =>
    deserialise(trainer.checkpoint()?.bytes as Uint8Array).values;

  it("leaves weights and momentum as they were, bit for bit, and what is trained next, too", async () => {
    const [tuned, plain] = [await trained(), await trained()];
    const before = valuesOf(tuned);
    expect([...before.keys()].some((name) => name.startsWith("momentum/"))).toBe(true);
    const { measurements, digest } = await tuned.run(confirmation({ tuning }));
    const untuned = await plain.run(confirmation());
    expect(valuesOf(tuned)).toEqual(before);
    expect(digest).toBe(untuned.digest);
    expect(measurements.map(({ loss }) => loss)).not.toEqual(untuned.measurements.map(({ loss }) => loss));
    const next = { ...roundOf(ROUNDS + 1), firstStep: ROUNDS * STEPS };
    expect((await tuned.run(next)).digest).toBe((await plain.run(next)).digest);
    for (const trainer of [tuned, plain]) trainer.forget();
  });

  it("says the same of a candidate whatever candidates stand beside it and in which order", async () => {
    const trainer = await trained();
    const { measurements } = await trainer.run(confirmation({ tuning }));
    const candidates = [selections[2], selections[1]].map((selection) => ({
      selection: selection as Selection,
    }));
    const others = await trainer.run(confirmation({ tuning, candidates, round: ROUNDS + 1 }));
    const results = (of: typeof measurements) => of.map(({ values, loss }) => ({ values, loss }));
    expect(results(others.measurements)).toEqual(results(measurements).slice(1).reverse());
    trainer.forget();
  });

  it("lowers the loss on images of its kind where it is long enough", async () => {
    const trainer = await trained();
    const losses: number[] = [];
    const progress: WorkHooks["progress"] = (_done, _total, loss) => losses.push(loss as number);
    const candidates = selections.slice(1, 2).map((selection) => ({ selection }));
    const long = { steps: 60, learningRate: 0.05 };
    await trainer.run(confirmation({ tuning: long, candidates }), { progress });
    const mean = (of: number[]) => of.reduce((sum, loss) => sum + loss, 0) / of.length;
    expect(mean(losses.slice(-8))).toBeLessThan(mean(losses.slice(0, 8)));
    trainer.forget();
  });

  it("tells its progress, and stopped in the middle gives the shared weights back: the round repeats alike", async () => {
    const trainer = await trained();
    const before = valuesOf(trainer);
    const told: [number, number][] = [];
    const stopAfter = 5;
    const hooks: WorkHooks = {
      progress: (done, total) => told.push([done, total]),
      throwIfEnded: () => {
        if (told.length === stopAfter) throw new Error("stopped");
      },
    };
    await expect(trainer.run(confirmation({ tuning }), hooks)).rejects.toThrow("stopped");
    expect(told).toEqual([1, 2, 3, 4, 5].map((done) => [done, selections.length * tuning.steps]));
    expect(valuesOf(trainer)).toEqual(before);

    const heir = trainerWith(makeExecutor);
    await heir.restore(trainer.checkpoint()?.bytes as Uint8Array, confirmation({ tuning }));
    const { measurements, digest } = await trainer.run(confirmation({ tuning }));
    expect(await heir.run(confirmation({ tuning }))).toMatchObject({ measurements, digest });
    for (const each of [trainer, heir]) each.forget();
  });

  it("that diverges leaves its candidate without a measurement, and the others with theirs", async () => {
    const whole = await trained();
    const { measurements: expected, digest } = await whole.run(confirmation({ tuning }));
    let isConfirming = false;
    const trainer = await trained((...made) => {
      const executor = makeExecutor(...made);
      const trainStep = executor.trainStep.bind(executor);
      executor.trainStep = (batch, path, settings) => {
        const isHit = isConfirming && path.kind === "single" && path.selection.normal?.join() === "2,2";
        const x = isHit ? new Float32Array(batch.x.length).fill(Number.NaN) : batch.x;
        return trainStep({ ...batch, x }, path, settings);
      };
      return executor;
    });
    isConfirming = true;
    const result = await trainer.run(confirmation({ tuning }));
    expect(result.measurements).toEqual([expected[0], expected[2]]);
    expect(result.diverged).toEqual([1]);
    expect(result.digest).toBe(digest);
    for (const each of [whole, trainer]) each.forget();
  });
});

describe.each(factories)("a network that gives no numbers, %s", (_name, makeExecutor) => {
  /** Of which the images that are measured are no numbers. */
  const blindFor =
    (isHit: (normal: string) => boolean): ExecutorFactory =>
    (...made) => {
      const executor = makeExecutor(...made);
      const evaluate = executor.evaluate.bind(executor);
      executor.evaluate = (batches, paths, statistics) => {
        const [path] = paths;
        const isBlind = path?.kind === "single" && isHit(path.selection.normal?.join() ?? "");
        const seen = [...batches].map((batch) =>
          isBlind ? { ...batch, x: new Float32Array(batch.x.length).fill(Number.NaN) } : batch,
        );
        return evaluate(seen, paths, statistics);
      };
      return executor;
    };
  const measure = { objectives: ["latency"], network };
  const first = (change: Partial<TrainRoundTask>) => confirmation({ ...change, firstStep: 0, round: 0 });

  it("is named and not measured, and the others are", async () => {
    const trainer = trainerWith(blindFor((normal) => normal === "2,2"));
    const { measurements, diverged } = await trainer.run(first({ measure }));
    expect(diverged).toEqual([1]);
    expect(measurements.map(({ candidate }) => candidate)).toEqual([0, 2]);
    for (const { values, loss } of measurements)
      expect([values.accuracy, values.latency, loss].every(Number.isFinite)).toBe(true);
    trainer.forget();
  });

  it("fails the round where all are so, at once and with the reason", async () => {
    const trainer = trainerWith(blindFor(() => true));
    const failure = await trainer.run(first({})).catch((err: unknown) => err);
    expect(failure).toBeInstanceOf(TrainingFailure);
    expect(failure).toMatchObject({
      message: expect.stringMatching(
        /^Training diverged: none of 3 candidates measured after step 0 of stage 1/,
      ),
      failure: { kind: "diverged", step: 0 },
    });
    trainer.forget();
  });
});

it("a measurement tells on how many images it was made where there are fewer than were asked for", async () => {
  const trainer = trainerWith(eager);
  const asked = { evaluation: { images: 1000, offset: 5 }, firstStep: 0, round: 0 };
  const { measurements } = await trainer.run(confirmation(asked));
  expect(measurements.map(({ images }) => images)).toEqual([32, 32, 32]);
  trainer.forget();
});

/** Tells every training step to `onStep`, which may throw instead. */
const watched =
  (onStep: (images: number, learningRate: number) => void): ExecutorFactory =>
  (...made) => {
    const executor = eager(...made);
    const trainStep = executor.trainStep.bind(executor);
    executor.trainStep = (batch, path, settings) => {
      onStep(batch.y.length, settings.learningRate);
      return trainStep(batch, path, settings);
    };
    return executor;
  };

describe("tuning where memory is short", () => {
  it("takes half batches at half the rate where its stage did", async () => {
    const steps: [images: number, learningRate: number][] = [];
    const trainer = trainerWith(watched((...step) => steps.push(step)));
    const halved = { halvedFrom: 0, candidates: confirmation().candidates.slice(0, 1), tuning };
    await trainer.run({ ...confirmation(halved), firstStep: 0, round: 0 });
    expect(steps.map(([images]) => images)).toEqual([4, 4, 4]);
    expect(steps[0]?.[1]).toBe(tuning.learningRate / 2);
    trainer.forget();
  });

  it("begins again with the shared weights where memory runs out, and comes to the same as with half batches from the start", async () => {
    const task = { ...confirmation({ tuning }), firstStep: 0, round: 0 };
    const whole = trainerWith(eager);
    const { measurements, digest } = await whole.run({ ...task, halvedFrom: 0 });
    let steps = 0;
    const short = trainerWith(
      watched(() => {
        if (++steps === 5) throw new Error("OOM when allocating tensor");
      }),
    );
    expect(await short.run(task)).toMatchObject({ measurements, digest });
    expect(steps).toBe(5 + selections.length * tuning.steps);
    for (const trainer of [whole, short]) trainer.forget();
  });
});

describe("the weight steps of each operation", () => {
  /** Trains rounds up to one that trains nothing, in a trainer of its own from each checkpoint on. */
  async function counted(
    paths: TrainRoundTask["paths"],
    restarts: readonly number[],
    change: (bytes: Uint8Array) => Uint8Array = (bytes) => bytes,
  ) {
    const logits = {
      normal: [
        [0, 1, 2],
        [0, 0, 0],
      ],
      reduction: [
        [1, 0, 0],
        [0, 0, 0],
      ],
    };
    const taskAt = (number: number) => ({ ...roundOf(number), paths, logits });
    let trainer = trainerWith(eager);
    for (let number = 0; number < ROUNDS; number++) {
      const result = await trainer.run(taskAt(number));
      expect(result.trainedSteps).toBeUndefined();
      if (!restarts.includes(number)) continue;
      const { bytes } = trainer.checkpoint() as { bytes: Uint8Array };
      trainer.forget();
      trainer = trainerWith(eager);
      await trainer.restore(change(bytes), taskAt(number + 1));
    }
    const { trainedSteps } = await trainer.run(confirmation({ paths, logits }));
    trainer.forget();
    return trainedSteps;
  }

  const edgesOf = (trained: Awaited<ReturnType<typeof counted>>) => Object.values(trained ?? {}).flat();
  const sum = (counts: number[]) => counts.reduce((total, count) => total + count, 0);

  it.each([[[]], [[1]], [[0, 2]]])(
    "are equal on every edge with strictly fair paths, to one of a cycle under way, restarted after rounds %j",
    async (restarts) => {
      const edges = edgesOf(await counted("fair", restarts));
      expect(edges).toHaveLength(4);
      for (const counts of edges) {
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
        expect(sum(counts)).toBe(ROUNDS * STEPS);
      }
    },
  );

  it("add up to those of the stage with the policy's paths", async () => {
    const trained = await counted("policy", [1]);
    expect(trained).toEqual(await counted("policy", []));
    for (const counts of edgesOf(trained)) expect(sum(counts)).toBe(ROUNDS * STEPS);
  });

  it("are all of them with a mixture", async () => {
    for (const counts of edgesOf(await counted("mixture", [])))
      expect(counts).toEqual([1, 1, 1].map(() => ROUNDS * STEPS));
  });

  it("are not told after a checkpoint that does not have them", async () => {
    const without = (bytes: Uint8Array) => {
      const { values, meta } = deserialise(bytes);
      const { trainedSteps: _, ...rest } = meta as Record<string, unknown>;
      return serialise(values, rest);
    };
    expect(await counted("fair", [1], without)).toBeUndefined();
  });
});
