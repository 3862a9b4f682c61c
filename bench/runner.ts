/**
 * Trains the same networks, with the same weights, paths and batches, as the runner does and in PyTorch, in turns,
 * and prints medians. PyTorch is installed into the cache on first use (2.5 GB to download where only PyPI is
 * reached); where it cannot be had, the runner is measured alone. Memory is read from /proc, on Linux.
 *
 *     npm run bench:runner -- [--json | --markdown] [--cases sampled,mixture] [--steps N] [--repeats N]
 *         [--threads N] [--layout channels_last|nchw] [--small]
 */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, constants, cpus, tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import {
  type NamedValues,
  normalisationShapes,
  sizeOf,
  startValues,
  weightShapes,
} from "../gpu-runner/weightShapes.ts";
import { serialise } from "../gpu-runner/weights.ts";
import type { Network } from "../shared/network.ts";
import { Random } from "../shared/random.ts";
import { Contestant, runRequest } from "./contestant.ts";
import { watchOthers } from "./otherLoad.ts";
import { ensureTorch } from "./peers/torch.ts";
import { type Case, casesOf } from "./runnerCases.ts";
import type { SetupRequest } from "./runnerProtocol.ts";
import {
  type CaseReport,
  geometricMean,
  printMarkdown,
  printTable,
  type Report,
  type Side,
  summaryLine,
} from "./runnerReport.ts";

const BATCHES = 4;
const SEED = 1;
const layouts: SetupRequest["layout"][] = ["channels_last", "nchw"];
/** The first step of both sides comes from the same weights, so that only rounding is between them. */
const LARGEST_LOSS_DIFFERENCE = 1e-3;
const AGREEMENT_STEPS = 2;
/** Of the machine, during a turn. */
const LARGEST_SHARE_OF_OTHERS = 0.05;
/** Turns in all, by the turns that are wanted. */
const TRIES = 3;
/** Measured under conditions of its own. */
const OUTSIDE_OF_MEAN = "dispatch";

const { values: args } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    markdown: { type: "boolean", default: false },
    cases: { type: "string" },
    steps: { type: "string" },
    repeats: { type: "string" },
    threads: { type: "string", default: String(availableParallelism()) },
    layout: { type: "string", default: "channels_last" },
    small: { type: "boolean", default: false },
  },
});
const log = (line: string) => console.error(line);
const threads = positive("threads", args.threads);
const layout = args.layout as SetupRequest["layout"];
if (!layouts.includes(layout)) refuse(`--layout is ${layouts.join(" or ")}, not ${layout}.`);
const cases = chosenCases();

const folder = mkdtempSync(path.join(tmpdir(), "nasturtium-bench-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => process.exit(128 + constants.signals[signal]));
}

const report = await measureAll();
if (args.json) console.log(JSON.stringify(report, (_key, value) => value ?? null));
else console.log(args.markdown ? printMarkdown(report) : printTable(report));
checkAgreement(report);

async function measureAll(): Promise<Report> {
  const peerPython = await ensureTorch().catch((error: Error) => {
    log(`PyTorch cannot be had, so the runner is measured alone: ${error.message}.`);
    return undefined;
  });
  const versions: Record<string, string> = { node: process.version };
  const reports: CaseReport[] = [];
  for (const chosen of cases) {
    log(`${chosen.name} ...`);
    const report = await measure(chosen, peerPython, versions);
    log(summaryLine(report));
    reports.push(report);
  }
  const counted = reports.filter(({ name }) => name !== OUTSIDE_OF_MEAN);
  const ratios = counted.flatMap(({ ratio, isDisturbed }) => (isDisturbed ? [] : (ratio ?? [])));
  return {
    date: new Date().toISOString(),
    machine: { cpu: cpus()[0]?.model, cores: availableParallelism() },
    threads,
    layout,
    versions,
    cases: reports,
    geometricMeanRatio: ratios.length === counted.length ? geometricMean(ratios) : undefined,
  };
}

function chosenCases(): Case[] {
  const known = casesOf(args.small);
  const names = args.cases?.split(",") ?? known.map(({ name }) => name);
  return names.map((name) => {
    const found =
      known.find((candidate) => candidate.name === name) ??
      refuse(`There is no case ${name}; there are ${known.map((one) => one.name).join(", ")}.`);
    return {
      ...found,
      steps: positive("steps", args.steps ?? (args.small ? 1 : found.steps)),
      repeats: positive("repeats", args.repeats ?? (args.small ? 1 : found.repeats)),
    };
  });
}

/** Both sides of a case start new, so that memory and the time until they are ready are the case's own. */
async function measure(
  chosen: Case,
  peerPython: string | undefined,
  versions: Record<string, string>,
): Promise<CaseReport> {
  const setup = setupRequest(chosen);
  const sides = [new Contestant("The runner", process.execPath, "runnerChild.ts", setup.threads)];
  if (peerPython !== undefined) {
    sides.push(new Contestant("PyTorch", peerPython, "peers/torch_supernet.py", setup.threads));
  }
  try {
    for (const side of sides) Object.assign(versions, (await side.start(setup, chosen)).versions);
    const isDisturbed = await takeTurns(sides, chosen);
    const [ours, peer] = sides.map((side) => side.summary(chosen.batch)) as [Side, Side | undefined];
    const [own] = sides as [Contestant];
    const { calls } = await own.process.ask({ ...runRequest(chosen, 0, 1), op: "count" });
    return {
      name: chosen.name,
      title: chosen.title,
      batch: chosen.batch,
      threads: setup.threads,
      isDisturbed,
      ours,
      peer,
      ratio: peer && ours.imagesPerSecond / peer.imagesPerSecond,
      callsPerStep: calls,
      lossDifferences: await compareLosses(sides, setup, chosen),
    };
  } finally {
    await Promise.all(sides.map((side) => side.process.end()));
  }
}

/**
 * Turns during which other programs were busy are taken again: one that takes a core away for a moment makes all
 * threads of a parallel loop wait, and not as long on both sides.
 *
 * @returns whether there were too few turns without others, so that those with them count too
 */
async function takeTurns(sides: readonly Contestant[], chosen: Case): Promise<boolean> {
  for (const side of sides) await side.process.ask(runRequest(chosen, 1, chosen.warmUpSteps));
  const turns: { others: number; milliseconds: number[][] }[] = [];
  const quiet = () => turns.filter(({ others }) => others <= LARGEST_SHARE_OF_OTHERS);
  while (quiet().length < chosen.repeats && turns.length < TRIES * chosen.repeats) {
    const first = 1 + chosen.warmUpSteps + turns.length * chosen.steps;
    const others = watchOthers(sides.map((side) => side.process.pid));
    const milliseconds: number[][] = sides.map(() => []);
    for (const side of turns.length % 2 === 0 ? sides : sides.toReversed()) {
      const reply = await side.process.ask(runRequest(chosen, first, chosen.steps));
      milliseconds[sides.indexOf(side)] = reply.milliseconds;
    }
    turns.push({ others: others(), milliseconds });
  }
  const isDisturbed = quiet().length < chosen.repeats;
  for (const { milliseconds } of isDisturbed ? turns : quiet()) {
    for (const [index, side] of sides.entries()) side.milliseconds.push(...(milliseconds[index] ?? []));
  }
  return isDisturbed;
}

/** Both start again from the same weights; without drop-path, which nobody draws the same. */
async function compareLosses(
  sides: readonly Contestant[],
  { weights }: SetupRequest,
  chosen: Case,
): Promise<number[]> {
  const losses: number[][] = [];
  for (const { process: side } of sides) {
    await side.ask({ op: "load", weights });
    losses.push((await side.ask(runRequest({ ...chosen, dropPath: 0 }, 0, AGREEMENT_STEPS))).losses);
  }
  const [ours = [], peers] = losses;
  return peers === undefined ? [] : ours.map((loss, step) => Math.abs(loss - (peers[step] ?? Number.NaN)));
}

function setupRequest({ network, batch, settings, movingStatistics, threads: own }: Case): SetupRequest {
  const write = (name: string, values: NamedValues): string => {
    const file = path.join(folder, name);
    writeFileSync(file, serialise(values, null));
    return file;
  };
  return {
    op: "setup",
    network,
    seed: SEED,
    weights: write("weights", startWeights(network)),
    settings,
    movingStatistics,
    batches: write("batches", batchesOf(network, batch)),
    threads: own ?? threads,
    layout,
  };
}

/** What an executor of the seed starts from. */
function startWeights(network: Network): NamedValues {
  const values: NamedValues = new Map(
    weightShapes(network).map((shape) => [
      shape.name,
      { shape: shape.shape, values: startValues(shape, SEED) },
    ]),
  );
  const channels = normalisationShapes(network).reduce((sum, shape) => sum + shape.channels, 0);
  const shape = [channels];
  values.set("moving/mean", { shape, values: new Float32Array(channels) });
  values.set("moving/variance", { shape, values: new Float32Array(channels).fill(1) });
  return values;
}

function batchesOf({ image, classes }: Network, batch: number): NamedValues {
  const random = new Random(SEED);
  const { height, width, channels } = image;
  const shape = [batch, height, width, channels];
  const values: NamedValues = new Map();
  for (let index = 0; index < BATCHES; index++) {
    const x = Float32Array.from({ length: sizeOf(shape) }, () => random.normal());
    const y = Float32Array.from({ length: batch }, () => random.integer(classes));
    values.set(`${index}/x`, { shape, values: x }).set(`${index}/y`, { shape: [batch], values: y });
  }
  return values;
}

function positive(option: string, value: string | number): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1) refuse(`--${option} is a positive integer, not ${value}.`);
  return number;
}

function refuse(message: string): never {
  log(message);
  process.exit(2);
}

function checkAgreement({ cases }: Report): void {
  for (const { name, lossDifferences } of cases) {
    const [first = 0] = lossDifferences;
    if (first <= LARGEST_LOSS_DIFFERENCE) continue;
    log(
      `${name}: the losses of the first step are ${first} apart, so the two do not train the same network.`,
    );
    process.exitCode = 1;
  }
}
