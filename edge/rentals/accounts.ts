/** What a machine has cost, and what is set aside for it. Pure. */

import type { Change, Instance } from "../store/instances.ts";
import { limits } from "./limits.ts";
import { costOf, lastsMs, microUsd } from "./money.ts";

export interface Accounts {
  /** Since the last account. */
  accrue: number;
  /** Of what is set aside, spent by it. */
  release: number;
  /** To be set aside anew. */
  extend: number;
  /** Until when what is set aside then lasts. */
  fundedUntil: number;
}

/** @param free what may still be committed, in millionths of a dollar */
export function accountsOf(instance: Instance, now: number, free: number): Accounts {
  const { microUsdPerHour, accruedUntil, reservedMicroUsd } = instance;
  const accrue = costOf(microUsdPerHour, now - accruedUntil);
  const release = Math.min(accrue, reservedMicroUsd);
  const left = reservedMicroUsd - release;
  const wanted = costOf(microUsdPerHour, limits.reserve) - left;
  // What was spent beyond the reservation is committed, too.
  const extend = Math.max(0, Math.min(wanted, Math.floor(free - (accrue - release))));
  return { accrue, release, extend, fundedUntil: now + lastsMs(left + extend, microUsdPerHour) };
}

/** Accounts are written from time to time, and when what is set aside runs low. */
export function isAccountDue(
  { accruedUntil, reservedMicroUsd, microUsdPerHour }: Instance,
  accounts: Accounts,
  now: number,
): boolean {
  const lasts = lastsMs(reservedMicroUsd - accounts.release, microUsdPerHour);
  return now - accruedUntil >= limits.account || (accounts.extend > 0 && lasts < limits.reserve / 2);
}

/** @returns the change that writes them, without the reservation's guard */
export function accountChange(
  { reservedMicroUsd, accruedMicroUsd }: Instance,
  { accrue, release, extend }: Accounts,
  now: number,
): Pick<Change, "set" | "entries"> {
  return {
    set: {
      reservedMicroUsd: reservedMicroUsd - release + extend,
      accruedMicroUsd: accruedMicroUsd + accrue,
      accruedUntil: now,
    },
    entries: [
      { kind: "accrued", microUsd: accrue },
      { kind: "reserved", microUsd: -release },
    ],
  };
}

/** Another price than before: nobody tells since when, so the time since the last account is booked at the dearer one. */
export function priceChange(
  instance: Instance,
  priceUsdPerHour: number,
  now: number,
): Pick<Change, "entries"> & { set?: Change["set"] } {
  const microUsdPerHour = microUsd(priceUsdPerHour);
  // Of one that does not run some tell 0.
  if (microUsdPerHour <= 0 || microUsdPerHour === instance.microUsdPerHour) return {};
  const dearer = { ...instance, microUsdPerHour: Math.max(microUsdPerHour, instance.microUsdPerHour) };
  const { set, entries = [] } = accountChange(dearer, accountsOf(dearer, now, 0), now);
  return { set: { ...set, microUsdPerHour }, entries };
}
