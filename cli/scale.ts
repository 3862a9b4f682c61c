/** Architectures of a search at several sizes: what each network costs, counted here, and what its training reached. */

import { factsOf } from "../shared/datasets.ts";
import { type Genotype, printGenotype } from "../shared/genotype.ts";
import { type CellSize, costAt, isSameSize, networkError, trainedSize } from "../shared/scaling.ts";
import type { Specification } from "../shared/specification.ts";
import { accuracyStandardError } from "../shared/statistics.ts";
import { finishedStates, type Training } from "./api.ts";
import { frontPlot, type Point, pointsOf } from "./frontText.ts";
import { textTable } from "./table.ts";

export interface NamedGenotype {
  hash: string;
  genotype: Genotype;
}

/** One architecture at one size. */
export interface SizedRow extends CellSize {
  hash: string;
  text: string;
  /** As in the API's lists: a network of another size is never a point of the search. */
  source: "search" | "scaling";
  /** Counted from the network's description; null where it does not see its image. */
  counted: { parameters: number; macs: number; activationBytes: number } | null;
  /** The newest completed final training of this size, else the newest that is not over, else the newest. */
  training: {
    id: string;
    state: string;
    steps: number | null;
    /** On the test images, in percent, as its standard error. */
    testAccuracy: number | null;
    standardError: number | null;
  } | null;
}

/** Every pair of channels and layers, without repetition. */
export const sizesOf = (channels: readonly number[], layers: readonly number[]): CellSize[] =>
  [...new Set(channels)].flatMap((width) =>
    [...new Set(layers)].map((depth) => ({ channels: width, layers: depth })),
  );

/** The sizes other than the search's own that final trainings were started at, by architecture. */
export function startedSizes(
  trainings: readonly Training[],
  specification: Specification,
): Map<string, CellSize[]> {
  const own = trainedSize(specification);
  const sizes = new Map<string, CellSize[]>();
  for (const { hash, purpose, recipe } of trainings) {
    const size = trainedSize(specification, recipe);
    const known = sizes.get(hash) ?? [];
    if (purpose !== "final" || isSameSize(size, own) || known.some((other) => isSameSize(other, size)))
      continue;
    sizes.set(hash, [...known, size]);
  }
  return sizes;
}

/**
 * A row for each size, and one for the search's own, smallest first.
 *
 * @param trainings of the search, newest first
 */
export function sizedRows(
  { hash, genotype }: NamedGenotype,
  sizes: readonly CellSize[],
  specification: Specification,
  trainings: readonly Training[],
): SizedRow[] {
  const own = trainedSize(specification);
  const others = sizes.filter((size) => !isSameSize(size, own));
  return [own, ...others]
    .toSorted((a, b) => a.channels - b.channels || a.layers - b.layers)
    .map((size) => ({
      hash,
      text: printGenotype(genotype),
      source: isSameSize(size, own) ? "search" : "scaling",
      ...size,
      counted: countedAt(genotype, specification, size),
      training: trainingAt(hash, size, specification, trainings),
    }));
}

function countedAt(genotype: Genotype, specification: Specification, size: CellSize): SizedRow["counted"] {
  if (networkError(genotype, specification, size, "") !== undefined) return null;
  const { parameters, macs, activationBytes } = costAt(genotype, specification, size);
  return { parameters, macs, activationBytes };
}

function trainingAt(
  hash: string,
  size: CellSize,
  specification: Specification,
  trainings: readonly Training[],
): SizedRow["training"] {
  const here = trainings.filter(
    (training) =>
      training.hash === hash &&
      training.purpose === "final" &&
      isSameSize(trainedSize(specification, training.recipe), size),
  );
  const found =
    here.find(({ state }) => state === "completed") ??
    here.find(({ state }) => !finishedStates.includes(state)) ??
    here[0];
  if (found === undefined) return null;
  const { id, state, report } = found;
  const testAccuracy = report?.testAccuracy ?? null;
  const standardError = accuracyStandardError(testAccuracy, factsOf(specification.dataset).testImages);
  return { id, state, steps: report?.steps ?? null, testAccuracy, standardError };
}

/** Whether a training is to be started: there is a network, and its training is neither done nor under way. */
export const isUntrained = ({ counted, training }: SizedRow): boolean =>
  counted !== null && (training === null || ["failed", "cancelled"].includes(training.state));

const columns = {
  hash: "HASH",
  channels: "CHANNELS",
  layers: "LAYERS",
  parameters: "PARAMETERS",
  macs: "MULTIPLY-ADDS",
  activationBytes: "ACTIVATION BYTES",
  testAccuracy: "TEST ACCURACY",
  standardError: "±",
  steps: "STEPS",
  note: "",
};

/** The rows as a table that says what of it is counted and what is measured. */
export function sizedTable(rows: readonly SizedRow[]): string {
  const table = textTable(
    rows.map(({ hash, channels, layers, counted, training, ...row }) => ({
      hash,
      channels,
      layers,
      ...counted,
      testAccuracy: training?.testAccuracy,
      standardError: training?.standardError,
      steps: training?.steps,
      note: noteOf({ counted, training, ...row }),
    })),
    columns,
  );
  return `${table}\n\n${legend}`;
}

const legend =
  "Parameters, multiply-adds and activation bytes of one image are counted, not measured. Test accuracies are of final trainings of that size.";

function noteOf({ source, counted, training }: Pick<SizedRow, "source" | "counted" | "training">): string {
  const notes = [
    ...(source === "search" ? ["the search's own size"] : []),
    ...(counted === null ? ["does not see its image"] : []),
    ...(training !== null && training.state !== "completed" ? [training.state] : []),
  ];
  return notes.join(", ");
}

/** Test accuracy over parameters; an empty text while nothing is trained at another size. */
export function sizedPlot(rows: readonly SizedRow[]): string {
  const plot = frontPlot(trainedPoints(rows, "scaling"), trainedPoints(rows, "search"));
  return plot === "" ? "" : `${plot}\n● other sizes  · the search's own size`;
}

const trainedPoints = (rows: readonly SizedRow[], source: SizedRow["source"]): Point[] =>
  pointsOf(
    rows
      .filter((row) => row.source === source)
      .map(({ counted, training }) => ({
        values: { accuracy: training?.testAccuracy ?? null, parameters: counted?.parameters ?? null },
      })),
  );
