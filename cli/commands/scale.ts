/** `nasturtium scale`: architectures of a search at other widths and depths, counted here and trained on request. */

import { isBuiltIn } from "../../shared/datasets.ts";
import { pushedFactsOf } from "../../shared/pushedDataset.ts";
import { type CellSize, isSameSize, sizeError, trainedSize } from "../../shared/scaling.ts";
import { largestSize, type Specification } from "../../shared/specification.ts";
import { didYouMean } from "../../shared/suggest.ts";
import { isTable } from "../../shared/tabular.ts";
import { listTrainings, readFront, readSearch, startTraining, type Training } from "../api.ts";
import type { EdgeClient } from "../client.ts";
import { type CommandRow, integer } from "../command.ts";
import { badInput, NotFoundError } from "../errors.ts";
import { readDataset } from "../pushData.ts";
import {
  isUntrained,
  type NamedGenotype,
  type SizedRow,
  sizedPlot,
  sizedRows,
  sizedTable,
  sizesOf,
  startedSizes,
} from "../scale.ts";

/** Of the front, unless architectures are named. */
const MOST_ARCHITECTURES = 8;

export const scale: CommandRow = {
  name: "scale",
  args: "<search> [hash...]",
  description:
    "build architectures of a search at other widths and depths: count them, and train them with --train",
  options: [
    {
      flags: "--channels <list>",
      description: "channels of the first cells, such as 8,16,32 (default: the search's own)",
      parse: wholeNumbers("--channels", largestSize.channels, "8,16,32"),
    },
    {
      flags: "--layers <list>",
      description: "cells, such as 8,20 (default: the search's own)",
      parse: wholeNumbers("--layers", largestSize.layers, "8,20"),
    },
    { flags: "--train", description: "start a final training of every size that has none" },
    { flags: "--plot", description: "also draw test accuracy over parameters" },
  ],
  async run(ctx, [id = "", ...hashes], options) {
    const client = ctx.client();
    const specification = await specificationOf(client, id);
    const asked = askedSizes(specification, options);
    if (asked === null && options.train === true)
      throw badInput("--train needs sizes to train at.", "Name them, such as --channels 8,16,32.");
    const trainings = await listTrainings(client, id);
    const started = startedSizes(trainings, specification);
    if (asked === null && started.size === 0) {
      ctx.print(
        { data: [], started: [] },
        `Nothing of ${id} is trained at another size. Name sizes: nasturtium scale ${id} --channels 8,16,32`,
      );
      return;
    }
    const named = asked === null && hashes.length === 0 ? [...started.keys()] : hashes;
    const architectures = await architecturesOf(client, id, named);
    const rowsOf = (known: readonly Training[]) =>
      architectures.flatMap((architecture) =>
        sizedRows(architecture, asked ?? started.get(architecture.hash) ?? [], specification, known),
      );
    const rows = rowsOf(trainings);
    if (options.train !== true) {
      ctx.print({ data: rows, started: [] }, textOf(rows, options));
      return;
    }
    const wanted = rows.filter((row) => asked?.some((size) => isSameSize(size, row)));
    const created = await startTrainings(client, id, wanted.filter(isUntrained));
    const now = rowsOf([...created, ...trainings]);
    ctx.print(
      { data: now, started: created.map((training) => training.id) },
      `${textOf(now, options)}\n\n${startedText(id, created.length, wanted)}`,
    );
  },
};

/** Parses a list of whole numbers from 1 to `maximum`. */
function wholeNumbers(flag: string, maximum: number, example: string): (text: string) => number[] {
  return (text) =>
    text.split(",").map((part) => {
      try {
        return integer(flag, 1, maximum)(part);
      } catch {
        throw badInput(
          `${flag} is a list of whole numbers, 1 to ${maximum}; "${part.trim()}" in "${text}" is none.`,
          `Write it as ${flag} ${example}.`,
        );
      }
    });
}

/** The specification with what must be known of its data set. */
async function specificationOf(client: EdgeClient, id: string): Promise<Specification> {
  const { specification } = await readSearch(client, id);
  if (specification.evaluation.kind === "tabular")
    throw badInput(
      `${id} searched a table, which knows no networks of other sizes.`,
      "Scale architectures of a search with evaluation: { kind: supernet }.",
    );
  const { name } = specification.dataset;
  if (isBuiltIn(name)) return specification;
  const facts = pushedFactsOf(await readDataset(client, name));
  if (isTable(facts)) throw badInput(`"${name}" is a table, not images.`, "Push the images again.");
  return { ...specification, dataset: { name, facts } };
}

/** Null where no size is named. */
function askedSizes(specification: Specification, options: Record<string, unknown>): CellSize[] | null {
  const { channels, layers } = options as { channels?: number[]; layers?: number[] };
  if (channels === undefined && layers === undefined) return null;
  const own = trainedSize(specification);
  const sizes = sizesOf(channels ?? [own.channels], layers ?? [own.layers]);
  for (const size of sizes) {
    const error = sizeError(specification, size, "");
    if (error !== undefined) throw badInput(error.detail, `Change --${error.pointer.slice(1)}.`);
  }
  return sizes;
}

/** Those named, else the first of the front. */
async function architecturesOf(
  client: EdgeClient,
  id: string,
  hashes: readonly string[],
): Promise<NamedGenotype[]> {
  if (hashes.length === 0) {
    const front = await readFront(client, id, { limit: MOST_ARCHITECTURES });
    if (front.length === 0)
      throw badInput(`The front of ${id} is empty so far.`, "Name architectures by their hash.");
    return front;
  }
  const found: NamedGenotype[] = [];
  for (const hash of new Set(hashes)) found.push(await architectureOf(client, id, hash));
  return found;
}

async function architectureOf(client: EdgeClient, id: string, hash: string): Promise<NamedGenotype> {
  try {
    return await client.json(client.v1.searches[":id"].architectures[":hash"].$get({ param: { id, hash } }), [
      "hash",
      "genotype",
    ]);
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
    const front = await readFront(client, id);
    throw badInput(
      `"${hash}" is no architecture of ${id}.`,
      didYouMean(
        hash,
        front.map((row) => row.hash),
      ),
    );
  }
}

async function startTrainings(
  client: EdgeClient,
  id: string,
  rows: readonly SizedRow[],
): Promise<Training[]> {
  const created: Training[] = [];
  for (const { hash, channels, layers } of rows) {
    created.push(await startTraining(client, id, { hash, recipe: { channels, layers } }));
  }
  return created;
}

const textOf = (rows: readonly SizedRow[], options: Record<string, unknown>): string =>
  [options.plot === true ? sizedPlot(rows) : "", sizedTable(rows)].filter((text) => text !== "").join("\n");

function startedText(id: string, started: number, wanted: readonly SizedRow[]): string {
  const cut = wanted.filter(({ counted }) => counted === null).length;
  const had = wanted.length - cut - started;
  const left = [
    ...(had > 0 ? [`${had} had one already`] : []),
    ...(cut > 0 ? [`${cut} would not see the image`] : []),
  ];
  const trainings = started === 1 ? "1 training" : `${started} trainings`;
  const next =
    started > 0
      ? ` A runner trains them: nasturtium runner. Then again: nasturtium scale ${id}`
      : ` What there is: nasturtium scale ${id}`;
  return `Started ${trainings}${left.length > 0 ? ` (${left.join(", ")})` : ""}.${next}`;
}
