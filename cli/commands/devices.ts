/** `nasturtium devices`: what measures, and how well it is predicted. */

import { setTimeout as sleep } from "node:timers/promises";
import type { InferResponseType } from "hono/client";
import { predictableNames } from "../../shared/objectives.ts";
import {
  deviceObjectivesOf,
  type SpecificationInput,
  specificationSchema,
} from "../../shared/specification.ts";
import type { EdgeClient } from "../client.ts";
import { type CommandRow, type Context, repeated } from "../command.ts";
import { badInput, CliError, exitCodes } from "../errors.ts";
import { createProgress, duration } from "../progress.ts";
import { readSpecification } from "../specificationFile.ts";
import { textTable } from "../table.ts";

type OfDevice = EdgeClient["v1"]["devices"][":name"];
type Device = InferResponseType<OfDevice["$get"]>;
export type Calibration = InferResponseType<OfDevice["calibrations"]["$post"]>;

const askAgainMs = 2000;
/** A device that has done nothing for so long is not there. */
const patienceMs = 120_000;

export const devices: CommandRow[] = [
  {
    name: "devices list",
    description: "list the devices that measure",
    async run(ctx) {
      const client = ctx.client();
      const rows = await client.all(
        (query) => client.v1.devices.$get({ query }),
        ["name", "kind", "backend", "objectives", "state", "problem", "waiting", "conditions", "seenAt"],
      );
      ctx.print({ data: rows }, rows.length === 0 ? noDevices : tableOf(rows));
    },
  },
  {
    name: "devices endpoint",
    args: "<url>",
    description: "add an HTTPS endpoint that answers an architecture's values, and print its secret, once",
    options: [
      { flags: "--name <name>", description: "as specifications call it", required: true },
      {
        flags: "--objective <name:unit>",
        description: "what it answers, such as cost:cents; may be repeated",
        parse: repeated,
        required: true,
      },
    ],
    async run(ctx, [url = ""], options) {
      const objectives = (options.objective as string[]).map(parseObjective);
      const client = ctx.client();
      const json = { name: String(options.name), url, objectives };
      const created = await client.json(client.v1.endpoints.$post({ json }), ["name", "secret"]);
      const lines = [`Device     ${created.name}`, `Secret     ${created.secret}`, "", keepIt];
      ctx.print(created, lines.join("\n"));
    },
  },
  {
    name: "devices calibrate",
    args: "<specification>",
    description:
      "have the devices that a specification names measure its space's operations, and wait for it",
    options: [{ flags: "--again", description: "also where they have done so before" }],
    async run(ctx, [file = ""], options) {
      const all = await calibrateFor(ctx, file, await readSpecification(file), options.again === true);
      ctx.print({ data: all }, all.map(calibrationText).join("\n\n"));
    },
  },
  {
    name: "devices release",
    args: "<name>",
    description: "believe a device again that was quarantined",
    async run(ctx, [name = ""]) {
      const client = ctx.client();
      const device = await client.json(client.v1.devices[":name"].release.$post({ param: { name } }), [
        "name",
        "state",
      ]);
      ctx.print(device, `${device.name} is ${device.state}.`);
    },
  },
  {
    name: "devices remove",
    args: "<name>",
    description: "remove a device and what it was calibrated for; searches go on without it",
    async run(ctx, [name = ""]) {
      await ctx.client().v1.devices[":name"].$delete({ param: { name } });
      ctx.print({ removed: name }, `${name} is removed.`);
    },
  },
];

const noDevices =
  "No device measures for this edge. Start one: `nasturtium device --name NAME`, or `nasturtium device --link --name NAME` for a phone.";
const keepIt =
  "Check the signature of its requests with the secret; it is not shown again. Name the device in an objective.";

function tableOf(
  rows: readonly Pick<
    Device,
    "name" | "backend" | "objectives" | "state" | "problem" | "waiting" | "conditions" | "seenAt"
  >[],
): string {
  return textTable(
    rows.map(({ name, backend, objectives, state, problem, waiting, conditions, seenAt }) => ({
      name,
      backend: backend.name,
      measures: objectives.map(({ name: objective, unit }) => `${objective} (${unit})`).join(", "),
      state: problem === null ? state : `${state}: ${problem}`,
      waiting,
      conditions: conditionsText(conditions),
      seenAt: seenAt ?? "never",
    })),
    {
      name: "NAME",
      backend: "BACKEND",
      measures: "MEASURES",
      state: "STATE",
      waiting: "WAITING",
      conditions: "WHEN LAST MEASURED",
      seenAt: "LAST SEEN",
    },
  );
}

function conditionsText(conditions: Device["conditions"]): string {
  if (conditions === null) return "";
  const { temperatureCelsius, isThrottled } = conditions;
  const parts = [
    ...(isThrottled === true ? ["THROTTLED"] : []),
    ...(temperatureCelsius === null ? [] : [`${temperatureCelsius.toFixed(0)} °C`]),
  ];
  return parts.join(", ");
}

/** @example parseObjective("cost:cents") // { name: "cost", unit: "cents" } */
export function parseObjective(text: string): { name: string; unit: string } {
  const [name, unit, ...rest] = text.split(":");
  if (name && unit && rest.length === 0) return { name, unit };
  throw badInput(
    `--objective ${text} is not a name and a unit.`,
    "Write it as --objective cost:cents or --objective latency:ms.",
  );
}

/** What is measured of a space before a search of it; a device's other objectives are measured in the search. */
export const calibratedObjectivesOf = (input: SpecificationInput) =>
  deviceObjectivesOf(specificationSchema.parse(input)).filter(({ name }) => predictableNames.includes(name));

/** Calibrates the devices that a specification names, and waits. Throws CliError where one does nothing. */
export async function calibrateFor(
  ctx: Context,
  file: string,
  input: SpecificationInput,
  again = false,
): Promise<Calibration[]> {
  const names = new Set(calibratedObjectivesOf(input).map(({ device }) => device));
  if (names.size === 0)
    throw badInput(
      `${file} names no device with latency or energy, which are what is measured before a search.`,
      "Add an objective such as { name: latency, device: NAME, goal: minimize }.",
    );
  const client = ctx.client();
  const all: Calibration[] = [];
  for (const name of names) {
    const ask = (anew: boolean) =>
      client.json(
        client.v1.devices[":name"].calibrations.$post({
          param: { name },
          query: { again: anew ? "true" : "false" },
          json: input,
        }),
        ["state", "waiting", "quality", "ranges"],
      );
    all.push(await waitFor(ctx, name, ask, again));
  }
  return all;
}

async function waitFor(
  ctx: Context,
  name: string,
  ask: (again: boolean) => Promise<Calibration>,
  again: boolean,
): Promise<Calibration> {
  let calibration = await ask(again);
  const total = calibration.waiting;
  const step = calibration.state === "measuring" ? createProgress()(`Calibrate ${name}`, total) : null;
  let movedAt = Date.now();
  while (calibration.state === "measuring") {
    await sleep(askAgainMs, undefined, { signal: ctx.signal });
    const next = await ask(false);
    if (next.waiting !== calibration.waiting) movedAt = Date.now();
    calibration = next;
    step?.update(total - next.waiting);
    if (Date.now() - movedAt > patienceMs)
      throw new CliError(
        `${name} has measured nothing for ${duration(patienceMs / 1000)}.`,
        `Start it: \`nasturtium device --name ${name}\`. What it measured is kept.`,
        exitCodes.failed,
      );
  }
  step?.finish();
  return calibration;
}

export function calibrationText({ device, state, failure, seconds, quality, ranges }: Calibration): string {
  const took = seconds === null ? "" : `, ${duration(seconds)} of its time`;
  const rows = Object.entries(ranges).map(([objective, { networks, ...range }]) => ({
    objective: `${objective}.${device}`,
    ...range,
    tau: quality[objective]?.kendallTau,
    error: quality[objective]?.medianErrorPercent,
    isUsed: quality[objective]?.isUsed === true ? "predicted" : "measured one by one",
    of: networks === undefined ? "the space" : `${networks} measured networks`,
  }));
  const columns = {
    objective: "OBJECTIVE",
    minimum: "MINIMUM",
    median: "MEDIAN",
    maximum: "MAXIMUM",
    tau: "KENDALL TAU",
    error: "MEDIAN ERROR, %",
    isUsed: "CANDIDATES ARE",
    of: "RANGE OF",
  };
  return [
    `${device}: ${state}${took}${failure === null ? "" : `: ${failure}`}`,
    ...(rows.length > 0 ? [textTable(rows, columns)] : []),
  ].join("\n");
}
