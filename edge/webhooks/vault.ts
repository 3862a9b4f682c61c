/**
 * Signing secrets at rest: they have to be read again, so they are encrypted with AES-GCM under a key that HKDF derives
 * from a secret of the environment. Each is bound to what it belongs to: moved to another row it cannot be read.
 */

import type { Env } from "../env.ts";
import { Problem } from "../problems.ts";
import { bytesOf, textOf } from "./base64.ts";

const nonceBytes = 12;
const version = "v1.";
const encoder = new TextEncoder();
const context = encoder.encode("nasturtium webhook secrets 1");

type KeySource = Pick<Env, "NASTURTIUM_SECRET" | "NASTURTIUM_ADMIN_TOKEN">;

/** What keys may be derived from, the one to encrypt with first. */
const sources = ({ NASTURTIUM_SECRET, NASTURTIUM_ADMIN_TOKEN }: KeySource): string[] =>
  [NASTURTIUM_SECRET, NASTURTIUM_ADMIN_TOKEN].filter(
    (source) => source !== undefined && source !== "",
  ) as string[];

async function keyFrom(source: string): Promise<CryptoKey> {
  const material = await crypto.subtle.importKey("raw", encoder.encode(source), "HKDF", false, ["deriveKey"]);
  return crypto.subtle.deriveKey(
    { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: context },
    material,
    { name: "AES-GCM", length: 256 },
    false,
    ["encrypt", "decrypt"],
  );
}

const algorithm = (iv: BufferSource, owner: string) => ({
  name: "AES-GCM",
  iv,
  additionalData: encoder.encode(owner),
});

/** @throws Problem `no-secret` where the environment has nothing to derive a key from */
export async function seal(env: KeySource, owner: string, secret: string): Promise<string> {
  const [source] = sources(env);
  if (source === undefined) throw new Problem("no-secret");
  const nonce = crypto.getRandomValues(new Uint8Array(nonceBytes));
  const sealed = await crypto.subtle.encrypt(
    algorithm(nonce, owner),
    await keyFrom(source),
    encoder.encode(secret),
  );
  return version + textOf(new Uint8Array([...nonce, ...new Uint8Array(sealed)]));
}

/** Null where no secret of the environment opens it: the one it was sealed under has changed. */
export async function open(env: KeySource, owner: string, sealed: string): Promise<string | null> {
  const bytes = bytesOf(sealed.slice(version.length));
  const [nonce, rest] = [bytes.slice(0, nonceBytes), bytes.slice(nonceBytes)];
  for (const source of sources(env)) {
    try {
      const opened = await crypto.subtle.decrypt(algorithm(nonce, owner), await keyFrom(source), rest);
      return new TextDecoder().decode(opened);
    } catch {
      // Sealed under another one of them, or tampered with.
    }
  }
  return null;
}
