/** Writes plain files into a tar archive, so that an export of several files is one. */

import { tarEnd, tarHeader, tarPadding } from "../../shared/tar.ts";
import { joined } from "./bytes.ts";

export interface TarFile {
  /** At most 100 bytes. */
  name: string;
  bytes: Uint8Array;
}

/** The archive of the files, with fixed times and owners so that equal files give equal bytes. */
export const tar = (files: readonly TarFile[]): Uint8Array =>
  joined([
    ...files.flatMap(({ name, bytes }) => [tarHeader(name, bytes.length), bytes, tarPadding(bytes.length)]),
    tarEnd(),
  ]);
