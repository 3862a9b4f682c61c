/** Headers of tar archives (POSIX ustar) of plain files: written with fixed owners, read with their checksum. Pure. */

export const tarBlockBytes = 512;

const nameField = [0, 100] as const;
const sizeField = [124, 136] as const;
const checksumField = [148, 156] as const;
const typeOffset = 156;
const prefixField = [345, 500] as const;
const fileTypes: readonly string[] = ["0", "\0"];
const folderType = "5";
const largestFile = 8 ** 11 - 1;

export interface TarEntry {
  name: string;
  /** Of its content, without what fills its last block. */
  bytes: number;
  type: "file" | "folder" | "other";
}

/** An archive is damaged, in words that continue "it is damaged:". */
export class TarError extends Error {}

/**
 * The header of a file.
 *
 * @param name at most 100 characters of ASCII
 * @param seconds when it was changed, since 1970; the same for equal archives to be equal bytes
 */
export function tarHeader(name: string, bytes: number, seconds = 0): Uint8Array<ArrayBuffer> {
  if (name.length > nameField[1] || bytes > largestFile)
    throw new RangeError(`"${name}" of ${bytes} bytes does not fit into a tar header`);
  const block = new Uint8Array(tarBlockBytes);
  const octal = (value: number, digits: number) => value.toString(8).padStart(digits, "0");
  const write = (text: string, offset: number) => block.set(new TextEncoder().encode(text), offset);
  write(name, nameField[0]);
  write(octal(0o644, 7), 100);
  write(octal(0, 7), 108);
  write(octal(0, 7), 116);
  write(octal(bytes, 11), sizeField[0]);
  write(octal(seconds, 11), 136);
  write("0", typeOffset);
  write("ustar\u000000", 257);
  write(`${octal(checksumOf(block), 6)}\0 `, checksumField[0]);
  return block;
}

/** What fills the last block of a file. */
export const tarPadding = (bytes: number): Uint8Array<ArrayBuffer> =>
  new Uint8Array((tarBlockBytes - (bytes % tarBlockBytes)) % tarBlockBytes);

/** What an archive ends with. */
export const tarEnd = (): Uint8Array<ArrayBuffer> => new Uint8Array(2 * tarBlockBytes);

/** What a header says; null for an empty block, which ends the archive. @throws TarError where it is damaged */
export function readTarHeader(block: Uint8Array): TarEntry | null {
  if (block.every((byte) => byte === 0)) return null;
  if (block.length < tarBlockBytes) throw new TarError("it ends within a header");
  if (checksumOf(block) !== numberAt(block, checksumField))
    throw new TarError("a header's checksum is wrong");
  const prefix = textAt(block, prefixField);
  const name = textAt(block, nameField);
  const type = String.fromCharCode(block[typeOffset] ?? 0);
  return {
    name: prefix === "" ? name : `${prefix}/${name}`,
    bytes: numberAt(block, sizeField),
    type: fileTypes.includes(type) ? "file" : type === folderType ? "folder" : "other",
  };
}

/** Sum of the header's bytes, the checksum itself counted as spaces. */
const checksumOf = (block: Uint8Array): number =>
  block.reduce(
    (sum, byte, index) => sum + (index >= checksumField[0] && index < checksumField[1] ? 32 : byte),
    0,
  );

function textAt(block: Uint8Array, [start, end]: readonly [number, number]): string {
  const field = block.subarray(start, end);
  const length = field.indexOf(0);
  return new TextDecoder().decode(length < 0 ? field : field.subarray(0, length));
}

function numberAt(block: Uint8Array, field: readonly [number, number]): number {
  const digits = textAt(block, field).trim();
  if (!/^[0-7]+$/.test(digits)) throw new TarError("a header's number is wrong");
  return Number.parseInt(digits, 8);
}
