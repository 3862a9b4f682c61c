/**
 * A search on CIFAR-10 end to end, then its best architecture under a parameter limit against three random ones of
 * about the same size, all trained by one recipe from one seed. Takes about 40 minutes on two cores.
 *
 *     npm run bench:cifar10 -- --data FOLDER [--seed N] [--out DIR]
 *
 * FOLDER holds the standard binary files (`data_batch_1.bin` ... , also `.xz`).
 */

import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { z } from "zod";
import { readFront, readSearch } from "../cli/api.ts";
import { loadDataset } from "../gpu-runner/data/dataset.ts";
import { FinalTraining } from "../gpu-runner/finalTraining.ts";
import { loadBackend } from "../gpu-runner/kernels/backend.ts";
import { selectionCost } from "../shared/count.ts";
import { canonicalHash, type Genotype, genotypeSchema, printGenotype } from "../shared/genotype.ts";
import { costTableOf } from "../shared/networkCosts.ts";
import { Random } from "../shared/random.ts";
import { genotypeFromSelection, randomSelection, resolveSpace } from "../shared/space.ts";
import {
  finalTrainingSchema,
  type SpecificationInput,
  specificationSchema,
} from "../shared/specification.ts";
import { withLocalSearch } from "./localSearch.ts";

const controls = 3;
/** Random architectures are of the found one's size within this share. */
const sizeTolerance = 0.03;
const parameterLimit = 200_000;
const network = { stem: "cifar", channels: 16, layers: 5 } as const;
const recipe = finalTrainingSchema.parse({ preset: "demo", steps: 700, batchSize: 64 });

const specification = (seed: number): SpecificationInput => ({
  name: "CIFAR-10, reduced schedule",
  dataset: { name: "cifar10" },
  evaluation: { kind: "supernet", network },
  objectives: [
    { name: "accuracy", goal: "maximize" },
    { name: "parameters", goal: "minimize", target: parameterLimit },
  ],
  schedule: {
    batchSize: 64,
    stepsPerRound: 8,
    warmupStepsPerRound: 25,
    policy: { candidates: 6, evaluationImages: 250, learningRate: 0.03 },
    confirmation: { images: 2000, architectures: 16 },
    stages: [
      {
        layers: 5,
        channels: 8,
        steps: 600,
        warmupSteps: 200,
        drop: { normal: 4, reduction: 2 },
        skipDropout: 0.1,
      },
      {
        layers: 5,
        channels: 8,
        steps: 700,
        warmupSteps: 200,
        drop: { normal: 0, reduction: 0 },
        skipDropout: 0.1,
      },
    ],
  },
  finalTraining: { top: 0 },
  seed,
});

const frontRow = z.looseObject({
  hash: z.string(),
  genotype: genotypeSchema,
  values: z.looseObject({ accuracy: z.number(), parameters: z.number() }),
});

const { values: args } = parseArgs({
  options: {
    data: { type: "string" },
    seed: { type: "string", default: "1" },
    out: { type: "string", default: "runs/bench-cifar10" },
  },
});
if (args.data === undefined) {
  console.error("Say where the CIFAR-10 files are: npm run bench:cifar10 -- --data FOLDER");
  process.exit(2);
}
const seed = Number(args.seed);
const out = path.resolve(args.out);
mkdirSync(out, { recursive: true });
const log = (line: string) => console.error(`${new Date().toISOString().slice(11, 19)} ${line}`);
const abort = new AbortController();
process.once("SIGINT", () => abort.abort());
process.once("SIGTERM", () => abort.abort());

const searched = await search();
const report = { seed, ...searched, machine: machine(), trained: await compare(searched.front) };
writeFileSync(path.join(out, "result.json"), `${JSON.stringify(report, null, 2)}\n`);
console.log(JSON.stringify(report));

async function search() {
  const options = { dataFolder: args.data as string, log, signal: abort.signal };
  return withLocalSearch(specification(seed), options, async ({ id, client, work }) => {
    const startedAt = performance.now();
    await work(1);
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    const front = z.array(frontRow).parse(await readFront(client, id));
    const { progress } = await readSearch(client, id);
    writeFileSync(path.join(out, "front.json"), JSON.stringify({ progress, front }, null, 2));
    return { seconds, progress, front };
  });
}

/** The most accurate of the front under the limit, then the controls; each result is written when it is there. */
async function compare(front: z.infer<typeof frontRow>[]) {
  const [best] = front
    .filter(({ values }) => values.parameters <= parameterLimit)
    .sort((a, b) => b.values.accuracy - a.values.accuracy);
  if (best === undefined)
    throw new Error(`no architecture of the front is under ${parameterLimit} parameters`);
  const dataset = await loadDataset("cifar10", { folder: args.data as string, log });
  const backend = await loadBackend("tensorflow");
  const candidates = [
    { role: "found", genotype: best.genotype },
    ...randomOf(best.values.parameters).map((genotype) => ({ role: "random", genotype })),
  ];
  const trained = [];
  for (const { role, genotype } of candidates) {
    const hash = canonicalHash(genotype, resolveSpace("tnd-nas"));
    const training = new FinalTraining(backend, dataset, {
      kind: "finalTraining",
      taskId: "bench",
      searchId: "bench",
      trainingId: "bench",
      genotype,
      hash,
      dataset: "cifar10",
      ...network,
      recipe,
      seed,
    });
    log(`${role} ${hash}: ${training.totalSteps} steps`);
    const { testAccuracy, testLoss, parameters, macs, seconds } = await training.run({
      log,
      throwIfEnded: () => abort.signal.throwIfAborted(),
    });
    training.dispose();
    trained.push({
      role,
      hash,
      parameters,
      macs,
      testAccuracy,
      testLoss,
      seconds: Math.round(seconds),
      genotype: printGenotype(genotype),
    });
    writeFileSync(path.join(out, "trained.json"), JSON.stringify(trained, null, 2));
  }
  return trained;
}

/** Uniform draws of the space whose derived networks have about as many parameters. */
function randomOf(parameters: number): Genotype[] {
  const space = resolveSpace("tnd-nas");
  const table = costTableOf(specificationSchema.parse(specification(seed)));
  const random = new Random(seed + 1000);
  const found: Genotype[] = [];
  for (let tries = 0; found.length < controls; tries++) {
    if (tries > 1_000_000)
      throw new Error(`no ${controls} random architectures of about ${parameters} parameters`);
    const selection = randomSelection(space, random);
    if (Math.abs(selectionCost(table, selection).parameters / parameters - 1) <= sizeTolerance)
      found.push(genotypeFromSelection(space, selection));
  }
  return found;
}

function machine() {
  return {
    cpu: cpus()[0]?.model,
    cores: availableParallelism(),
    node: process.version,
    tensorflow: "2.21.0 (CPU)",
  };
}
