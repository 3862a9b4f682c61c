/** If-Match against the version of a row, with which the row's tag begins: `"3"`, or `"3.12"` where more than it shows. */

import { Problem } from "./problems.ts";

/** @throws Problem `precondition-required` without the header, `precondition-failed` when it names other versions */
export function assertVersion(version: number, ifMatch: string | undefined): void {
  if (ifMatch === undefined) throw new Problem("precondition-required");
  if (ifMatch.trim() === "*") return;
  const versions = ifMatch.split(",").map((tag) => /^\s*(?:W\/)?"(\d+)(?:\.\d+)?"\s*$/.exec(tag)?.[1]);
  if (!versions.includes(String(version))) throw new Problem("precondition-failed");
}
