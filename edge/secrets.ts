/**
 * Secrets of others, which must be known in the clear again: encrypted with AES-GCM under a key that HKDF (RFC 5869)
 * derives from the deployment's own secret.
 */

import type { Env } from "./env.ts";
import { Problem } from "./problems.ts";

const version = "v1.";
const nonceBytes = 12;
const info = new TextEncoder().encode("nasturtium secrets v1");

/** What keys are derived from, that to encrypt with first. @throws Problem where the deployment has none */
function sourcesOf(env: Env): [string, ...string[]] {
  const [first, ...others] = [env.NASTURTIUM_SECRET, env.NASTURTIUM_ADMIN_TOKEN].flatMap(
    (source) => source || [],
  );
  if (first === undefined) throw new Problem("secrets-unavailable");
  return [first, ...others];
}

/** @throws Problem where the deployment has no secret */
export async function seal(env: Env, text: string): Promise<string> {
  const nonce = crypto.getRandomValues(new Uint8Array(nonceBytes));
  const key = await keyFrom(sourcesOf(env)[0]);
  const sealed = await crypto.subtle.encrypt(
    { name: "AES-GCM", iv: nonce },
    key,
    new TextEncoder().encode(text),
  );
  return version + btoa(String.fromCharCode(...nonce, ...new Uint8Array(sealed)));
}

/** @throws Problem where the deployment has no secret, or not the one that it was sealed under */
export async function open(env: Env, sealed: string): Promise<string> {
  const bytes = Uint8Array.from(atob(sealed.slice(version.length)), (character) => character.charCodeAt(0));
  const iv = bytes.subarray(0, nonceBytes);
  for (const source of sourcesOf(env)) {
    const key = await keyFrom(source);
    try {
      return new TextDecoder().decode(
        await crypto.subtle.decrypt({ name: "AES-GCM", iv }, key, bytes.subarray(nonceBytes)),
      );
    } catch {
      // Sealed under another one of them, or changed.
    }
  }
  throw new Problem(
    "secrets-unavailable",
    "This secret was stored under another NASTURTIUM_SECRET (or NASTURTIUM_ADMIN_TOKEN). Set the old value again, or rotate the secret.",
  );
}

async function keyFrom(source: string): Promise<CryptoKey> {
  const material = await crypto.subtle.importKey("raw", new TextEncoder().encode(source), "HKDF", false, [
    "deriveKey",
  ]);
  return crypto.subtle.deriveKey(
    { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info },
    material,
    { name: "AES-GCM", length: 256 },
    false,
    ["encrypt", "decrypt"],
  );
}
