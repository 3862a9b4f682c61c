/** Rented machines and the ledger. Every change of a machine is one batch that a stale version aborts. */

import { and, asc, desc, eq, gt, inArray } from "drizzle-orm";
import {
  instances,
  ledger,
  type ledgerKinds,
  liveStates,
  type instances as table,
} from "../../schema/instances.ts";
import type { SearchState } from "../../schema/searches.ts";
import type { Specification } from "../../shared/specification.ts";
import type { BudgetTold } from "../budget.ts";
import { limits, terminationsUntilStuck } from "../rentals/limits.ts";
import { type ToldRow, toldColumns, toldOf } from "./budgets.ts";
import { type CreatedKey, database, guarded, isAfterPage, statement } from "./database.ts";
import { appendEvents, type NewEvent } from "./events.ts";
import { beginsNothing } from "./runners.ts";
import { tokenInsertion, unusedToken } from "./tokens.ts";

export type Instance = typeof table.$inferSelect;

export interface Entry {
  kind: (typeof ledgerKinds)[number];
  microUsd: number;
}

/** What may be spent in all, in millionths of a dollar; infinite where nothing is set. */
export interface Caps {
  search: number;
  month: number;
}

export interface Change {
  set: Partial<Omit<Instance, "id" | "version">>;
  entries?: readonly Entry[];
  /** Refused, with all of the change, where a cap would be passed. */
  reserve?: { microUsd: number; caps: Caps };
  events?: readonly NewEvent[];
  /** Refused while its runner holds a lease. */
  ifIdle?: boolean;
  /** Leases of its runner end at once, so that another can go on. */
  endsLeases?: boolean;
}

const snake = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
type Value = string | number | boolean | null;
const stored = (value: Value): string | number | null => (typeof value === "boolean" ? Number(value) : value);

/** SQL that is true of instances that may cost something, in a form that the index of states serves. */
const isLive = `state IN (${liveStates.map((state) => `'${state}'`).join(", ")})`;

/** SQL that is true while the runner of an instance holds a lease. */
const holdsLease = (searchId: string, name: string): string =>
  `EXISTS (SELECT 1 FROM leases l JOIN runners r ON r.id = l.runner_id
    WHERE l.search_id = ${searchId} AND r.name = ${name} AND l.expires_at > :now)`;

/** SQL: what is spent in the running month, and set aside for machines that still cost. */
const monthSum = `(SELECT coalesce(sum(micro_usd), 0) FROM ledger WHERE at >= :monthStart AND kind <> 'reserved')
  + (SELECT coalesce(sum(reserved_micro_usd), 0) FROM instances WHERE ${isLive})`;

/** SQL: what is committed to a search, spent or set aside. */
export const committedTo = (searchId: string): string =>
  `(SELECT coalesce(sum(micro_usd), 0) FROM ledger WHERE search_id = ${searchId})`;

export function monthStart(now: number): number {
  const date = new Date(now);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth());
}

const cap = (value: number): number => Math.min(value, Number.MAX_SAFE_INTEGER);

function entryStatements(
  db: D1Database,
  { id: instanceId, searchId }: Pick<Instance, "id" | "searchId">,
  { entries = [], reserve }: Pick<Change, "entries" | "reserve">,
  now: number,
): D1PreparedStatement[] {
  const list = entries.filter(({ microUsd }) => microUsd !== 0);
  const key = { instanceId, searchId, now };
  const statements: D1PreparedStatement[] = [];
  if (list.length > 0)
    statements.push(
      statement(
        db,
        `INSERT INTO ledger (instance_id, search_id, kind, micro_usd, at)
         SELECT :instanceId, :searchId, json_extract(value, '$.kind'), json_extract(value, '$.microUsd'), :now
         FROM json_each(:list)`,
        { ...key, list: JSON.stringify(list) },
      ),
    );
  if (reserve !== undefined && reserve.microUsd > 0)
    statements.push(
      // Null for the amount aborts the batch. What the row itself reserves anew is counted in the month's sum already.
      statement(
        db,
        `INSERT INTO ledger (instance_id, search_id, kind, micro_usd, at)
         SELECT :instanceId, :searchId, 'reserved',
           CASE WHEN ${committedTo(":searchId")} + :microUsd <= :searchCap AND ${monthSum} <= :monthCap THEN :microUsd END, :now`,
        {
          ...key,
          microUsd: reserve.microUsd,
          searchCap: cap(reserve.caps.search),
          monthCap: cap(reserve.caps.month),
          monthStart: monthStart(now),
        },
      ),
    );
  return statements;
}

/** Changes an instance; null when it was changed meanwhile, or a guard refused. Then nothing was written. */
export async function changeInstance(
  db: D1Database,
  instance: Instance,
  change: Change,
  now: number,
): Promise<Instance | null> {
  const { set, events = [], ifIdle = false, endsLeases = false } = change;
  const { id, name, searchId, version } = instance;
  const columns = Object.entries(set) as [string, Value][];
  const assignments = columns.map(([column]) => `${snake(column)} = :${column}`);
  const guard = ifIdle ? `AND NOT ${holdsLease(":searchId", ":name")}` : "";
  const values = Object.fromEntries(columns.map(([column, value]) => [column, stored(value)]));
  const written = await guarded(db, [
    statement(
      db,
      `UPDATE instances SET ${[...assignments, ""].join(", ")}
           version = CASE WHEN version = :version ${guard} THEN version + 1 END WHERE id = :id`,
      { ...values, id, version, ...(ifIdle ? { name, searchId, now } : {}) },
    ),
    ...entryStatements(db, instance, change, now),
    ...appendEvents(db, searchId, events, now),
    ...(endsLeases
      ? [
          statement(
            db,
            `UPDATE leases SET expires_at = 0 WHERE search_id = :searchId AND runner_id IN
                 (SELECT r.id FROM leases l JOIN runners r ON r.id = l.runner_id
                  WHERE l.search_id = :searchId AND r.name = :name)`,
            { searchId, name },
          ),
        ]
      : []),
  ]);
  return written && { ...instance, ...set, version: version + 1 };
}

export interface NewInstance {
  instance: Omit<Instance, "version">;
  token: { id: string; hash: string; expiresAt: number };
  caps: Caps;
  /** Of all instances that cost at the same time; infinite where nothing is set. */
  microUsdPerHourCap: number;
  instancesCap: number;
  /** Of the search. */
  maxInstances: number;
}

/** Writes the intent to rent, with its reservation and its runner's token; null when a cap refuses. */
export async function insertInstance(
  db: D1Database,
  intent: NewInstance,
  now: number,
): Promise<Instance | null> {
  const { instance, token, caps, microUsdPerHourCap, instancesCap, maxInstances } = intent;
  const row = { ...instance, version: 1 };
  const columns = Object.keys(row).filter((column) => column !== "version");
  const live = `FROM instances WHERE ${isLive}`;
  const written = await guarded(db, [
    statement(
      db,
      `INSERT INTO instances (${columns.map(snake).join(", ")}, version)
         SELECT ${columns.map((column) => `:${column}`).join(", ")},
           CASE WHEN (SELECT count(*) ${live}) < :instancesCap
             AND (SELECT coalesce(sum(micro_usd_per_hour), 0) ${live}) + :microUsdPerHour <= :rateCap
             AND (SELECT count(*) ${live} AND search_id = :searchId AND state <> 'terminating') < :maxInstances
             THEN 1 END`,
      {
        ...Object.fromEntries(columns.map((name) => [name, stored(row[name as keyof typeof row] as Value)])),
        instancesCap: cap(instancesCap),
        rateCap: cap(microUsdPerHourCap),
        maxInstances,
      } as Record<string, string | number | null>,
    ),
    ...entryStatements(db, instance, { reserve: { microUsd: instance.reservedMicroUsd, caps } }, now),
    tokenInsertion(
      db,
      {
        ...unusedToken,
        id: token.id,
        name: instance.name,
        scopes: ["runner"],
        createdAt: now,
        createdBy: "rentals",
        expiresAt: token.expiresAt,
        searchId: instance.searchId,
        instance: instance.name,
      },
      token.hash,
    ),
  ]);
  return written && row;
}

/** Takes charge of a machine that no row was responsible for. */
export async function insertOrphan(db: D1Database, instance: Omit<Instance, "version">): Promise<void> {
  await database(db)
    .insert(instances)
    .values({ ...instance, version: 1 })
    .onConflictDoNothing();
}

/** Instances that are due, those first whose money ends soonest, then the longest due; with what their searches are doing. */
export interface Visited {
  instance: Instance;
  searchState: SearchState | null;
  specification: Specification | null;
  campaignId: string | null;
  /** Null when the search is gone. */
  told: BudgetTold | null;
  isWorking: boolean;
  hasFreeWork: boolean;
  /** Of the search: spent and set aside. */
  committedMicroUsd: number;
}

export interface Demand {
  searchId: string;
  specification: Specification;
  campaignId: string | null;
  /** Runners that could work side by side now. */
  tasks: number;
  /** Instances that work, or will. */
  live: number;
  /** Instances rented before. */
  attempts: number;
  committedMicroUsd: number;
  failures: number;
  problem: string | null;
  /** Since when it waits; null where it does not. */
  waitsSince: number | null;
}

export interface Totals {
  /** Spent in this month, and set aside. */
  monthMicroUsd: number;
  microUsdPerHour: number;
  instances: number;
}

const freeLease = (resource: string) =>
  `NOT EXISTS (SELECT 1 FROM leases l WHERE l.resource = ${resource} AND l.expires_at > :now)`;

/** SQL: trainings of a search `s` that are to be done. */
const openTrainings = "trainings t WHERE t.search_id = s.id AND t.state IN ('queued', 'running')";

/** Searches that rent and have work, whether or not somebody does it. */
const renting = `SELECT s.id FROM searches s WHERE s.rents = 1 AND s.state IN ('queued', 'running')
  UNION SELECT t.search_id FROM trainings t JOIN searches s ON s.id = t.search_id
  WHERE t.state IN ('queued', 'running') AND s.rents = 1 AND s.state <> 'paused'`;

/** SQL that is true when machines that nobody wants are to be looked for: not where none was rented for longer than one lives. */
const reapingDue = `EXISTS (SELECT 1 FROM instances WHERE launched_at > :now - ${limits.life + limits.badHost})
  AND NOT EXISTS (SELECT 1 FROM settings WHERE key = 'reapedAt' AND CAST(value AS INTEGER) > :now - ${limits.reap})`;

/** SQL that is true when the loop has anything to do. */
export const rentalsDue = `EXISTS (SELECT 1 FROM instances WHERE visit_at <= :now) OR EXISTS (${renting}) OR (${reapingDue})`;

interface DueRow extends Record<string, unknown>, ToldRow {
  searchState: SearchState | null;
  specification: string | null;
  campaignId: string | null;
  isWorking: number;
  hasFreeWork: number | null;
  committed: number;
}

const camel = (name: string): string =>
  name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

/** A row as SQLite has it, with more columns perhaps. */
function instanceOf(row: Record<string, unknown>): Instance {
  const named = Object.fromEntries(Object.entries(row).map(([name, value]) => [camel(name), value]));
  return { ...(named as Instance), interruptible: named.interruptible === 1 };
}

/** SQL: until when the money of an instance `i` lasts, or its time. */
const lastsUntil = `min(i.expires_at, CASE WHEN i.micro_usd_per_hour > 0
  THEN i.accrued_until + i.reserved_micro_usd * 3600000 / i.micro_usd_per_hour ELSE i.expires_at END)`;

/** SQL: the same where it is soon. One that does not end however often it is told is not to keep others waiting. */
const soonestEnd = `CASE WHEN i.state <> 'ended' AND i.terminations < :stuck AND ${lastsUntil} < :soon
  THEN ${lastsUntil} ELSE :never END`;

export async function dueInstances(db: D1Database, now: number, limit: number): Promise<Visited[]> {
  const { results } = await statement(
    db,
    `SELECT i.*, s.state AS searchState, s.specification, s.campaign_id AS campaignId, ${toldColumns},
       ${holdsLease("i.search_id", "i.name")} AS isWorking,
       s.state IN ('queued', 'running') AND s.searching = 1 AND ${freeLease("s.id")} AND NOT ${beginsNothing}
         OR EXISTS (SELECT 1 FROM ${openTrainings} AND s.state <> 'paused' AND ${freeLease("t.id")}) AS hasFreeWork,
       ${committedTo("i.search_id")} AS committed
     FROM instances i LEFT JOIN searches s ON s.id = i.search_id
     WHERE i.visit_at <= :now ORDER BY ${soonestEnd}, i.visit_at LIMIT :limit`,
    {
      now,
      limit,
      stuck: terminationsUntilStuck,
      soon: now + limits.reserve / 2,
      never: Number.MAX_SAFE_INTEGER,
    },
  ).all<DueRow>();
  return results.map(
    ({ searchState, specification, campaignId, isWorking, hasFreeWork, committed, ...row }) => ({
      instance: instanceOf(row),
      searchState,
      specification: specification === null ? null : (JSON.parse(specification) as Specification),
      campaignId,
      told: searchState === null ? null : toldOf(row),
      isWorking: isWorking === 1,
      hasFreeWork: hasFreeWork === 1,
      committedMicroUsd: committed,
    }),
  );
}

interface DemandRow {
  id: string;
  specification: string;
  campaignId: string | null;
  createdAt: number;
  tasks: number;
  live: number;
  attempts: number;
  committed: number;
  failures: number | null;
  problem: string | null;
  waitsSince: number | null;
}

/** Searches that have fewer machines than their work wants and that are to be tried now. */
export async function demands(db: D1Database, now: number, limit: number): Promise<Demand[]> {
  const { results } = await statement(
    db,
    `SELECT * FROM (SELECT s.id, s.specification, s.campaign_id AS campaignId, s.created_at AS createdAt, h.failures, h.problem, h.since AS waitsSince,
       (s.searching = 1 AND s.state IN ('queued', 'running') AND NOT ${beginsNothing}) + (SELECT count(*) FROM ${openTrainings}) AS tasks,
       (SELECT count(*) FROM instances i WHERE i.search_id = s.id
         AND i.state IN ('launching', 'launched', 'draining')) AS live,
       (SELECT count(*) FROM instances i WHERE i.search_id = s.id) AS attempts,
       ${committedTo("s.id")} AS committed
     FROM searches s LEFT JOIN hires h ON h.search_id = s.id
     WHERE s.id IN (${renting}) AND coalesce(h.try_at, 0) <= :now)
     WHERE live < min(tasks, coalesce(json_extract(specification, '$.rental.maxInstances'), 0))
     ORDER BY createdAt LIMIT :limit`,
    { now, limit },
  ).all<DemandRow>();
  return results.map(({ id, specification, committed, failures, createdAt: _, ...row }) => ({
    ...row,
    searchId: id,
    specification: JSON.parse(specification) as Specification,
    committedMicroUsd: committed,
    failures: failures ?? 0,
  }));
}

export async function totals(db: D1Database, now: number): Promise<Totals> {
  const row = await statement(
    db,
    `SELECT ${monthSum} AS month, (SELECT count(*) FROM instances WHERE ${isLive}) AS instances,
       (SELECT coalesce(sum(micro_usd_per_hour), 0) FROM instances WHERE ${isLive}) AS rate`,
    { monthStart: monthStart(now) },
  ).first<{ month: number; instances: number; rate: number }>();
  return {
    monthMicroUsd: row?.month ?? 0,
    instances: row?.instances ?? 0,
    microUsdPerHour: row?.rate ?? 0,
  };
}

/** What machines that are not being ended cost, in millionths of a dollar an hour. */
export async function workingRate(db: D1Database): Promise<{ sum: number; dearest: number }> {
  const row = await statement(
    db,
    `SELECT coalesce(sum(micro_usd_per_hour), 0) AS sum, coalesce(max(micro_usd_per_hour), 0) AS dearest
     FROM instances WHERE state IN ('launching', 'launched')`,
    {},
  ).first<{ sum: number; dearest: number }>();
  return row ?? { sum: 0, dearest: 0 };
}

export async function findInstance(db: D1Database, id: string): Promise<Instance | null> {
  const [row] = await database(db).select().from(instances).where(eq(instances.id, id));
  return row ?? null;
}

export async function findInstanceNamed(db: D1Database, name: string): Promise<Instance | null> {
  const [row] = await database(db).select().from(instances).where(eq(instances.name, name));
  return row ?? null;
}

/** Newest first; `before` is the key of the last instance of the page before. */
export const listInstances = (
  db: D1Database,
  { before, limit, live }: { before: CreatedKey | null; limit: number; live: boolean },
): Promise<Instance[]> =>
  database(db)
    .select()
    .from(instances)
    .where(
      and(
        live ? inArray(instances.state, liveStates) : undefined,
        isAfterPage(instances.launchedAt, instances.id, before),
      ),
    )
    .orderBy(desc(instances.launchedAt), desc(instances.id))
    .limit(limit);

/** Of a search, newest first. */
export const instancesOf = (db: D1Database, searchId: string, limit: number): Promise<Instance[]> =>
  database(db)
    .select()
    .from(instances)
    .where(eq(instances.searchId, searchId))
    .orderBy(desc(instances.launchedAt))
    .limit(limit);

export interface Spending {
  spent: number;
  reserved: number;
}

const spentSum = "coalesce(sum(accrued_micro_usd + settled_micro_usd), 0)";

/** SQL: the same until `:now`, of machines that cost on, too. */
export const spentByNow = `coalesce(sum(accrued_micro_usd + settled_micro_usd
  + CASE WHEN state = 'ended' THEN 0 ELSE micro_usd_per_hour * (:now - accrued_until) / 3600000 END), 0)`;

/** In millionths of a dollar, until now. */
export async function spendingOfSearch(db: D1Database, searchId: string, now: number): Promise<Spending> {
  const row = await statement(
    db,
    `SELECT ${spentByNow} AS spent,
       coalesce(sum(reserved_micro_usd), 0) AS reserved FROM instances WHERE search_id = :searchId`,
    { searchId, now },
  ).first<Spending>();
  return { spent: Math.ceil(row?.spent ?? 0), reserved: row?.reserved ?? 0 };
}

export interface SearchSpending extends Spending {
  searchId: string;
  name: string | null;
  /** Of its last machine. */
  launchedAt: number;
}

/** Searches that rented, the last one first: by the newest instance of each. */
export async function listSpending(
  db: D1Database,
  { before, limit }: { before: CreatedKey | null; limit: number },
): Promise<SearchSpending[]> {
  const { results } = await statement(
    db,
    `SELECT i.search_id AS searchId, s.name, i.launched_at AS launchedAt,
       (SELECT ${spentSum} FROM instances o WHERE o.search_id = i.search_id) AS spent,
       (SELECT coalesce(sum(reserved_micro_usd), 0) FROM instances o WHERE o.search_id = i.search_id) AS reserved
     FROM instances i LEFT JOIN searches s ON s.id = i.search_id
     WHERE (i.launched_at, i.search_id) < (:time, :last)
       AND NOT EXISTS (SELECT 1 FROM instances o WHERE o.search_id = i.search_id
         AND (o.launched_at, o.id) > (i.launched_at, i.id))
     ORDER BY i.launched_at DESC, i.search_id DESC LIMIT :limit`,
    { time: before?.[0] ?? Number.MAX_SAFE_INTEGER, last: before?.[1] ?? "", limit },
  ).all<SearchSpending>();
  return results;
}

export const ledgerOf = (
  db: D1Database,
  searchId: string,
  { after, limit }: { after: number; limit: number },
): Promise<(typeof ledger.$inferSelect)[]> =>
  database(db)
    .select()
    .from(ledger)
    .where(and(eq(ledger.searchId, searchId), gt(ledger.id, after)))
    .orderBy(asc(ledger.id))
    .limit(limit);

/** A runner with the token of an instance gave a sign of life. */
export async function sawInstance(
  db: D1Database,
  name: string,
  now: number,
  registered: boolean,
): Promise<void> {
  if (registered)
    await statement(
      db,
      "DELETE FROM hires WHERE search_id = (SELECT search_id FROM instances WHERE name = :name)",
      { name },
    ).run();
  await statement(
    db,
    `UPDATE instances SET last_seen_at = :now ${registered ? ", registered_at = coalesce(registered_at, :now)" : ""}
     WHERE name = :name AND state IN ('launching', 'launched', 'draining')
       AND (${registered ? 1 : 0} OR coalesce(last_seen_at, 0) < :now - 20000)`,
    { name, now },
  ).run();
}

export async function badHostsNow(db: D1Database, now: number): Promise<Set<string>> {
  const { results } = await statement(db, "SELECT provider, host FROM bad_hosts WHERE until > :now", {
    now,
  }).all<{ provider: string; host: string }>();
  return new Set(results.map(({ provider, host }) => `${provider} ${host}`));
}

/** Has a host, or an offer, not rented until then. */
export const avoid = (
  db: D1Database,
  { provider, host }: { provider: string; host: string },
  reason: string,
  until: number,
): D1PreparedStatement =>
  statement(
    db,
    `INSERT INTO bad_hosts (provider, host, reason, until) VALUES (:provider, :host, :reason, :until)
     ON CONFLICT (provider, host) DO UPDATE SET reason = excluded.reason, until = excluded.until`,
    { provider, host, reason, until },
  );

/** Has a provider not asked again until then for what it called wrong. */
export const bar = async (
  db: D1Database,
  provider: string,
  request: string,
  reason: string,
  until: number,
): Promise<void> => {
  await avoid(db, { provider, host: `request ${request}` }, reason, until).run();
};

/** Providers that called a request wrong, and how they said so. */
export async function barredProviders(
  db: D1Database,
  request: string,
  now: number,
): Promise<Map<string, string>> {
  const { results } = await statement(
    db,
    "SELECT provider, reason FROM bad_hosts WHERE until > :now AND host = :host",
    { now, host: `request ${request}` },
  ).all<{ provider: string; reason: string }>();
  return new Map(results.map(({ provider, reason }) => [provider, reason]));
}

/** When a search that failed to get a machine so often in a row tries again. */
export const retryAt = (failures: number, now: number): number =>
  now + Math.min(limits.longestRetry, limits.retry * 2 ** Math.min(failures - 1, 10));

/** Why a search waits whose machines did not start. */
export const machineFailed = "machine-failed";

/** A machine failed before it was of use: its host is not rented again soon, and its search waits, longer each time. */
export async function rememberFailure(
  db: D1Database,
  { provider, host, searchId }: Pick<Instance, "provider" | "host" | "searchId">,
  reason: string,
  now: number,
): Promise<void> {
  const before = await statement(db, "SELECT failures FROM hires WHERE search_id = :searchId", {
    searchId,
  }).first<number>("failures");
  const failures = (before ?? 0) + 1;
  const values = { searchId, failures, tryAt: retryAt(failures, now), problem: machineFailed, reason, now };
  await db.batch([
    statement(
      db,
      `INSERT INTO hires (search_id, failures, try_at, problem, detail, since)
       VALUES (:searchId, :failures, :tryAt, :problem, :reason, :now)
       ON CONFLICT (search_id) DO UPDATE SET failures = excluded.failures, try_at = excluded.try_at,
         problem = excluded.problem, detail = excluded.detail`,
      values,
    ),
    ...(host === null ? [] : [avoid(db, { provider, host }, reason, now + limits.badHost)]),
  ]);
}

/** Remembers why a search waits, with an event when the reason is another one than before. */
export async function rememberWaiting(
  db: D1Database,
  { searchId, problem: before }: Pick<Demand, "searchId" | "problem">,
  hire: { failures: number; tryAt: number; problem: string; detail: string },
  now: number,
): Promise<void> {
  const { problem, detail } = hire;
  await db.batch([
    statement(
      db,
      `INSERT INTO hires (search_id, failures, try_at, problem, detail, since)
       VALUES (:searchId, :failures, :tryAt, :problem, :detail, :now)
       ON CONFLICT (search_id) DO UPDATE SET failures = excluded.failures, try_at = excluded.try_at,
         problem = excluded.problem, detail = excluded.detail`,
      { searchId, ...hire, now },
    ),
    ...(problem === before
      ? []
      : appendEvents(db, searchId, [{ type: "rental.waiting", data: { problem, detail } }], now)),
  ]);
}

export async function readSetting(db: D1Database, key: string): Promise<string> {
  const value = await statement(db, "SELECT value FROM settings WHERE key = :key", { key }).first<string>(
    "value",
  );
  return value ?? "";
}

/** A setting; where there is none yet, the one given, kept from now on. */
export async function setting(db: D1Database, key: string, initial: string): Promise<string> {
  const [, row] = await db.batch<{ value: string }>([
    statement(db, "INSERT INTO settings (key, value) VALUES (:key, :initial) ON CONFLICT (key) DO NOTHING", {
      key,
      initial,
    }),
    statement(db, "SELECT value FROM settings WHERE key = :key", { key }),
  ]);
  return row?.results[0]?.value ?? initial;
}

/** Sets a time that is a setting to `now` where it is older than so long; false when it is not. */
export async function takeTurn(db: D1Database, key: string, now: number, everyMs: number): Promise<boolean> {
  const { meta } = await statement(
    db,
    `INSERT INTO settings (key, value) VALUES (:key, :now)
     ON CONFLICT (key) DO UPDATE SET value = excluded.value WHERE CAST(value AS INTEGER) <= :now - :every`,
    { key, now: String(now), every: everyMs },
  ).run();
  return meta.changes > 0;
}
