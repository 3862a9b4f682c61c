/** Signatures of webhooks: GitHub's and those of Standard Webhooks 1.0.0 that come in, and the latter on what goes out. */

import type { Trigger } from "../shared/trigger.ts";
import { hex } from "./ids.ts";

const toleranceSeconds = 300;
const secretBytes = 32;
/** More signatures than any rotation of keys needs. */
const mostSignatures = 10;
const standardPrefix = "whsec_";

const encoder = new TextEncoder();

/** A new secret in the form that the source's senders expect. */
export function newSecret(source: Trigger["source"]): string {
  const bytes = crypto.getRandomValues(new Uint8Array(secretBytes));
  return source === "signed" ? standardPrefix + btoa(String.fromCharCode(...bytes)) : hex(bytes.buffer);
}

type Check = (
  secret: string,
  headers: Headers,
  body: Uint8Array<ArrayBuffer>,
  nowSeconds: number,
) => Promise<boolean>;

/** Whether a request is signed with the secret, by the rules of its source. */
export const isSigned: Record<Trigger["source"], Check> = {
  github: async (secret, headers, body) => {
    const digits = /^sha256=([0-9a-f]{64})$/i.exec(headers.get("x-hub-signature-256") ?? "")?.[1];
    if (digits === undefined) return false;
    const signature = Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
    return verifies(encoder.encode(secret), [signature], body);
  },
  signed: async (secret, headers, body, nowSeconds) => {
    const id = headers.get("webhook-id");
    const timestamp = headers.get("webhook-timestamp") ?? "";
    if (!id || !/^\d{1,12}$/.test(timestamp)) return false;
    if (Math.abs(nowSeconds - Number(timestamp)) > toleranceSeconds) return false;
    const signatures = (headers.get("webhook-signature") ?? "")
      .split(" ", mostSignatures)
      .flatMap((entry) => (entry.startsWith("v1,") ? (base64(entry.slice("v1,".length)) ?? []) : []));
    const key = base64(secret.slice(standardPrefix.length));
    if (key === null) return false;
    return verifies(key, signatures, concat(encoder.encode(`${id}.${timestamp}.`), body));
  },
};

/** One message of Standard Webhooks, at one attempt. */
export interface Signed {
  id: string;
  /** Seconds since 1970, of the attempt. */
  timestamp: number;
  body: string;
}

/** What goes out as `webhook-signature`: a signature by each secret, in their order. */
export async function signaturesOf(secrets: readonly string[], message: Signed): Promise<string> {
  return (await Promise.all(secrets.map((secret) => signatureOf(secret, message)))).join(" ");
}

/** A POST by Standard Webhooks that follows no redirect. */
export async function signedPost(secrets: readonly string[], message: Signed) {
  const { id, timestamp, body } = message;
  return {
    method: "POST",
    redirect: "manual",
    headers: {
      "content-type": "application/json",
      "user-agent": "Nasturtium",
      "webhook-id": id,
      "webhook-timestamp": String(timestamp),
      "webhook-signature": await signaturesOf(secrets, message),
    },
    body,
  } as const;
}

async function signatureOf(secret: string, { id, timestamp, body }: Signed): Promise<string> {
  const bytes = base64(secret.slice(standardPrefix.length));
  if (bytes === null) throw new RangeError("a secret is base64 behind its prefix");
  const key = await crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const signature = await crypto.subtle.sign("HMAC", key, encoder.encode(`${id}.${timestamp}.${body}`));
  return `v1,${btoa(String.fromCharCode(...new Uint8Array(signature)))}`;
}

/** Compares in constant time. */
async function verifies(
  secret: Uint8Array,
  signatures: readonly Uint8Array<ArrayBuffer>[],
  content: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  const hmac = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", secret, hmac, false, ["verify"]);
  const verified = await Promise.all(
    signatures.map((signature) => crypto.subtle.verify("HMAC", key, signature, content)),
  );
  return verified.includes(true);
}

function base64(text: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return null;
  }
}

function concat(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}
