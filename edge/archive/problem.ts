/** How an archive is refused. */

import { Problem } from "../problems.ts";

/**
 * @param file of the archive; null for the archive itself
 * @param detail what is wrong with it, after its name
 */
export function badArchive(file: string | null, detail: string, line?: number): Problem {
  const shown = file?.slice(0, 200).replaceAll(/\p{Cc}/gu, "\ufffd") ?? null;
  const where =
    shown === null ? "The archive is damaged:" : `${shown}${line === undefined ? "" : `, line ${line},`}`;
  const pointer = shown === null ? "" : `/${shown}${line === undefined ? "" : `/${line}`}`;
  return new Problem(
    "archive-refused",
    `${where} ${detail}. Nothing was imported. Export the search again and import that archive whole.`,
    [{ pointer, detail }],
  );
}
