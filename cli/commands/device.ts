/** `nasturtium device`: this machine measures networks, for an edge or once. */

import { hostname } from "node:os";
import type { DeviceBackend, WholeDevice } from "../../device/backend.ts";
import { type NodeBackendName, nodeBackendNames, nodeBackends } from "../../device/backends/index.ts";
import { datasetFacts, datasetNames } from "../../shared/datasets.ts";
import { EdgeError, EdgeUnreachable } from "../../shared/edgeError.ts";
import { canonicalHash } from "../../shared/genotype.ts";
import {
  type BrowserBackend,
  browserBackends,
  type DeviceObjective,
  deviceObjectiveSchema,
  type Measured,
  type NetworkSubject,
  networkSettings,
  registerDeviceSchema,
  type SubjectResult,
} from "../../shared/measuring.ts";
import { skeletonOf } from "../../shared/network.ts";
import { type CommandRow, type Context, integer, oneOf, repeated } from "../command.ts";
import { printDeviceLink } from "../deviceLink.ts";
import { badInput, CliError, type ExitCode, exitCodes, reasonOf } from "../errors.ts";
import { textTable } from "../table.ts";
import { readGenotype } from "./count.ts";

interface Options {
  name?: string;
  link?: boolean;
  backend?: NodeBackendName | BrowserBackend;
  threads?: number;
  meter?: string;
  run?: string;
  objective?: string[];
  runSeconds?: number;
  untilIdle?: boolean;
  measure?: string;
  channels: number;
  layers: number;
  dataset: keyof typeof datasetFacts;
  stem: "cifar" | "imagenet";
  batch: number;
}

export const device: CommandRow = {
  name: "device",
  description: "measure networks on this machine: for the edge, or with --measure one of them now",
  options: [
    {
      flags: "--name <name>",
      description: "what specifications call this device (default: the machine's name)",
    },
    {
      flags: "--backend <name>",
      description:
        "tensorflow, wasm or onnxruntime (default: onnxruntime); with --link webgpu, webgl or wasm (default: the fastest that works)",
      parse: oneOf("--backend", [...new Set([...nodeBackendNames, ...browserBackends])]),
    },
    {
      flags: "--link",
      description: "print a link and a code that make a browser, such as a phone's, the device called --name",
    },
    {
      flags: "--threads <n>",
      description: "of the backend (default: 1)",
      parse: integer("--threads", 1, 1024),
    },
    { flags: "--meter <url>", description: "energy meter that answers { watts } or { millijoules } as JSON" },
    {
      flags: "--run <command>",
      description: "have a program measure: {model} is the .onnx file, {tfjs} the folder of the tfjs model",
    },
    {
      flags: "--objective <name:unit>",
      description: "what the program prints, such as cost:cents; may be repeated",
      parse: repeated,
    },
    {
      flags: "--run-seconds <n>",
      description: "longest time of one run of the program (default: 300)",
      parse: integer("--run-seconds", 1),
    },
    { flags: "--until-idle", description: "end when there is nothing to do" },
    {
      flags: "--measure <genotype>",
      description: "measure a genotype now, without an edge: a file, a name or -",
    },
    { flags: "--channels <c>", description: "of --measure", default: 36, parse: integer("--channels", 1) },
    { flags: "--layers <l>", description: "of --measure", default: 20, parse: integer("--layers", 1) },
    {
      flags: "--dataset <name>",
      description: "whose images and classes --measure takes",
      default: "cifar10",
      parse: oneOf("--dataset", datasetNames),
    },
    {
      flags: "--stem <kind>",
      description: "of --measure: cifar or imagenet",
      default: "cifar",
      parse: oneOf("--stem", ["cifar", "imagenet"]),
    },
    {
      flags: "--batch <n>",
      description: "images at once in --measure",
      default: 1,
      parse: integer("--batch", 1, 4096),
    },
  ],
  async run(ctx, _args, given) {
    const options = given as unknown as Options;
    if (options.link === true) return printLink(ctx, options);
    if (options.measure !== undefined) return measureOnce(ctx, options.measure, options);
    await workFor(ctx, options);
  },
};

async function printLink(ctx: Context, { name, backend }: Options): Promise<void> {
  if (name === undefined) throw badInput("--link needs a name.", "Give --name, such as phone-lab.");
  const browser = browserBackends.find((known) => known === backend);
  if (browser === undefined && backend !== undefined)
    throw badInput(`No browser has the backend ${backend}.`, `Give one of ${browserBackends.join(", ")}.`);
  await printDeviceLink(ctx, { name, backend: browser });
}

async function openDevice(options: Options): Promise<DeviceBackend | WholeDevice> {
  const { run: command, threads, meter, backend = "onnxruntime" } = options;
  const objectives = (options.objective ?? []).map(objectiveOf);
  if (command !== undefined) {
    if (objectives.length === 0)
      throw badInput(
        "--run needs what the program prints.",
        "Give --objective NAME:UNIT, such as cost:cents.",
      );
    if (options.backend !== undefined || threads !== undefined || meter !== undefined)
      throw badInput("--run measures itself.", "Leave out --backend, --threads and --meter.");
    const { openProgram } = await import("../../device/backends/program.ts");
    return openProgram({ command, objectives, limitSeconds: options.runSeconds });
  }
  if (objectives.length > 0 || options.runSeconds !== undefined)
    throw badInput("--objective and --run-seconds are for a program.", "Give --run COMMAND, too.");
  const known = nodeBackendNames.find((one) => one === backend);
  if (known === undefined)
    throw badInput(
      `Only a browser has the backend ${backend}.`,
      "Give --link, too, and open the link there.",
    );
  return nodeBackends[known]({ threads, meter }).catch((error: unknown) => {
    throw new CliError(
      `The backend ${backend} cannot be had: ${reasonOf(error)}`,
      "`nasturtium doctor` says what of this machine works.",
    );
  });
}

function objectiveOf(text: string): DeviceObjective {
  const [name, ...unit] = text.split(":");
  const parsed = deviceObjectiveSchema.safeParse({ name, unit: unit.join(":") });
  if (parsed.success) return parsed.data;
  throw badInput(`"${text}" is no objective.`, "Give its name and unit, such as cost:cents.");
}

async function measureOnce(ctx: Context, source: string, options: Options): Promise<void> {
  const genotype = await readGenotype(source);
  const skeleton = skeletonOf(genotype);
  if (skeleton === "positions") throw badInput("A genotype of a table has no network.", "Give one of cells.");
  const { image, classes } = datasetFacts[options.dataset];
  const { channels, layers, stem, batch } = options;
  const hash = canonicalHash(genotype, { skeleton, inputs: skeleton === "cells" ? 2 : 1 });
  const subject: NetworkSubject = {
    ...{ key: hash, kind: "network", genotype, hash, skeleton, stem, channels, layers, classes, image },
  };
  const { measureSubject } = await import("../../device/measure.ts");
  const opened = await openDevice(options);
  const names = opened.objectives.map(({ name }) => name);
  const settings = { ...networkSettings, batchSize: batch };
  const { values, failure } = await measureSubject(opened, subject, names, settings, { signal: ctx.signal });
  if (failure !== undefined && Object.values(values).every((value) => value === null))
    throw new CliError(`It could not be measured: ${failure}.`, "");
  const conditions = await opened.conditions();
  if (failure !== undefined) ctx.log(failure);
  const { facts: backend, fingerprint } = opened;
  ctx.print(
    {
      hash,
      network: { channels, layers, stem, dataset: options.dataset, batchSize: batch },
      values,
      failure,
      backend,
      fingerprint,
      conditions,
    },
    `${tableOf(opened, values)}\n${machineOf(opened)}`,
  );
}

function tableOf({ objectives }: Pick<DeviceBackend, "objectives">, values: SubjectResult["values"]): string {
  const rows = objectives.map(({ name, unit }) => {
    const value = values[name];
    return value
      ? { what: name, ...textsOf(value), unit, samples: value.samples, outliers: value.outliers }
      : { what: name, median: "-", interval: "", unit, samples: "", outliers: "" };
  });
  const heads = {
    what: "",
    median: "median",
    interval: "95 % interval",
    unit: "",
    samples: "samples",
    outliers: "outliers",
  };
  return textTable(rows, heads);
}

const DIGITS = 4;
const shown = (value: number): string =>
  Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(DIGITS)));
const textsOf = ({ median, low, high }: Measured) => ({
  median: shown(median),
  interval: low === high ? "" : `${shown(low)} to ${shown(high)}`,
});

function machineOf(opened: DeviceBackend | WholeDevice): string {
  const { facts, fingerprint } = opened;
  const versions = Object.entries(facts.versions).map(([name, version]) => `${name} ${version}`);
  const threads = `${facts.threads} ${facts.threads === 1 ? "thread" : "threads"}`;
  const { processor, cores, gpu, platform, runtime } = fingerprint;
  const machine = [processor, `${cores} cores`, ...(gpu === null ? [] : [gpu]), platform, runtime];
  return [`${facts.name} (${[...versions, threads].join(", ")})`, machine.join(", "), energyOf(opened)].join(
    "\n",
  );
}

const energyOf = (opened: DeviceBackend | WholeDevice): string =>
  !("energy" in opened)
    ? "Measured by the program."
    : opened.energy === null
      ? "No energy: neither RAPL nor NVIDIA's driver can be read here; --meter takes one of your own."
      : `Energy by ${opened.energy.name}.`;

async function workFor(ctx: Context, options: Options): Promise<void> {
  const { edge, token } = ctx.client();
  if (token === undefined)
    throw badInput(
      "A device needs a token.",
      "Create one: `nasturtium tokens create --scope device --name NAME`.",
    );
  const name = options.name ?? hostname().toLowerCase();
  const named = registerDeviceSchema.shape.name.safeParse(name);
  if (!named.success)
    throw badInput(`"${name}" cannot name a device.`, "Give --name: lower-case letters, digits and hyphens.");
  const { runDevice } = await import("../../device/worker.ts");
  const opened = await openDevice(options);
  ctx.log(`${name}: ${machineOf(opened).replaceAll("\n", "; ")}`);
  let step: ReturnType<Context["progress"]> | undefined;
  let waits = false;
  const reported = await runDevice({
    edge,
    token,
    name,
    device: opened,
    untilIdle: options.untilIdle,
    signal: ctx.signal,
    onRetry: (reason, pauseMs) =>
      ctx.log(`${edge}: ${reason}; trying again in ${(pauseMs / 1000).toFixed(1)} s.`),
    onDropped: (reason) => ctx.log(`A task was dropped: ${reason}`),
    onIdle() {
      if (!waits && options.untilIdle !== true) ctx.log("Nothing to measure now; waiting.");
      waits = true;
    },
    onProgress({ done, total, last }) {
      waits = false;
      step ??= ctx.progress("Measuring", total);
      step.update(done, noteOf(last), total);
      if (done < total) return;
      step.finish(noteOf(last));
      step = undefined;
    },
  }).catch((error: unknown) => {
    throw refusalOf(error);
  });
  ctx.print({ done: true, reported }, `The device has ended; ${reported} results were reported.`);
}

function noteOf(last: SubjectResult | undefined): string {
  if (last === undefined) return "";
  const [first] = Object.entries(last.values).flatMap(([name, value]) =>
    value === null ? [] : [`${name} ${shown(value.median)}`],
  );
  return first ?? last.failure?.slice(0, 60) ?? "";
}

function refusalOf(error: unknown): unknown {
  if (error instanceof EdgeUnreachable)
    return new CliError(error.message, "Check the edge and start the device again.", exitCodes.unreachable);
  if (!(error instanceof EdgeError)) return error;
  const { status, isProtocolMismatch, type } = error;
  const code: ExitCode = isProtocolMismatch
    ? exitCodes.protocolMismatch
    : status === 401 || status === 403
      ? exitCodes.unauthorised
      : exitCodes.failed;
  return new CliError(error.message, type === "" ? "" : `See ${type} in the API's documentation.`, code);
}
