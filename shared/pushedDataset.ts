/**
 * Data that a user pushed, as the edge stores it and a runner reads it: one header, and the bytes cut into shards.
 * Those of images are, one after the other: pixels of the training images (NHWC), their labels, pixels of the test
 * images, their labels. A label is one byte, or two with the low one first where there are more than 256 classes.
 * Those of a table are the file as it was pushed: a CSV, gzipped or not.
 */

import { z } from "zod";
import type { DatasetFacts } from "./datasets.ts";
import { type FieldError, nameSchema } from "./specification.ts";
import type { PushedFacts } from "./tabular.ts";

/** Every shard but the last has so many bytes. Small enough for a slow line within a request's time. */
export const shardBytes = 8 * 1024 * 1024;
export const maxDatasetBytes = 4 * 1024 ** 3;
/** A runner keeps a table in memory, as text while it reads it. */
export const maxTableBytes = 256 * 1024 ** 2;
/** What a header of JSON has room for. */
export const maxClasses = 5000;
const maxSidePixels = 4096;
export const maxColumns = 1000;

/** Of a class or a column. */
export const longestName = 200;

const counts = z.array(z.int().min(0)).max(maxClasses);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "64 hexadecimal digits");

const common = {
  name: nameSchema,
  shards: z.array(z.strictObject({ bytes: z.int().min(1).max(shardBytes), sha256 })).min(1),
};

export const imagesHeaderSchema = z.strictObject({
  kind: z.literal("images").default("images"),
  ...common,
  image: z.strictObject({
    height: z.int().min(1).max(maxSidePixels),
    width: z.int().min(1).max(maxSidePixels),
    channels: z.int().min(1).max(4),
  }),
  /** By label. */
  classNames: z.array(z.string().min(1).max(longestName)).min(2).max(maxClasses),
  /** Images per class, by label. */
  counts: z.strictObject({ train: counts, test: counts }),
  /** Per channel, of the training pixels divided by 255. */
  mean: z.array(z.number()).max(4),
  /** Per channel, of the training pixels divided by 255. */
  std: z.array(z.number().positive()).max(4),
  /** SHA-256 of shape, pixels and labels. */
  digest: sha256,
});
export type ImagesHeader = z.infer<typeof imagesHeaderSchema>;

const tableHeaderSchema = z.strictObject({
  kind: z.literal("table"),
  ...common,
  /** In the order of the file; a program that writes tables may leave one without a name. */
  columns: z.array(z.string().max(longestName)).min(2).max(maxColumns),
  /** Below the header. */
  rows: z.int().min(1),
  /** Of the file as it was pushed. */
  bytes: z.int().min(1),
  /** SHA-256 of the CSV's text, unzipped. */
  digest: sha256,
});
export type TableHeader = z.infer<typeof tableHeaderSchema>;

/** What pushed data is, and the shards it consists of. */
export const datasetHeaderSchema = z.discriminatedUnion("kind", [imagesHeaderSchema, tableHeaderSchema]);
export type DatasetHeader = z.infer<typeof datasetHeaderSchema>;

/** Bytes of one label. */
export const labelBytes = (classes: number): number => (classes > 256 ? 2 : 1);

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** What a search must know of pushed data. */
export const pushedFactsOf = (header: DatasetHeader): PushedFacts =>
  header.kind === "table"
    ? { columns: header.columns, rows: header.rows }
    : { ...factsOfHeader(header), largestClass: largestOf(header.counts.train) };

const largestOf = (train: readonly number[]): number => Math.max(...train) / sum(train);

export function factsOfHeader({
  image,
  classNames,
  counts,
}: Pick<ImagesHeader, "image" | "classNames" | "counts">): DatasetFacts {
  return {
    image,
    classes: classNames.length,
    trainImages: sum(counts.train),
    testImages: sum(counts.test),
  };
}

/** Bytes of all shards together, as the header has it. */
export const datasetBytes = (header: DatasetHeader): number =>
  header.kind === "table" ? header.bytes : imageBytes(header);

/** Bytes of images and labels together, as the shape and the counts have it. */
export function imageBytes(header: Pick<ImagesHeader, "image" | "classNames" | "counts">): number {
  const { image, classes, trainImages, testImages } = factsOfHeader(header);
  return (trainImages + testImages) * (image.height * image.width * image.channels + labelBytes(classes));
}

/** Where a header contradicts itself, by field. */
export function headerErrors(header: DatasetHeader): FieldError[] {
  const errors = header.kind === "table" ? [] : imagesErrors(header);
  const expected = datasetBytes(header);
  const found = sum(header.shards.map(({ bytes }) => bytes));
  if (errors.length > 0 || found === expected) return errors;
  const source = header.kind === "table" ? "the table has" : "shape and counts make";
  return [{ pointer: "/shards", detail: `the shards have ${found} bytes; ${source} ${expected}` }];
}

function imagesErrors({ classNames, counts, image, ...header }: ImagesHeader): FieldError[] {
  const errors: FieldError[] = [];
  const refuse = (pointer: string, detail: string) => errors.push({ pointer, detail });
  const classes = classNames.length;
  if (new Set(classNames).size < classes) refuse("/classNames", "two classes have the same name");
  for (const split of ["train", "test"] as const)
    if (counts[split].length !== classes)
      refuse(`/counts/${split}`, `${classes} classes need as many counts`);
  if (counts.train.includes(0)) refuse("/counts/train", "every class needs a training image");
  if (sum(counts.test) === 0) refuse("/counts/test", "at least one test image is needed");
  for (const key of ["mean", "std"] as const)
    if (header[key].length !== image.channels)
      refuse(`/${key}`, `${image.channels} channels need as many values`);
  return errors;
}

const stored = {
  bytes: z.int(),
  state: z.enum(["uploading", "complete"]),
  missing: z.array(z.int()),
  createdAt: z.string(),
};

const imagesViewSchema = z.object({ ...imagesHeaderSchema.shape, ...stored });
const tableViewSchema = z.object({ ...tableHeaderSchema.shape, ...stored });

/** Stored data, and which of its shards (numbered from 1) are still to come. */
export const datasetViewSchema = z.discriminatedUnion("kind", [imagesViewSchema, tableViewSchema]);
export type DatasetView = z.infer<typeof datasetViewSchema>;
export type ImagesView = z.infer<typeof imagesViewSchema>;
export type TableView = z.infer<typeof tableViewSchema>;
