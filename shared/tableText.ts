/** The text of a table's file, gzipped or not. */

import { gunzipSync } from "fflate";

const gzipMagic = [0x1f, 0x8b];

/**
 * @throws Error where the bytes are neither UTF-8 nor gzipped UTF-8
 */
export function tableText(bytes: Uint8Array): string {
  const isZipped = gzipMagic.every((byte, index) => bytes[index] === byte);
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(
    isZipped ? gunzipSync(bytes) : bytes,
  );
}
