/** Versions of rows over HTTP: `"version"`, or `"version.revision"` where more changes than If-Match protects. */

import { Problem } from "./problems.ts";

/** How routes whose changes need If-Match describe it: its absence is a problem of its own, not of validation. */
export const ifMatch = {
  in: "header" as const,
  name: "if-match",
  required: true,
  description: "the ETag of the last read, or `*` to overwrite whatever is there",
  schema: { type: "string" as const, minLength: 1 },
};

const tagsOf = (header: string): string[] => header.split(",").map((tag) => tag.trim().replace(/^W\//, ""));

/** @throws Problem unless If-Match names the version, or any */
export function assertMatches(version: number, ifMatch: string | undefined): void {
  if (ifMatch === undefined) throw new Problem("precondition-required");
  if (ifMatch.trim() === "*") return;
  const versions = tagsOf(ifMatch).map((tag) => /^"(\d+)(?:\.\d+)?"$/.exec(tag)?.[1]);
  if (!versions.includes(String(version))) throw new Problem("precondition-failed");
}

/** Of a row that changes with its version only. */
export const versionTag = ({ version }: { version: number }): string => `"${version}"`;

/** Whether If-None-Match names what is there: a 304. */
export const isKnown = (etag: string, ifNoneMatch: string | undefined): boolean =>
  ifNoneMatch !== undefined && tagsOf(ifNoneMatch).includes(etag);
