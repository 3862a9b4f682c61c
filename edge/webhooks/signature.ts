/** Signatures of Standard Webhooks 1.0.0: HMAC-SHA256 over `id.timestamp.body` with the bytes behind `whsec_`. Pure. */

import { bytesOf, textOf } from "./base64.ts";

export const secretPrefix = "whsec_";
const secretBytes = 32;

/** A new secret of 32 random bytes. */
export const newSecret = (): string =>
  secretPrefix + textOf(crypto.getRandomValues(new Uint8Array(secretBytes)));

/** One message at one attempt. */
export interface Signed {
  id: string;
  /** Seconds since 1970, of the attempt. */
  timestamp: number;
  body: string;
}

/** The header's value: a signature by each secret, the current one first. */
export async function signaturesOf(secrets: readonly string[], message: Signed): Promise<string> {
  return (await Promise.all(secrets.map((secret) => signatureOf(secret, message)))).join(" ");
}

async function signatureOf(secret: string, { id, timestamp, body }: Signed): Promise<string> {
  const bytes = bytesOf(secret.slice(secretPrefix.length));
  const key = await crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const signed = new TextEncoder().encode(`${id}.${timestamp}.${body}`);
  return `v1,${textOf(new Uint8Array(await crypto.subtle.sign("HMAC", key, signed)))}`;
}
