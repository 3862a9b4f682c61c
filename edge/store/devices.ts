/** Devices that measure. */

import { asc, eq, gt } from "drizzle-orm";
import { devices } from "../../schema/devices.ts";
import type { Measured } from "../../shared/measuring.ts";
import { database, isConstraintError, statement } from "./database.ts";

export type Device = typeof devices.$inferSelect;

export async function findDevice(db: D1Database, name: string): Promise<Device | null> {
  const [row] = await database(db).select().from(devices).where(eq(devices.name, name));
  return row ?? null;
}

export async function findDeviceById(db: D1Database, id: string): Promise<Device | null> {
  const [row] = await database(db).select().from(devices).where(eq(devices.id, id));
  return row ?? null;
}

export const devicesAfter = (db: D1Database, name: string, limit: number): Promise<Device[]> =>
  database(db).select().from(devices).where(gt(devices.name, name)).orderBy(asc(devices.name)).limit(limit);

/** False where there is one of this name. */
export async function insertDevice(db: D1Database, device: Device): Promise<boolean> {
  try {
    await database(db).insert(devices).values(device);
    return true;
  } catch (error) {
    if (isConstraintError(error)) return false;
    throw error;
  }
}

export async function changeDevice(
  db: D1Database,
  id: string,
  change: Partial<Pick<Device, "state" | "problem" | "reference" | "objectives" | "backend" | "seenAt">>,
): Promise<void> {
  await database(db).update(devices).set(change).where(eq(devices.id, id));
}

export const sawDevice = (db: D1Database, id: string, now: number): D1PreparedStatement =>
  statement(db, "UPDATE devices SET seen_at = :now WHERE id = :id", { id, now });

/** What a device's reference network took now, and what is odd about that, if anything. */
export const noteReference = (
  db: D1Database,
  id: string,
  { reference, problem, now }: { reference: Measured | null; problem: string | null; now: number },
): D1PreparedStatement =>
  statement(
    db,
    `UPDATE devices SET seen_at = :now, problem = :problem, reference = coalesce(reference, :reference)
     WHERE id = :id AND state = 'active'`,
    { id, now, problem, reference: reference === null ? null : JSON.stringify(reference) },
  );

/** It measures nothing more until somebody says so, and what waits for it waits no longer. */
export const quarantine = (
  db: D1Database,
  id: string,
  problem: string,
  now: number,
): D1PreparedStatement[] => [
  statement(
    db,
    "UPDATE devices SET state = 'quarantined', problem = :problem, seen_at = :now WHERE id = :id",
    {
      id,
      problem,
      now,
    },
  ),
];

export async function deleteDevice(db: D1Database, id: string): Promise<void> {
  await db.batch([
    statement(db, "DELETE FROM measurements WHERE device_id = :id", { id }),
    statement(db, "DELETE FROM calibrations WHERE device_id = :id", { id }),
    statement(db, "DELETE FROM devices WHERE id = :id", { id }),
  ]);
}

/** Active endpoints that something waits for, first those that answered the longest ago. */
export async function endpointsWithWork(db: D1Database): Promise<string[]> {
  const { results } = await statement(
    db,
    `SELECT d.id FROM devices d WHERE ${hasWork} ORDER BY d.seen_at`,
  ).all<{
    id: string;
  }>();
  return results.map(({ id }) => id);
}

/** SQL that is true of an endpoint `d` that is to be asked. */
export const hasWork = `d.kind = 'endpoint' AND d.state = 'active'
  AND EXISTS (SELECT 1 FROM measurements m WHERE m.device_id = d.id AND m.state = 'queued')`;
