/**
 * Data that a user pushed, as the edge stores it and a runner reads it: one header, and the bytes cut into shards.
 * The bytes are, one after the other: pixels of the training images (NHWC), their labels, pixels of the test images,
 * their labels. A label is one byte, or two with the low one first where there are more than 256 classes.
 */

import { z } from "zod";
import type { DatasetFacts } from "./datasets.ts";
import { nameSchema } from "./specification.ts";

/** Every shard but the last has so many bytes. Small enough for a slow line within a request's time. */
export const shardBytes = 8 * 1024 * 1024;
export const maxDatasetBytes = 4 * 1024 ** 3;
/** What a header of JSON has room for. */
const maxClasses = 5000;
const maxSidePixels = 4096;

const counts = z.array(z.int().min(0)).max(maxClasses);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "64 hexadecimal digits");

/** What a data set is, and the shards it consists of. */
export const datasetHeaderSchema = z.strictObject({
  name: nameSchema,
  image: z.strictObject({
    height: z.int().min(1).max(maxSidePixels),
    width: z.int().min(1).max(maxSidePixels),
    channels: z.int().min(1).max(4),
  }),
  /** By label. */
  classNames: z.array(z.string().min(1).max(200)).min(2).max(maxClasses),
  /** Images per class, by label. */
  counts: z.strictObject({ train: counts, test: counts }),
  /** Per channel, of the training pixels divided by 255. */
  mean: z.array(z.number()).max(4),
  /** Per channel, of the training pixels divided by 255. */
  std: z.array(z.number().positive()).max(4),
  /** SHA-256 of shape, pixels and labels. */
  digest: sha256,
  shards: z.array(z.strictObject({ bytes: z.int().min(1).max(shardBytes), sha256 })).min(1),
});
export type DatasetHeader = z.infer<typeof datasetHeaderSchema>;

/** Bytes of one label. */
export const labelBytes = (classes: number): number => (classes > 256 ? 2 : 1);

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** What a search must know of it. */
export function factsOfHeader({
  image,
  classNames,
  counts,
}: Pick<DatasetHeader, "image" | "classNames" | "counts">): DatasetFacts {
  return {
    image,
    classes: classNames.length,
    trainImages: sum(counts.train),
    testImages: sum(counts.test),
  };
}

/** Bytes of all shards together, as the shape and the counts have it. */
export function datasetBytes(header: Pick<DatasetHeader, "image" | "classNames" | "counts">): number {
  const { image, classes, trainImages, testImages } = factsOfHeader(header);
  return (trainImages + testImages) * (image.height * image.width * image.channels + labelBytes(classes));
}

/** Where a header contradicts itself, by field. */
export function headerErrors(header: DatasetHeader): { pointer: string; detail: string }[] {
  const errors: { pointer: string; detail: string }[] = [];
  const refuse = (pointer: string, detail: string) => errors.push({ pointer, detail });
  const classes = header.classNames.length;
  if (new Set(header.classNames).size < classes) refuse("/classNames", "two classes have the same name");
  for (const split of ["train", "test"] as const)
    if (header.counts[split].length !== classes)
      refuse(`/counts/${split}`, `${classes} classes need as many counts`);
  if (header.counts.train.includes(0)) refuse("/counts/train", "every class needs a training image");
  if (sum(header.counts.test) === 0) refuse("/counts/test", "at least one test image is needed");
  for (const key of ["mean", "std"] as const)
    if (header[key].length !== header.image.channels)
      refuse(`/${key}`, `${header.image.channels} channels need as many values`);
  const expected = datasetBytes(header);
  const found = sum(header.shards.map(({ bytes }) => bytes));
  if (errors.length === 0 && found !== expected)
    refuse("/shards", `the shards have ${found} bytes; shape and counts make ${expected}`);
  return errors;
}

/** A stored data set, and which of its shards (numbered from 1) are still to come. */
export const datasetViewSchema = z.object({
  ...datasetHeaderSchema.shape,
  bytes: z.int(),
  state: z.enum(["uploading", "complete"]),
  missing: z.array(z.int()),
  createdAt: z.string(),
});
export type DatasetView = z.infer<typeof datasetViewSchema>;
