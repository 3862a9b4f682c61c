/** Deliveries right after the answer to the request that wrote them; what is missed here goes with the next sweep. */

import type { Context, MiddlewareHandler } from "hono";
import { finishLater } from "../app.ts";
import type { AppEnv } from "../env.ts";
import { writesEvents } from "../store/events.ts";
import { anyDue } from "../store/outbox.ts";
import { deliverDue, realPlatform, sideBySide } from "./deliver.ts";

/** Empties the outbox once the request is answered. */
export const deliverAfterwards = (c: Context<AppEnv>): Promise<void> =>
  finishLater(c, deliverDue(c.env, realPlatform(), sideBySide));

/** Sends what the events of a request put into the outbox. */
export const announcing: MiddlewareHandler<AppEnv> = async (c, next) => {
  if (c.req.method === "GET") return next();
  const outbox = { isDue: false };
  c.env = { ...c.env, DB: asking(c.env.DB, outbox) };
  await next();
  if (outbox.isDue) await deliverAfterwards(c);
};

/** The database, which after events were written says in the same round trip whether anything is to be sent. */
function asking(db: D1Database, outbox: { isDue: boolean }): D1Database {
  let wroteEvents = false;
  const prepare = (sql: string) => {
    wroteEvents ||= writesEvents(sql);
    return db.prepare(sql);
  };
  const batch = async (statements: D1PreparedStatement[]) => {
    if (!wroteEvents) return db.batch(statements);
    const results = await db.batch<Record<string, unknown>>([...statements, anyDue(db, Date.now())]);
    outbox.isDue = (results.pop()?.results.length ?? 0) > 0;
    return results;
  };
  const own: Partial<Record<string | symbol, unknown>> = { prepare, batch };
  return new Proxy(db, {
    get(target, key) {
      const value: unknown = own[key] ?? Reflect.get(target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
