/** What a page's scripts and styles weigh, compressed as they are served. */

import { readFileSync } from "node:fs";
import path from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { rootDir } from "../../setup/node.mjs";
import type { Loads } from "./loads.ts";

/** What a content delivery network takes where it compresses on the way. */
const brotliQuality = 5;

export interface Weight {
  files: number;
  gzipKb: number;
  brotliKb: number;
}

/** Without the parts of the charts, and those by themselves. */
export function weights(loads: readonly Loads[]) {
  const pages = Object.fromEntries(
    loads.map(({ page, files }) => [page, weightOf(files.filter((file) => !isOfCharts(file)))]),
  );
  const charts = new Set(loads.flatMap(({ files }) => files.filter(isOfCharts)));
  return { pages, charts: weightOf([...charts]) };
}

const bytesOf = (file: string): Buffer => readFileSync(path.join(rootDir, "dist", "dashboard", file));

/** By what only ECharts has in it. */
const isOfCharts = (file: string): boolean => bytesOf(file).includes("_ec_inner");

function weightOf(files: readonly string[]): Weight {
  const kb = (compress: (bytes: Buffer) => Buffer) =>
    Math.round(files.reduce((sum, file) => sum + compress(bytesOf(file)).byteLength, 0) / 100) / 10;
  const params = { [constants.BROTLI_PARAM_QUALITY]: brotliQuality };
  return {
    files: files.length,
    gzipKb: kb((bytes) => gzipSync(bytes)),
    brotliKb: kb((bytes) => brotliCompressSync(bytes, { params })),
  };
}
