/** Writes plain files into a tar archive, so that an export of several files is one. */

import { tarEnd, tarHeader, tarPadding } from "../../shared/tar.ts";

export interface TarFile {
  /** At most 100 bytes. */
  name: string;
  bytes: Uint8Array;
}

/** The archive of the files, with fixed times and owners so that equal files give equal bytes. */
export const tar = (files: readonly TarFile[]): Uint8Array =>
  Buffer.concat([
    ...files.flatMap(({ name, bytes }) => [tarHeader(name, bytes.length), bytes, tarPadding(bytes.length)]),
    tarEnd(),
  ]);
