/** Data sets cut into checksummed shards, as they are pushed; and put together again. */

import { createHash } from "node:crypto";
import {
  type DatasetHeader,
  factsOfHeader,
  type ImagesHeader,
  labelBytes,
  shardBytes,
} from "../../shared/pushedDataset.ts";
import type { Dataset, Images } from "./dataset.ts";
import { DataError, digestOf, type ImageSets, payload } from "./files.ts";

/** Anything that is pushed, cut into shards. */
export interface Packed<Header extends DatasetHeader = DatasetHeader> {
  header: Header;
  /** The bytes of a shard, numbered from 1. */
  shard: (number: number) => Uint8Array;
}

/**
 * The shards of a data set. The same data gives the same header, whenever and wherever it is packed.
 *
 * @param cutBytes bytes of every shard but the last
 */
export function pack(name: string, data: Omit<Dataset, "name">, cutBytes = shardBytes): Packed<ImagesHeader> {
  const { shards, shard } = cut(payload(data), cutBytes);
  const { height, width, channels, classNames } = data.train;
  const header: ImagesHeader = {
    kind: "images",
    name,
    image: { height, width, channels },
    classNames,
    counts: { train: countsOf(data.train), test: countsOf(data.test) },
    mean: data.mean,
    std: data.std,
    digest: data.digest,
    shards,
  };
  return { header, shard };
}

/**
 * The shards of bytes that lie in several arrays end to end.
 *
 * @param cutBytes bytes of every shard but the last
 */
export function cut(
  parts: readonly Uint8Array[],
  cutBytes = shardBytes,
): { shards: DatasetHeader["shards"]; shard: Packed["shard"] } {
  const total = parts.reduce((sum, part) => sum + part.length, 0);
  const shard = (number: number) => slice(parts, (number - 1) * cutBytes, Math.min(total, number * cutBytes));
  const shards = Array.from({ length: Math.ceil(total / cutBytes) }, (_, index) => {
    const bytes = shard(index + 1);
    return { bytes: bytes.length, sha256: sha256(bytes) };
  });
  return { shards, shard };
}

/** Images of each class, by label. */
export function countsOf({ labels, classes }: Pick<Images, "labels" | "classes">): number[] {
  const counts = Array.from({ length: classes }, () => 0);
  for (const label of labels) counts[label] = (counts[label] ?? 0) + 1;
  return counts;
}

/** Bytes `from` to `to` of several arrays laid end to end. */
function slice(parts: readonly Uint8Array[], from: number, to: number): Uint8Array {
  const bytes = new Uint8Array(to - from);
  let start = 0;
  for (const part of parts) {
    const [first, last] = [Math.max(from, start), Math.min(to, start + part.length)];
    if (first < last) bytes.set(part.subarray(first - start, last - start), first - from);
    start += part.length;
  }
  return bytes;
}

/**
 * The data set whose shards lie end to end in `bytes`, which it keeps.
 *
 * @throws DataError where they are not what the header says
 */
export function unpack(header: ImagesHeader, bytes: Uint8Array): Dataset {
  const { name, image, classNames, mean, std, digest } = header;
  const { classes, trainImages, testImages } = factsOfHeader(header);
  const imageBytes = image.height * image.width * image.channels;
  let offset = 0;
  const take = (length: number) => {
    offset += length;
    return bytes.subarray(offset - length, offset);
  };
  const images = (count: number): Images => {
    const pixels = take(count * imageBytes);
    const stored = take(count * labelBytes(classes));
    // Two-byte labels may begin at an odd address.
    const labels = labelBytes(classes) === 1 ? stored : new Uint16Array(stored.slice().buffer);
    return { count, ...image, classes, classNames, pixels, labels };
  };
  const sets: ImageSets = { train: images(trainImages), test: images(testImages) };
  const hasForeignLabel = [sets.train, sets.test].some(({ labels }) =>
    labels.some((label) => label >= classes),
  );
  if (hasForeignLabel || digestOf(sets).toString("hex") !== digest)
    throw new DataError(`The data set ${name} is not what its digest says.`, "Delete it and push it again.");
  return { name, ...sets, mean, std, digest };
}

export const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
