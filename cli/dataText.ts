/** What was read of a data set, or what the edge holds of it, for people. */

import type { DataReport } from "../gpu-runner/data/ownData.ts";
import { type DatasetView, factsOfHeader, type ImagesView, type TableView } from "../shared/pushedDataset.ts";
import type { TableProblem } from "../shared/table.ts";
import { textTable } from "./table.ts";

/** Classes and files listed before the rest is only counted. */
const LISTED_CLASSES = 20;
const LISTED_FILES = 5;
const LISTED_DOUBTS = 20;

type Line = [label: string, text: string];
type ClassRow = { name: string; train: number; test: number };

const colours: Record<number, string> = { 1: "grey", 3: "colour" };

export function megabytes(bytes: number): string {
  return bytes < 100_000 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

export function reportText(report: DataReport): string {
  const { format, images, split, skipped, ignored, notes } = report;
  const how = split === null ? "" : ` (${100 * split.testFraction} % of each class, seed ${split.seed})`;
  const more = skipped.length > LISTED_FILES ? ", ..." : "";
  return linesText(
    [
      ["Format", format],
      ["Images", `${count(images.train)} to train on, ${count(images.test)} to test on${how}`],
      ...sharedLines({ ...report.size, ...report }),
      ...optional(
        skipped.length > 0,
        "Left out",
        `${skipped.length} that cannot be read: ${skipped.slice(0, LISTED_FILES).join(", ")}${more}`,
      ),
      ...optional(
        ignored > 0,
        "Ignored",
        `${ignored} that ${ignored === 1 ? "is no image" : "are no images"}`,
      ),
      ...notes.map((note): Line => ["Note", note]),
    ],
    report.classes,
  );
}

export const datasetText = (dataset: DatasetView): string =>
  dataset.kind === "table" ? tableLines(dataset) : imagesText(dataset);

/** What every kind of pushed data has. */
function storedLines({ name, state, missing, shards, createdAt }: DatasetView): Line[] {
  const left = `${missing.length} of ${shards.length} shards are missing`;
  return [
    ["Name", name],
    ["State", state === "complete" ? state : `${state}, ${left}`],
    ["Created", createdAt],
  ];
}

const tableLines = (table: TableView): string =>
  aligned([...storedLines(table), ...shapeLines(table), ["Digest", table.digest]]);

/** What is known of a table before a search says what its columns mean. */
export function tableReport(table: TableShape, doubts: readonly TableProblem[]): string {
  const shape = aligned(shapeLines(table));
  if (doubts.length === 0) return shape;
  const listed = doubts.slice(0, LISTED_DOUBTS);
  const rest = doubts.length - listed.length;
  return [
    shape,
    "",
    "A search that uses these columns would refuse them:",
    ...listed.map(({ row, column, detail }) => `row ${row}, column "${column}": ${detail}`),
    ...(rest > 0 ? [`and ${count(rest)} more`] : []),
  ].join("\n");
}

type TableShape = Pick<TableView, "columns" | "rows" | "bytes">;

const shapeLines = ({ columns, rows, bytes }: TableShape): Line[] => [
  ["Rows", count(rows)],
  ["Columns", columns.map((column) => column || '""').join(", ")],
  ["Bytes", megabytes(bytes)],
];

function imagesText(dataset: ImagesView): string {
  const { image, classNames, counts } = dataset;
  const { trainImages, testImages } = factsOfHeader(dataset);
  const classes = classNames.map((className, label) => ({
    name: className,
    train: counts.train[label] ?? 0,
    test: counts.test[label] ?? 0,
  }));
  return linesText(
    [
      ...storedLines(dataset),
      ["Images", `${count(trainImages)} to train on, ${count(testImages)} to test on`],
      ...sharedLines({ ...image, ...dataset }),
    ],
    classes,
  );
}

interface Shared {
  height: number;
  width: number;
  channels: number;
  mean: number[];
  std: number[];
  bytes: number;
  digest: string;
}

function sharedLines({ height, width, channels, mean, std, bytes, digest }: Shared): Line[] {
  const numbers = (values: number[]) => values.map((value) => value.toFixed(4)).join(" ");
  return [
    ["Size", `${height}x${width}, ${colours[channels] ?? `${channels} channels`}`],
    ["Mean", numbers(mean)],
    ["Deviation", numbers(std)],
    ["Bytes", megabytes(bytes)],
    ["Digest", digest],
  ];
}

const count = (value: number): string => value.toLocaleString("en-US");

const optional = (isWanted: boolean, label: string, text: string): Line[] =>
  isWanted ? [[label, text]] : [];

function aligned(lines: readonly Line[]): string {
  const width = Math.max(...lines.map(([label]) => label.length));
  return lines.map(([label, text]) => `${label.padEnd(width)}  ${text}`).join("\n");
}

function linesText(lines: readonly Line[], classes: readonly ClassRow[]): string {
  const rows = classes.slice(0, LISTED_CLASSES);
  const rest = classes.slice(LISTED_CLASSES);
  return [
    aligned(lines),
    "",
    textTable(rows, { name: `CLASS (${classes.length})`, train: "TRAIN", test: "TEST" }),
    ...(rest.length > 0 ? [`... and ${rest.length} more, ${range(rest)} images to train on each`] : []),
  ].join("\n");
}

function range(classes: readonly ClassRow[]): string {
  const [fewest, most] = [Math.min, Math.max].map((pick) => pick(...classes.map(({ train }) => train)));
  return fewest === most ? count(fewest ?? 0) : `${count(fewest ?? 0)} to ${count(most ?? 0)}`;
}
