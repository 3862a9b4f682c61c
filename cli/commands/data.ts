/** `nasturtium data`: data of one's own, from a folder to the edge. */

import path from "node:path";
import { z } from "zod";
import type { OwnData } from "../../gpu-runner/data/ownData.ts";
import { isBuiltIn } from "../../shared/datasets.ts";
import { nameSchema } from "../../shared/specification.ts";
import { type CommandRow, type Context, integer, type OptionRow } from "../command.ts";
import { datasetText, megabytes, reportText } from "../dataText.ts";
import { badInput } from "../errors.ts";
import { duration, type Step } from "../progress.ts";
import { datasetPath, pushData, pushedSchema } from "../pushData.ts";
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

const rowSchema = z.looseObject({
  name: z.string(),
  state: z.string(),
  image: z.looseObject({ height: z.number(), width: z.number(), channels: z.number() }),
  classes: z.number(),
  trainImages: z.number(),
  testImages: z.number(),
  bytes: z.number(),
});

export const data: CommandRow[] = [
  {
    name: "data push",
    args: "<folder>",
    description: "store images of your own at the edge, for searches to train on",
    options: [
      {
        flags: "--name <name>",
        description: "what a specification calls it",
        required: true,
        parse: parseName,
      },
      ...readingOptions,
    ],
    async run(ctx, [folder = ""], options) {
      const client = ctx.client();
      // Before minutes of reading: is the edge there, and is the token good?
      await client.send("/v1/datasets?limit=1");
      const own = await readFolder(ctx, folder, options);
      const { pack } = await import("../../gpu-runner/data/shards.ts");
      const name = options.name as string;
      const packed = pack(name, own);
      const step = estimatedStep(ctx, "Sending MB");
      let isSending = false;
      try {
        const { dataset, shards, bytes } = await pushData(client, packed, (sent, total) => {
          isSending = true;
          step.update(tenths(sent / 1e6), tenths(total / 1e6));
        });
        step.finish();
        const done =
          shards === 0
            ? `${name} is there already: nothing was sent.`
            : `Pushed ${name}: ${megabytes(bytes)} in ${shards} ${shards === 1 ? "shard" : "shards"}.`;
        ctx.print(
          { dataset, report: own.report, sentShards: shards, sentBytes: bytes },
          [
            reportText(own.report),
            "",
            done,
            `Search on it: write \`dataset: { name: ${name} }\` in a specification, then \`nasturtium profile SPEC\`.`,
          ].join("\n"),
        );
      } catch (error) {
        step.finish("stopped");
        if (isSending) ctx.log("What was sent is kept: the same command goes on with the rest.");
        throw error;
      }
    },
  },
  {
    name: "data check",
    args: "<folder>",
    description: "read images of your own and report what was found; nothing is sent",
    options: readingOptions,
    async run(ctx, [folder = ""], options) {
      const { report } = await readFolder(ctx, folder, options);
      ctx.print(
        report,
        `${reportText(report)}\n\nPush it: nasturtium data push ${path.normalize(folder)} --name NAME`,
      );
    },
  },
  {
    name: "data list",
    description: "list pushed data sets",
    async run(ctx) {
      const rows = await ctx.client().all("/v1/datasets", rowSchema);
      ctx.print(
        { data: rows },
        rows.length === 0
          ? "Nothing is pushed yet: nasturtium data push FOLDER --name NAME"
          : textTable(
              rows.map(({ image: { height, width, channels }, bytes, ...row }) => ({
                ...row,
                size: `${height}x${width}x${channels}`,
                bytes: megabytes(bytes),
              })),
              {
                name: "NAME",
                state: "STATE",
                size: "SIZE",
                classes: "CLASSES",
                trainImages: "TRAIN",
                testImages: "TEST",
                bytes: "BYTES",
              },
            ),
      );
    },
  },
  {
    name: "data show",
    args: "<name>",
    description: "show a pushed data set",
    async run(ctx, [name = ""]) {
      const dataset = await ctx.client().json(datasetPath(name), pushedSchema);
      ctx.print(dataset, datasetText(dataset));
    },
  },
  {
    name: "data delete",
    args: "<name>",
    description: "delete a pushed data set that no unfinished search uses",
    async run(ctx, [name = ""]) {
      await ctx.client().send(datasetPath(name), { method: "DELETE" });
      ctx.print({ name, deleted: true }, `Data set ${name} is deleted.`);
    },
  },
];

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
