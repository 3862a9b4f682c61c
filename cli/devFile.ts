/** `.nasturtium/dev.json`: where `nasturtium dev` leaves its address and token for the commands beside it. */

import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";

/** Only its owner may read the token. */
const MODE = 0o600;
const schema = z.object({
  edge: z.string(),
  token: z.string(),
  /** Of `nasturtium dev`; absent in files of before. */
  processId: z.int().positive().optional(),
});
export type DevFile = z.infer<typeof schema>;

export const devFolder = (cwd = process.cwd()): string => path.join(cwd, ".nasturtium");
const devFile = (cwd?: string): string => path.join(devFolder(cwd), "dev.json");

/** What the last `nasturtium dev` in the folder left, or undefined. */
export function readDevFile(cwd?: string): DevFile | undefined {
  try {
    return schema.safeParse(JSON.parse(readFileSync(devFile(cwd), "utf8"))).data;
  } catch {
    return undefined;
  }
}

export function writeDevFile(value: DevFile, cwd?: string): void {
  mkdirSync(devFolder(cwd), { recursive: true });
  writeFileSync(path.join(devFolder(cwd), ".gitignore"), "*\n");
  writeFileSync(devFile(cwd), `${JSON.stringify(value, null, 2)}\n`, { mode: MODE });
  chmodSync(devFile(cwd), MODE); // `mode` counts for new files only
}
