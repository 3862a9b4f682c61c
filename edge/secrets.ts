/**
 * What follows from the deployment's own secret by HKDF (RFC 5869): a key for secrets of others, which must be known in the
 * clear again and are encrypted with AES-GCM, and one for the signatures of links.
 */

import type { Env } from "./env.ts";
import { Problem } from "./problems.ts";

const version = "v1.";
const nonceBytes = 12;
const encoder = new TextEncoder();
const info = encoder.encode("nasturtium secrets v1");
const linksInfo = encoder.encode("nasturtium links v1");
const hmac = { name: "HMAC", hash: "SHA-256" };

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

/** What only this deployment can put under a text, for links: letters, digits, - and _. @throws Problem without a secret */
export async function stamp(env: Env, text: string): Promise<string> {
  const key = await linkKeyFrom(sourcesOf(env)[0]);
  const signature = await crypto.subtle.sign("HMAC", key, encoder.encode(text));
  return btoa(String.fromCharCode(...new Uint8Array(signature)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

/** Compares in constant time. @throws Problem where the deployment has no secret */
export async function isStamped(env: Env, text: string, stamped: string): Promise<boolean> {
  if (!/^[\w-]{43}$/.test(stamped)) return false;
  const base64 = stamped.replaceAll("-", "+").replaceAll("_", "/");
  const signature = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const keys = await Promise.all(sourcesOf(env).map(linkKeyFrom));
  const verified = await Promise.all(
    keys.map((key) => crypto.subtle.verify("HMAC", key, signature, encoder.encode(text))),
  );
  return verified.includes(true);
}

async function linkKeyFrom(source: string): Promise<CryptoKey> {
  const material = await crypto.subtle.importKey("raw", encoder.encode(source), "HKDF", false, ["deriveKey"]);
  const derivation = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: linksInfo };
  return crypto.subtle.deriveKey(derivation, material, { ...hmac, length: 256 }, false, ["sign", "verify"]);
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
