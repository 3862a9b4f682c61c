/** What the Worker is given: its bindings, and what a request carries from the middleware to its handler. */

import type { Scope } from "../schema/tokens.ts";

export interface Env {
  DB: D1Database;
  BUCKET: R2Bucket;
  /** A first token with scope `admin`; unset where tokens of the database are enough. There is no default. */
  NASTURTIUM_ADMIN_TOKEN?: string;
  /** Set to anything: answers say in Server-Timing what they cost the database. */
  NASTURTIUM_SERVER_TIMING?: string;
  /** What secrets of others are encrypted under; the first token where it is unset. */
  NASTURTIUM_SECRET?: string;
  /** `host:port, host:port` that webhooks may call although they are not public, http included. */
  NASTURTIUM_WEBHOOK_HOSTS?: string;
  /** How long an endpoint may take to answer; 15 where it is unset. */
  NASTURTIUM_WEBHOOK_TIMEOUT_SECONDS?: string;
}

/** Who asks: a token of the database, or the one of the environment. */
export interface Principal {
  id: string;
  scopes: readonly Scope[];
}

export interface AppEnv {
  Bindings: Env;
  Variables: {
    /** Null without a token: only what is public may be read. */
    principal: Principal | null;
  };
}
