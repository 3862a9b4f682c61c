/**
 * Secrets of others, which must be known in the clear again: encrypted with AES-GCM under a key that HKDF (RFC 5869)
 * derives from the deployment's own secret.
 */

import type { Env } from "./env.ts";
import { Problem } from "./problems.ts";

const version = "v1.";
const nonceBytes = 12;
const info = new TextEncoder().encode("nasturtium secrets v1");

/** @throws Problem where the deployment has no secret */
export async function seal(env: Env, text: string): Promise<string> {
  const nonce = crypto.getRandomValues(new Uint8Array(nonceBytes));
  const key = await keyOf(env);
  const sealed = await crypto.subtle.encrypt(
    { name: "AES-GCM", iv: nonce },
    key,
    new TextEncoder().encode(text),
  );
  return version + btoa(String.fromCharCode(...nonce, ...new Uint8Array(sealed)));
}

/** @throws Problem where the deployment has no secret, or not the one that it was sealed under */
export async function open(env: Env, sealed: string): Promise<string> {
  const key = await keyOf(env);
  const bytes = Uint8Array.from(atob(sealed.slice(version.length)), (character) => character.charCodeAt(0));
  const iv = bytes.subarray(0, nonceBytes);
  try {
    return new TextDecoder().decode(
      await crypto.subtle.decrypt({ name: "AES-GCM", iv }, key, bytes.subarray(nonceBytes)),
    );
  } catch {
    throw new Problem(
      "secrets-unavailable",
      "This secret was stored under another NASTURTIUM_SECRET (or NASTURTIUM_ADMIN_TOKEN). Set the old value again, or rotate the secret.",
    );
  }
}

async function keyOf(env: Env): Promise<CryptoKey> {
  const secret = env.NASTURTIUM_SECRET || env.NASTURTIUM_ADMIN_TOKEN;
  if (!secret) throw new Problem("secrets-unavailable");
  const material = await crypto.subtle.importKey("raw", new TextEncoder().encode(secret), "HKDF", false, [
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
