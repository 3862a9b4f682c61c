/** Runners and leases. Whether a lease is held is decided by SQL at the moment of writing, by the edge's clock. */

import type { z } from "zod";
import { runners } from "../../schema/runners.ts";
import type { backendSchema, heartbeatRequestSchema } from "../../shared/protocol.ts";
import { leaseSeconds } from "../../shared/protocol.ts";
import { newId } from "../ids.ts";
import { database, statement } from "./database.ts";
import type { NewEvent } from "./events.ts";

/** SQL that is true of a runner `r` on a rented machine that is to end. */
export const onLeavingMachine =
  "EXISTS (SELECT 1 FROM instances i WHERE i.name = r.name AND i.state NOT IN ('launching', 'launched'))";

export interface Lease {
  resource: string;
  leaseId: string;
  runnerId: string;
  expiresAt: number;
}

/**
 * How often a task is handed out without progress before it counts as failed. Progress is a round that was reported, or
 * a checkpoint beyond all before it. What its runner gives back does not count.
 */
export const maxAttempts = 3;
const offered = 3;

export const expiryFrom = (now: number): number => now + leaseSeconds * 1000;

/** SQL that is true while `:leaseId` holds `:resource`. */
export const leaseHeld = `EXISTS (SELECT 1 FROM leases WHERE resource = :resource AND lease_id = :leaseId AND expires_at > :now)`;

export async function insertRunner(
  db: D1Database,
  name: string,
  backend: z.infer<typeof backendSchema>,
): Promise<string> {
  const id = newId();
  await database(db).insert(runners).values({ id, name, backend, createdAt: Date.now() });
  return id;
}

/** Work that is free, or this runner's already. `attempts` is 0 for work that was never taken. */
export interface Offer {
  resource: string;
  searchId: string;
  kind: "search" | "training";
  attempts: number;
  /** It was held by another runner until it expired. */
  abandonedBy: string | null;
  mine: boolean;
  /** A search by training: a training of it is to be begun before there is anything to take. */
  trains?: boolean;
  /** Whether it is mine and may not know yet: taking it again is the same attempt. */
  isRepeated: boolean;
}

/** Whether it was tried too often. */
export const isExhausted = ({ attempts, isRepeated }: Pick<Offer, "attempts" | "isRepeated">): boolean =>
  !isRepeated && attempts >= maxAttempts;

interface OfferRow {
  resource: string;
  search_id: string;
  attempts: number | null;
  runner_id: string | null;
  expires_at: number | null;
  heard: number | null;
  trains?: number;
}

/** Who asks for work, and of which search; with `instance` the runner must be called so. */
export interface Wanted {
  runnerId: string;
  searchId?: string | undefined;
  instance?: string | null | undefined;
}

/** SQL that is true of a search `s` by training that has scored what it was to score first. */
const trains = `(s.specification ->> '$.evaluation.kind' = 'training' AND NOT EXISTS (SELECT 1 FROM controller_states c
  WHERE c.search_id = s.id AND c.state ->> '$.task' IS NOT NULL))`;
/** SQL that is true of a search `s` by training that can begin nothing before one of its trainings ends. */
export const beginsNothing = `(${trains} AND EXISTS (SELECT 1 FROM controller_states c
  WHERE c.search_id = s.id AND c.state ->> '$.halving.isWaiting' = 1))`;

/** What a runner could take, trainings first: they end a search. Undefined when the runner is not known. */
export async function offers(db: D1Database, wanted: Wanted, now: number): Promise<Offer[] | undefined> {
  const values = {
    runnerId: wanted.runnerId,
    now,
    ...(wanted.searchId === undefined ? {} : { searchId: wanted.searchId }),
  };
  const only = wanted.searchId === undefined ? "" : "AND s.id = :searchId";
  const free = "(l.resource IS NULL OR l.expires_at <= :now OR l.runner_id = :runnerId)";
  const mineFirst = "(l.runner_id IS :runnerId AND l.expires_at > :now) DESC";
  const [known, trainings, searches] = await db.batch<OfferRow>([
    statement(
      db,
      "SELECT id AS resource FROM runners WHERE id = :runnerId AND name = coalesce(:instance, name)",
      { runnerId: wanted.runnerId, instance: wanted.instance ?? null },
    ),
    statement(
      db,
      `SELECT t.id AS resource, t.search_id, l.attempts, l.runner_id, l.expires_at, l.heard
       FROM trainings t JOIN searches s ON s.id = t.search_id LEFT JOIN leases l ON l.resource = t.id
       WHERE t.state IN ('queued', 'running') AND s.state <> 'paused' ${only} AND ${free}
       ORDER BY ${mineFirst}, t.created_at LIMIT ${offered}`,
      values,
    ),
    statement(
      db,
      `SELECT s.id AS resource, s.id AS search_id, l.attempts, l.runner_id, l.expires_at, l.heard, ${trains} AS trains
       FROM searches s LEFT JOIN leases l ON l.resource = s.id
       WHERE s.state IN ('queued', 'running') AND s.searching = 1 ${only} AND ${free}
         AND NOT ${beginsNothing}
       ORDER BY ${mineFirst}, s.created_at LIMIT ${offered}`,
      values,
    ),
  ]);
  if (known?.results.length === 0) return undefined;
  const toOffer =
    (kind: Offer["kind"]) =>
    (row: OfferRow): Offer => {
      const held = (row.expires_at ?? 0) > now;
      return {
        resource: row.resource,
        searchId: row.search_id,
        kind,
        ...(row.trains === 1 ? { trains: true } : {}),
        attempts: row.attempts ?? 0,
        abandonedBy: !held && row.expires_at !== null && row.expires_at > 0 ? row.runner_id : null,
        mine: held,
        isRepeated: held && row.heard !== 1,
      };
    };
  const all = [
    ...(trainings?.results ?? []).map(toOffer("training")),
    ...(searches?.results ?? []).map(toOffer("search")),
  ];
  return [...all.filter(({ mine }) => mine), ...all.filter(({ mine }) => !mine)];
}

/**
 * Takes a lease if it is still free; null when another runner was faster. Each time counts as an attempt, but where the
 * same runner asks again before it was heard of: then the lease lasts no longer than the answer that may be lost.
 */
export async function takeLease(
  db: D1Database,
  offer: Pick<Offer, "resource" | "searchId">,
  runnerId: string,
  now: number,
): Promise<Lease | null> {
  const lease = { resource: offer.resource, leaseId: newId(), runnerId };
  const row = await statement(
    db,
    `INSERT INTO leases (resource, search_id, lease_id, runner_id, expires_at, attempts)
     SELECT :resource, :searchId, :leaseId, :runnerId, :expiresAt, 1
     WHERE NOT EXISTS (SELECT 1 FROM runners r WHERE r.id = :runnerId AND ${onLeavingMachine})
     ON CONFLICT (resource) DO UPDATE SET
       attempts = attempts + (expires_at <= :now OR heard),
       lease_id = excluded.lease_id, runner_id = excluded.runner_id,
       expires_at = iif(expires_at <= :now OR heard, excluded.expires_at, expires_at), heard = 0, progress = NULL
     WHERE expires_at <= :now OR runner_id = excluded.runner_id
     RETURNING expires_at AS expiresAt`,
    { ...lease, searchId: offer.searchId, expiresAt: expiryFrom(now), now },
  ).first<{ expiresAt: number }>();
  return row === null ? null : { ...lease, ...row };
}

/** Prolongs a lease that is held; false when it is lost. */
export async function renewLease(
  db: D1Database,
  lease: { resource: string; leaseId: string },
  progress: unknown,
  now: number,
): Promise<boolean> {
  return (await renewal(db, lease, progress, now).run()).meta.changes > 0;
}

const renewal = (
  db: D1Database,
  lease: { resource: string; leaseId: string },
  progress: unknown,
  now: number,
): D1PreparedStatement =>
  statement(
    db,
    `UPDATE leases SET expires_at = :expiresAt, heard = 1, progress = coalesce(:progress, progress)
     WHERE resource = :resource AND lease_id = :leaseId AND expires_at > :now`,
    {
      ...lease,
      expiresAt: expiryFrom(now),
      progress: progress === undefined ? null : JSON.stringify(progress),
      now,
    },
  );

type Heartbeat = Omit<z.infer<typeof heartbeatRequestSchema>, "leaseId">;

/** A final training tells its progress in so many events. */
const progressEvents = 20;

/** Prolongs a lease, with the events of what its holder tells; false when it is lost. */
export async function heartbeat(
  db: D1Database,
  lease: { resource: string; leaseId: string },
  { progress, notices = [] }: Heartbeat,
  now: number,
): Promise<boolean> {
  const results = await db.batch([
    ...(progress === undefined ? [] : [progressEvent(db, lease, progress, now)]),
    ...(notices.length === 0 ? [] : [leaseEvents(db, lease, notices, now)]),
    renewal(db, lease, progress, now),
  ]);
  return (results.at(-1)?.meta.changes ?? 0) > 0;
}

/** An event whenever a training has passed another twentieth of its steps. */
const progressEvent = (
  db: D1Database,
  lease: { resource: string; leaseId: string },
  { done, total, trainLoss }: NonNullable<Heartbeat["progress"]>,
  now: number,
): D1PreparedStatement =>
  statement(
    db,
    `INSERT INTO events (search_id, sequence, type, data, created_at)
     SELECT search_id, (SELECT coalesce(max(e.sequence), 0) + 1 FROM events e WHERE e.search_id = leases.search_id),
       'training.progress',
       json_set(:data, '$.purpose', (SELECT t.purpose FROM trainings t WHERE t.id = :resource)), :now
     FROM leases WHERE resource = :resource AND lease_id = :leaseId AND expires_at > :now AND search_id <> resource
       AND coalesce(CAST(${progressEvents} * json_extract(progress, '$.done') / json_extract(progress, '$.total') AS INTEGER), -1)
         < :passed`,
    {
      ...lease,
      now,
      passed: total > 0 ? Math.floor((progressEvents * done) / total) : 0,
      data: JSON.stringify({ trainingId: lease.resource, done, total, trainLoss }),
    },
  );

/** Events of the search that a held lease belongs to. */
const leaseEvents = (
  db: D1Database,
  lease: { resource: string; leaseId: string },
  list: readonly NewEvent[],
  now: number,
): D1PreparedStatement =>
  statement(
    db,
    `INSERT INTO events (search_id, sequence, type, data, created_at)
     SELECT l.search_id, (SELECT coalesce(max(e.sequence), 0) FROM events e WHERE e.search_id = l.search_id) + key + 1,
       json_extract(value, '$.type'), json_extract(value, '$.data'), :now
     FROM leases l, json_each(:list)
     WHERE l.resource = :resource AND l.lease_id = :leaseId AND l.expires_at > :now`,
    { ...lease, now, list: JSON.stringify(list) },
  );

/** Gives a lease back; null when it was not held. A failure counts as an attempt, a release does not. */
export async function freeLease(
  db: D1Database,
  lease: { resource: string; leaseId: string },
  failed: boolean,
  now: number,
): Promise<{ attempts: number; searchId: string; runnerId: string } | null> {
  return statement(
    db,
    `UPDATE leases SET expires_at = 0, attempts = max(0, attempts - :forgiven)
     WHERE resource = :resource AND lease_id = :leaseId AND expires_at > :now
     RETURNING attempts, search_id AS searchId, runner_id AS runnerId`,
    { ...lease, forgiven: failed ? 0 : 1, now },
  ).first();
}

/** Whether the holder of a lease should stop: its search or training is paused, over or gone, or its machine is to end. */
export async function shouldStop(db: D1Database, resource: string): Promise<boolean> {
  const row = await statement(
    db,
    `SELECT 1 AS working WHERE (
       EXISTS (SELECT 1 FROM searches WHERE id = :resource AND state = 'running' AND searching = 1)
       OR EXISTS (SELECT 1 FROM trainings t JOIN searches s ON s.id = t.search_id
         WHERE t.id = :resource AND t.state = 'running' AND s.state <> 'paused')
       OR EXISTS (SELECT 1 FROM measurements m LEFT JOIN searches s ON s.id = m.search_id
         WHERE m.id = :resource AND m.state = 'queued' AND (s.id IS NULL OR s.state = 'running')))
       AND NOT EXISTS (SELECT 1 FROM leases l JOIN runners r ON r.id = l.runner_id
         WHERE l.resource = :resource AND ${onLeavingMachine})`,
    { resource },
  ).first();
  return row === null;
}
