/**
 * What the rental loop asks of a provider of machines. One adapter each, `edge/providers/<name>/adapter.ts`; all pass
 * `test/providers.test.ts` against a server that speaks their wire format. Nothing here knows the database.
 */

import type { ProviderName } from "../../shared/specification.ts";

/** A machine that can be rented now, at a live price. */
export interface Offer {
  provider: ProviderName;
  /** The provider's own, with all that `launch` needs to find it again. */
  id: string;
  /** As a specification names it: `RTX 4090`. */
  gpu: string;
  gpuMemoryGb: number;
  /** In US dollars, of the whole machine; for an interruptible one what will be bid. */
  priceUsdPerHour: number;
  location: string;
  /** Whose failures are remembered; null where the provider does not tell. */
  host: string | null;
  interruptible: boolean;
}

export interface QuoteFilter {
  /** Names as specifications have them; without them all are meant. */
  gpus?: readonly string[] | undefined;
  maxUsdPerHour: number;
  interruptible: boolean;
  minGpuMemoryGb?: number | undefined;
  /** Of the disk that is part of the price, where a provider bills it. */
  diskGb?: number | undefined;
}

export interface LaunchRequest {
  /** At most 63 characters of a-z, 0-9 and `-`: what finds a lost creation, and what is reaped. */
  name: string;
  /** Of the runner, by digest. */
  image: string;
  /** Holds a token: in no name, label or log. */
  env: Readonly<Record<string, string>>;
  diskGb: number;
  /** After so many seconds the machine ends by itself, where the provider or its system can see to that. */
  lifetimeSeconds: number;
}

/** A machine that the provider bills, or says that it had. */
export interface Machine {
  id: string;
  name: string;
  /** `stopped` and `failed` never run again and may still be billed: they are to be terminated. */
  state: "provisioning" | "running" | "stopped" | "failed" | "gone";
  /** Null where the provider does not tell. */
  priceUsdPerHour: number | null;
  host: string | null;
}

/** Of a provider, for one machine. */
export interface Bill {
  usd: number;
  /** It covers all of the time that was asked for, and that time is over: it will not grow. */
  isWhole: boolean;
}

export interface Provider {
  readonly name: ProviderName;
  /** Between launches, for all of an account; absent where nothing is asked for. */
  readonly launchPauseMs?: number;
  /** Cheapest first. */
  quote(filter: QuoteFilter): Promise<Offer[]>;
  /** @returns the machine's id; the machine may exist although this throws */
  launch(offer: Offer, request: LaunchRequest): Promise<string>;
  /** Null where the provider knows no such machine. */
  get(id: string): Promise<Machine | null>;
  /** All machines whose name begins so, every page of them. */
  list(namePrefix: string): Promise<Machine[]>;
  /** What is gone already is a success. */
  terminate(id: string): Promise<void>;
  /** What was billed for a machine; null while the provider cannot tell. Absent where it never can. */
  billed?(id: string, from: number, to: number): Promise<Bill | null>;
  /** What keeps a machine from starting; null where nothing is known. Absent where the provider never tells. */
  whyWaiting?(id: string): Promise<string | null>;
}

export const providerFaults = {
  /** Taken meanwhile, or nothing free: the next offer. */
  capacity: "no machine is free",
  /** The key is wrong or may not: stop, tell. */
  auth: "the key was refused",
  /** No money on the account: stop, tell. */
  balance: "the account has no balance",
  /** Never repeated: the request, or what the provider expects, is wrong. */
  invalid: "the request was refused",
  /** A launch: a broken rule, or no capacity. The next offer; where every one is refused so, it is as `invalid`. */
  unclear: "the launch was refused",
  /** Too many requests. */
  rate: "too many requests",
  /** May work later; after a launch the machine may exist. */
  transient: "the provider failed",
} as const;
export type ProviderFault = keyof typeof providerFaults;

export class ProviderError extends Error {
  readonly provider: ProviderName;
  readonly fault: ProviderFault;
  readonly retryAfterSeconds: number | null;
  /** A machine that exists although the launch failed: to be terminated. */
  readonly machineId: string | null;

  constructor(
    provider: ProviderName,
    fault: ProviderFault,
    detail: string,
    more: { retryAfterSeconds?: number | null; machineId?: string | null } = {},
  ) {
    super(`${provider}: ${providerFaults[fault]}${detail === "" ? "" : ` (${detail})`}`);
    this.provider = provider;
    this.fault = fault;
    this.retryAfterSeconds = more.retryAfterSeconds ?? null;
    this.machineId = more.machineId ?? null;
  }
}

/** How an adapter reaches the world: tests give a server of their own. */
export interface ProviderContext {
  /** Secrets and base URLs, such as RUNPOD_API_KEY and RUNPOD_BASE_URL. */
  env: Readonly<Record<string, string | undefined>>;
  fetch: typeof fetch;
  /** Milliseconds since 1970. */
  now(): number;
  /** Comes back after so many milliseconds. */
  wait(milliseconds: number): Promise<void>;
  /** How long one call may take; 15 s where it is absent. */
  timeoutMs?: number | undefined;
}
