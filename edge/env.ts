/** What the Worker is given: its bindings, and what a request carries from the middleware to its handler. */

import type { Scope } from "../schema/tokens.ts";
import type { Problem } from "./problems.ts";

export interface Env {
  DB: D1Database;
  BUCKET: R2Bucket;
  /** A first token with scope `admin`; unset where tokens of the database are enough. There is no default. */
  NASTURTIUM_ADMIN_TOKEN?: string;
  /** Set to anything: answers say in Server-Timing what they cost the database. */
  NASTURTIUM_SERVER_TIMING?: string;
  /** What secrets of others are encrypted under; the first token where it is unset. */
  NASTURTIUM_SECRET?: string;
  /** Days that searches are kept after their end; for ever where it is unset. */
  NASTURTIUM_RETENTION_DAYS?: string;
  /** Requests a minute of each principal, a whole number: 600 unless set, 0 for no limit. */
  NASTURTIUM_RATE_LIMIT?: string;
  /** `host:port, host:port` that webhooks may call although they are not public, http included. */
  NASTURTIUM_WEBHOOK_HOSTS?: string;
  /** The end of a search waits so many minutes for a device that is away: 10 unless set. */
  NASTURTIUM_DEVICE_PATIENCE_MINUTES?: string;
  /** Where rented machines and links find this deployment; without it, where it was first asked for either. */
  NASTURTIUM_URL?: string;
  /** In the names of rented machines, in lower-case letters and 2 to 7; one is made where it is unset. */
  NASTURTIUM_DEPLOYMENT?: string;
  /** Of the runner, by digest, where a specification names none. */
  NASTURTIUM_IMAGE?: string;
  /** Hard caps over all searches; none where they are unset. */
  NASTURTIUM_USD_PER_MONTH?: string;
  NASTURTIUM_USD_PER_HOUR?: string;
  NASTURTIUM_INSTANCES?: string;
  /** How long an endpoint may take to answer; 15 where it is unset. */
  NASTURTIUM_WEBHOOK_TIMEOUT_SECONDS?: string;
}

/** Who asks: a token of the database, or the one of the environment. */
export interface Principal {
  id: string;
  name: string;
  scopes: readonly Scope[];
  /** The one search that it may work for; null where it is bound to none. */
  searchId: string | null;
  /** What its runners are called; null: as they say. */
  instance: string | null;
}

export interface AppEnv {
  Bindings: Env;
  Variables: {
    /** In the answer, in its problem and in the log. */
    requestId: string;
    /** Null without a token: only what is public may be read. */
    principal: Principal | null;
    /** Why the token that came is not valid. */
    refusal: Problem | null;
  };
}
