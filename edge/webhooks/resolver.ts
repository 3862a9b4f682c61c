/** Names resolved by DNS over HTTPS: a Worker has no resolver of its own to ask. */

import { z } from "zod";
import type { Resolver } from "./target.ts";

const address = "https://cloudflare-dns.com/dns-query";
const timeoutMs = 5000;
/** Of records, by number (RFC 1035, RFC 3596). */
const recordTypes = { A: 1, AAAA: 28 } as const;
const noError = 0;
const noSuchName = 3;

const answerSchema = z.object({
  Status: z.int(),
  Answer: z.array(z.object({ type: z.int(), data: z.string() })).default([]),
});

/** Every address of a name, asked for once each. Rejects where the service gives no answer. */
export function dnsOverHttps(call: typeof fetch): Resolver {
  const known = new Map<string, Promise<readonly string[]>>();
  const resolve = async (name: string): Promise<readonly string[]> => {
    const addresses: string[] = [];
    // One after the other: deliveries side by side take all the connections that there are.
    for (const type of ["A", "AAAA"] as const) addresses.push(...(await recordsOf(call, name, type)));
    return addresses;
  };
  return (name) => {
    const asked = known.get(name) ?? resolve(name);
    known.set(name, asked);
    return asked;
  };
}

async function recordsOf(
  call: typeof fetch,
  name: string,
  type: keyof typeof recordTypes,
): Promise<readonly string[]> {
  const response = await call(`${address}?name=${encodeURIComponent(name)}&type=${type}`, {
    headers: { accept: "application/dns-json" },
    signal: AbortSignal.timeout(timeoutMs),
  });
  if (!response.ok) throw new Error(`the resolver answered ${response.status}`);
  const { Status, Answer } = answerSchema.parse(await response.json());
  if (Status === noSuchName) return [];
  if (Status !== noError) throw new Error(`the resolver answered with code ${Status}`);
  return Answer.filter((record) => record.type === recordTypes[type]).map(({ data }) => data);
}
