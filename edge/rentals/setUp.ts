/** What a deployment rents with: its providers, its caps, its name, and where its machines report to. */

import type { Env } from "../env.ts";
import { base32 } from "../ids.ts";
import { configuredProviders } from "../providers/index.ts";
import type { Provider } from "../providers/provider.ts";
import { readSetting, setting } from "../store/instances.ts";
import type { Platform as WholePlatform } from "../webhooks/deliver.ts";
import { microUsd } from "./money.ts";

export type Platform = Pick<WholePlatform, "call" | "now" | "wait">;

export interface SetUp {
  providers: Provider[];
  /** Infinite where nothing is set; 0, so that nothing is rented, where it cannot be read. */
  caps: { microUsdPerMonth: number; microUsdPerHour: number; instances: number };
}

const capVariables = ["NASTURTIUM_USD_PER_MONTH", "NASTURTIUM_USD_PER_HOUR", "NASTURTIUM_INSTANCES"] as const;
const isNumber = (text: string): boolean => /^\d+(\.\d+)?$/.test(text);

function capIn(text: string | undefined): number {
  const trimmed = text?.trim() ?? "";
  if (trimmed === "") return Number.POSITIVE_INFINITY;
  return isNumber(trimmed) ? Number(trimmed) : 0;
}

/** Variables of caps that are no numbers. */
export const unreadableCaps = (env: Env): string[] =>
  capVariables.filter((name) => {
    const text = env[name]?.trim() ?? "";
    return text !== "" && !isNumber(text);
  });

/** Where it has no provider, nothing is rented. */
export const setUp = (env: Env, { call, now, wait }: Platform): SetUp => ({
  providers: configuredProviders({
    env: env as unknown as Record<string, string | undefined>,
    fetch: call,
    now,
    wait,
  }),
  caps: capsOf(env),
});

export const capsOf = (env: Env): SetUp["caps"] => ({
  microUsdPerMonth: microUsd(capIn(env.NASTURTIUM_USD_PER_MONTH)),
  microUsdPerHour: microUsd(capIn(env.NASTURTIUM_USD_PER_HOUR)),
  instances: capIn(env.NASTURTIUM_INSTANCES),
});

const deploymentBytes = 5;

/** Eight characters that stay the same: in the name of every machine. */
export const deploymentOf = ({ DB: db, NASTURTIUM_DEPLOYMENT: given }: Env): Promise<string> =>
  given
    ? Promise.resolve(given)
    : setting(db, "deployment", base32(crypto.getRandomValues(new Uint8Array(deploymentBytes))));

/** Where rented machines, and links, find the edge; empty where nobody has said so yet. */
export const addressOf = ({ DB: db, NASTURTIUM_URL: given }: Env): Promise<string> =>
  given ? Promise.resolve(given) : readSetting(db, "address");

/** Remembers where the deployment was reached, unless it is known. */
export async function rememberAddress({ DB: db, NASTURTIUM_URL: given }: Env, origin: string): Promise<void> {
  if (!given) await setting(db, "address", origin);
}
