/** The text of a table's file, gzipped or not. */

import { isUtf8 } from "node:buffer";
import { gunzipSync } from "node:zlib";
import { maxTableBytes } from "../../shared/pushedDataset.ts";
import { DataError, reasonOf } from "./files.ts";

const gzipMagic = [0x1f, 0x8b];
/** Of the file's beginning, to tell UTF-16, in which every other byte of a header is 0. */
const sampleBytes = 256;
const lineFeed = 0x0a;
const megabyte = 1024 ** 2;

/**
 * All members of a gzipped file are read, as `cat`, `pigz` and `bgzip` put them one after another.
 *
 * @param file what messages call it
 * @throws DataError where the bytes are neither UTF-8 nor gzipped UTF-8, naming the encoding that they are in
 */
export function tableText(bytes: Uint8Array, file: string): string {
  const isZipped = gzipMagic.every((byte, index) => bytes[index] === byte);
  const plain = isZipped ? unzipped(bytes, file) : bytes;
  const encoding = wideEncodingOf(plain);
  if (encoding !== undefined) throw notText(file, `it is in ${encoding}`, convert(encoding));
  if (plain.subarray(0, sampleBytes).includes(0))
    throw notText(file, "it is not text", "Name a CSV file, or one that gzip made of it.");
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(plain);
  } catch {
    const what = `line ${lineNotUtf8(plain)} has letters in another encoding, probably Latin-1 or Windows-1252`;
    throw notText(file, what, convert("WINDOWS-1252"));
  }
}

export const tooLarge = (file: string): DataError =>
  new DataError(
    `${file} has more than ${maxTableBytes / megabyte} MiB.`,
    "Leave out columns that no search needs.",
  );

const notText = (file: string, why: string, remedy: string): DataError =>
  new DataError(`${file} is neither UTF-8 text nor gzipped: ${why}.`, remedy);

const convert = (encoding: string): string =>
  `Save it as "CSV UTF-8", or convert it: iconv -f ${encoding} -t UTF-8 FILE > NEW`;

function unzipped(bytes: Uint8Array, file: string): Uint8Array {
  try {
    return gunzipSync(bytes, { maxOutputLength: maxTableBytes });
  } catch (error) {
    if (error instanceof RangeError) throw tooLarge(file);
    throw notText(
      file,
      `the gzip is damaged (${reasonOf(error)})`,
      "Copy or make the file again, or name the CSV file itself.",
    );
  }
}

/** UTF-16, told by its byte order mark or by where the zeros of its first letters are. */
function wideEncodingOf(bytes: Uint8Array): "UTF-16LE" | "UTF-16BE" | undefined {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return "UTF-16LE";
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return "UTF-16BE";
  const sample = bytes.subarray(0, sampleBytes);
  const zeros = (parity: number) => sample.filter((byte, index) => byte === 0 && index % 2 === parity).length;
  const [even, odd] = [zeros(0), zeros(1)];
  if (Math.max(even, odd) < sample.length / 4 || Math.min(even, odd) > 0) return undefined;
  return odd > 0 ? "UTF-16LE" : even > 0 ? "UTF-16BE" : undefined;
}

/** The first line, from 1, that is not UTF-8. */
function lineNotUtf8(bytes: Uint8Array): number {
  let line = 1;
  let start = 0;
  for (let end = bytes.indexOf(lineFeed); end >= 0; end = bytes.indexOf(lineFeed, start)) {
    if (!isUtf8(bytes.subarray(start, end))) break;
    start = end + 1;
    line++;
  }
  return line;
}
