/** `nasturtium data`: data of one's own, images from a folder or a table from a file, to the edge. */

import { stat } from "node:fs/promises";
import path from "node:path";
import type { InferResponseType } from "hono/client";
import type { OwnData } from "../../gpu-runner/data/ownData.ts";
import type { Packed } from "../../gpu-runner/data/shards.ts";
import { isBuiltIn } from "../../shared/datasets.ts";
import { nameSchema } from "../../shared/specification.ts";
import type { EdgeClient } from "../client.ts";
import { type CommandRow, type Context, integer, type OptionRow } from "../command.ts";
import { datasetText, megabytes, reportText, tableReport } from "../dataText.ts";
import { badInput } from "../errors.ts";
import { duration, type Step } from "../progress.ts";
import { pushData, readDataset, type Sent } from "../pushData.ts";
import { textTable } from "../table.ts";

const TEST_FRACTION = 0.2;
const SEED = 1;

const readingOptions: OptionRow[] = [
  { flags: "--size <HxW>", description: "scale and crop every image to this, e.g. 32x32", parse: parseSize },
  {
    flags: "--test-fraction <share>",
    description: "share of each class to test on, where the data has no test images of its own",
    default: TEST_FRACTION,
    parse: parseFraction,
  },
  {
    flags: "--seed <n>",
    description: "decides which images those are",
    default: SEED,
    parse: integer("--seed", 0),
  },
  { flags: "--skip-unreadable", description: "leave out images that cannot be read" },
];

type PushedRow = InferResponseType<EdgeClient["v1"]["datasets"]["$get"]>["data"][number];

export const data: CommandRow[] = [
  {
    name: "data push",
    args: "<folder-or-table>",
    description: "store images of your own, or a table (a CSV, gzipped or not), at the edge for searches",
    options: [
      {
        flags: "--name <name>",
        description: "what a specification calls it",
        required: true,
        parse: parseName,
      },
      ...readingOptions,
    ],
    async run(ctx, [source = ""], options) {
      const client = ctx.client();
      // Before minutes of reading: is the edge there, and is the token good?
      await client.v1.datasets.$get({ query: { limit: 1 } });
      const name = options.name as string;
      const { packed, report, text, next } = await readSource(ctx, source, name, options);
      const { dataset, shards, bytes } = await send(ctx, client, packed);
      const done =
        shards === 0
          ? `${name} is there already: nothing was sent.`
          : `Pushed ${name}: ${megabytes(bytes)} in ${shards} ${shards === 1 ? "shard" : "shards"}.`;
      ctx.print({ dataset, report, sentShards: shards, sentBytes: bytes }, [text, "", done, next].join("\n"));
    },
  },
  {
    name: "data check",
    args: "<folder-or-table>",
    description: "read images of your own, or a table, and report what was found; nothing is sent",
    options: readingOptions,
    async run(ctx, [source = ""], options) {
      const { report, text } = await readSource(ctx, source, "checked", options);
      ctx.print(report, `${text}\n\nPush it: nasturtium data push ${path.normalize(source)} --name NAME`);
    },
  },
  {
    name: "data list",
    description: "list what is pushed",
    async run(ctx) {
      const client = ctx.client();
      const rows = await client.all(
        (query) => client.v1.datasets.$get({ query }),
        ["kind", "name", "state", "bytes"],
      );
      ctx.print(
        { data: rows },
        rows.length === 0 ? "Nothing is pushed yet: nasturtium data push FOLDER --name NAME" : listText(rows),
      );
    },
  },
  {
    name: "data show",
    args: "<name>",
    description: "show what is pushed under a name",
    async run(ctx, [name = ""]) {
      const dataset = await readDataset(ctx.client(), name);
      ctx.print(dataset, datasetText(dataset));
    },
  },
  {
    name: "data delete",
    args: "<name>",
    description: "delete pushed data that no unfinished search uses",
    async run(ctx, [name = ""]) {
      await ctx.client().v1.datasets[":name"].$delete({ param: { name } });
      ctx.print({ name, deleted: true }, `Data set ${name} is deleted.`);
    },
  },
];

interface Source {
  packed: Packed;
  /** What was read, as JSON and as text. */
  report: unknown;
  text: string;
  /** What to do once it is pushed. */
  next: string;
}

/** A folder of images, or the file of a table. */
async function readSource(
  ctx: Context,
  source: string,
  name: string,
  options: Record<string, unknown>,
): Promise<Source> {
  if (await isTableFile(source)) return readTableSource(source, name);
  const { report, ...own } = await readFolder(ctx, source, options);
  const { pack } = await import("../../gpu-runner/data/shards.ts");
  return {
    packed: pack(name, own),
    report,
    text: reportText(report),
    next: `Search on it: write \`dataset: { name: ${name} }\` in a specification, then \`nasturtium profile SPEC\`.`,
  };
}

/** Images may be one file, too: an archive of NumPy. */
async function isTableFile(source: string): Promise<boolean> {
  if (/\.npz$/i.test(source)) return false;
  return (await stat(source).catch(() => undefined))?.isFile() ?? /\.csv(\.gz)?$/i.test(source);
}

async function readTableSource(file: string, name: string): Promise<Source> {
  const { packTable } = await import("../../gpu-runner/data/tableFile.ts");
  const { DataError } = await import("../../gpu-runner/data/files.ts");
  const { TableError } = await import("../../shared/table.ts");
  try {
    const packed = await packTable(name, file);
    const { columns, rows, bytes, digest } = packed.header;
    return {
      packed,
      report: { format: "table", columns, rows, bytes, digest, doubts: packed.doubts },
      text: tableReport({ columns, rows, bytes }, packed.doubts),
      next: `Search it: write \`evaluation: { kind: tabular, table: ${name}, architecture: COLUMN, reward: COLUMN }\` in a specification, then \`nasturtium profile SPEC\`.`,
    };
  } catch (error) {
    if (error instanceof DataError) throw badInput(error.problem, error.remedy);
    if (error instanceof TableError)
      throw badInput(`${file}: ${error.message}.`, "Correct the file and try again.");
    throw error;
  }
}

async function send(ctx: Context, client: EdgeClient, packed: Packed): Promise<Sent> {
  const step = estimatedStep(ctx, "Sending MB");
  let isSending = false;
  try {
    const sent = await pushData(client, packed, (bytes, total) => {
      isSending = true;
      step.update(tenths(bytes / 1e6), tenths(total / 1e6));
    });
    step.finish();
    return sent;
  } catch (error) {
    step.finish("stopped");
    if (isSending) ctx.log("What was sent is kept: the same command goes on with the rest.");
    throw error;
  }
}

const imageColumns = {
  name: "NAME",
  state: "STATE",
  size: "SIZE",
  classes: "CLASSES",
  trainImages: "TRAIN",
  testImages: "TEST",
  bytes: "BYTES",
};
const tableColumns = { name: "TABLE", state: "STATE", columns: "COLUMNS", rows: "ROWS", bytes: "BYTES" };

/** Images and tables have little in common, so they are listed apart. */
function listText(rows: readonly PushedRow[]): string {
  const images = rows.flatMap((row) => {
    if (row.kind !== "images") return [];
    const { height, width, channels } = row.image;
    const { name, state, classes, trainImages, testImages } = row;
    const size = `${height}x${width}x${channels}`;
    return [{ name, state, size, classes, trainImages, testImages, bytes: megabytes(row.bytes) }];
  });
  const tables = rows.flatMap((row) => {
    if (row.kind !== "table") return [];
    const { name, state, columns, rows: count } = row;
    return [{ name, state, columns, rows: count, bytes: megabytes(row.bytes) }];
  });
  const parts = [
    ...(images.length > 0 ? [textTable(images, imageColumns)] : []),
    ...(tables.length > 0 ? [textTable(tables, tableColumns)] : []),
  ];
  return parts.join("\n\n");
}

async function readFolder(ctx: Context, folder: string, options: Record<string, unknown>): Promise<OwnData> {
  const { readOwnData } = await import("../../gpu-runner/data/ownData.ts");
  const { DataError } = await import("../../gpu-runner/data/files.ts");
  let phase: { name: string; step: EstimatedStep } | undefined;
  try {
    const own = await readOwnData(folder, {
      size: options.size as { height: number; width: number } | undefined,
      testFraction: options.testFraction as number,
      seed: options.seed as number,
      skipUnreadable: options.skipUnreadable === true,
      progress(name, done, total) {
        ctx.signal.throwIfAborted();
        if (phase?.name !== name) {
          phase?.step.finish();
          phase = { name, step: estimatedStep(ctx, name) };
        }
        phase.step.update(done, total);
      },
    });
    phase?.step.finish();
    return own;
  } catch (error) {
    phase?.step.finish("stopped");
    if (error instanceof DataError) throw badInput(error.problem, error.remedy);
    throw error;
  }
}

interface EstimatedStep {
  update(done: number, total: number): void;
  finish(note?: string): void;
}

/** A step that says how long the rest takes, and is not shown before there is something to show. */
function estimatedStep(ctx: Context, label: string): EstimatedStep {
  const startMs = performance.now();
  let step: Step | undefined;
  return {
    update(done, total) {
      step ??= ctx.progress(label, total);
      const left = ((performance.now() - startMs) / 1000 / done) * (total - done);
      step.update(done, done < total && Number.isFinite(left) ? `${duration(left)} left` : "");
    },
    finish(note) {
      step?.finish(note);
    },
  };
}

const tenths = (value: number): number => Math.round(value * 10) / 10;

function parseName(text: string): string {
  const error = nameSchema.safeParse(text).error;
  if (error !== undefined)
    throw badInput(`"${text}" is no name for data.`, `Use ${error.issues[0]?.message}.`);
  if (isBuiltIn(text)) throw badInput(`"${text}" is the name of a built-in data set.`, "Choose another.");
  return text;
}

function parseSize(text: string): { height: number; width: number } {
  const [, height, width = height] = /^(\d{1,4})(?:x(\d{1,4}))?$/.exec(text) ?? [];
  const size = { height: Number(height), width: Number(width) };
  if (size.height > 0 && size.width > 0) return size;
  throw badInput(`--size is HEIGHTxWIDTH, not "${text}".`, "Write it as --size 32x32.");
}

function parseFraction(text: string): number {
  const share = Number(text);
  if (share > 0 && share < 1) return share;
  throw badInput(
    `--test-fraction is above 0 and below 1, not "${text}".`,
    "Write it as --test-fraction 0.2.",
  );
}
