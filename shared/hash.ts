/** A synchronous 64-bit hash for names and seeds. Not for anything that an attacker may choose. */

/** A 64-bit number as two unsigned 32-bit halves. */
export interface Hash64 {
  high: number;
  low: number;
}

const OFFSET_HIGH = 0xcbf29ce4;
const OFFSET_LOW = 0x84222325;
/** The FNV prime is 2^40 + 0x1b3. */
const PRIME_LOW = 0x1b3;
const TWO_32 = 2 ** 32;
const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";
const BASE32_BITS = 5n;
const HASH_BITS = 64n;
const encoder = new TextEncoder();

/** FNV-1a (Fowler, Noll, Vo) with 64 bits of whole numbers below 2^32: bytes, or words where speed counts. */
export function fnv1a64(units: Uint8Array | Uint32Array): Hash64 {
  let high = OFFSET_HIGH;
  let low = OFFSET_LOW;
  for (let index = 0; index < units.length; index++) {
    low = (low ^ (units[index] as number)) >>> 0;
    const product = low * PRIME_LOW; // below 2^41, exact
    high = (Math.imul(high, PRIME_LOW) + Math.floor(product / TWO_32) + (low << 8)) >>> 0;
    low = product >>> 0;
  }
  return { high, low };
}

/** A hash in which every bit of the text moves every bit of the result; for seeds. */
export function mixedHash64(text: string): Hash64 {
  const { high, low } = fnv1a64(encoder.encode(text));
  const mixedLow = mix32(low ^ mix32(high));
  return { high: mix32(high ^ mixedLow), low: mixedLow };
}

/** The 64-bit hash of a text as 16 hexadecimal digits. */
export function hexHash(text: string): string {
  const { high, low } = fnv1a64(encoder.encode(text));
  return [high, low].map((half) => half.toString(16).padStart(8, "0")).join("");
}

/** The 64-bit hash of a text as 13 characters of lower-case base32 (RFC 4648 alphabet). */
export function hashText(text: string): string {
  const { high, low } = mixedHash64(text);
  let value = (BigInt(high) << 32n) | BigInt(low);
  let result = "";
  for (let bits = 0n; bits < HASH_BITS; bits += BASE32_BITS) {
    result = BASE32.charAt(Number(value & 31n)) + result;
    value >>= BASE32_BITS;
  }
  return result;
}

/** The finaliser of MurmurHash3 (Appleby). */
function mix32(value: number): number {
  let mixed = value;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
