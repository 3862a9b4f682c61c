/** Random ids and the text encodings that ids, tokens and checksums use. */

const base32Alphabet = "abcdefghijklmnopqrstuvwxyz234567";
const idBytes = 10;

/** Lower-case base32 (RFC 4648 alphabet) without padding. */
export function base32(bytes: Uint8Array): string {
  let result = "";
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = (value << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      result += base32Alphabet.charAt((value >>> bits) & 31);
    }
    value &= (1 << bits) - 1;
  }
  return bits > 0 ? result + base32Alphabet.charAt((value << (5 - bits)) & 31) : result;
}

/** 80 random bits as 16 characters of base32. */
export const newId = (): string => base32(crypto.getRandomValues(new Uint8Array(idBytes)));

export const hex = (bytes: ArrayBuffer): string =>
  Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");

export const sha256 = async (text: string): Promise<string> =>
  hex(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
