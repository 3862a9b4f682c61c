/**
 * The archive of a whole search: a tar of plain files in this order, so that it is written and read in one pass.
 *
 *     manifest.json                what this is
 *     search.json                  the search and its controller's state
 *     architectures/000001.ndjson  the rows of a table, one a line, so many files as they need; then
 *     blobs/ trainings/ rounds/ events/
 *     objects/<blob id>            exports, and of a paused search its checkpoints
 *     SHA256SUMS                   of all of them, for `sha256sum -c`
 */

import { z } from "zod";

export const archiveFormat = "nasturtium-search";
/** Raised when an older reader could not follow. */
export const archiveVersion = 1;

export const manifestName = "manifest.json";
export const searchName = "search.json";
export const sumsName = "SHA256SUMS";

/** Rows are written in files of about so many bytes. */
export const pageBytes = 1_700_000;
/** What the database takes. */
export const maxRowBytes = 2_000_000;
/** Of a file that is not an object. */
export const maxFileBytes = 4_500_000;
/** Of all files that are not objects. */
export const maxRowsBytes = 256 * 1024 ** 2;
export const maxArchiveBytes = 64 * 1024 ** 3;

export const manifestSchema = z.looseObject({
  format: z.literal(archiveFormat),
  version: z.int(),
  software: z.string().max(100).describe("version of Nasturtium that wrote it"),
  searchId: z.string().max(100).describe("where it was exported"),
  name: z.string(),
  state: z.string(),
  createdAt: z.iso.datetime(),
});
export type Manifest = z.infer<typeof manifestSchema>;

/** Why a manifest cannot be read here; null where it can. */
export function manifestProblem(manifest: unknown): string | null {
  const head = z.object({ format: z.literal(archiveFormat), version: z.int() }).safeParse(manifest);
  if (!head.success) return "this is no archive of a search; make one with `nasturtium searches export`";
  const { version } = head.data;
  return version === archiveVersion
    ? null
    : `the archive has format version ${version}, version ${archiveVersion} is read here; use a version of Nasturtium that reads it`;
}

export const importCreatedSchema = z.object({ id: z.string(), partBytes: z.int() });
