/** What machines cost, and what is set aside for them. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Instance } from "../store/instances.ts";
import { accountChange, accountsOf } from "./accounts.ts";
import { costOf, lastsMs, microUsd } from "./money.ts";

const hour = 3_600_000;

test("money is counted in whole millionths, and never less than the time costs", () => {
  expect(microUsd(0.44)).toBe(440_000);
  expect(costOf(440_000, hour / 2)).toBe(220_000);
  expect(costOf(1, 1)).toBe(1);
  expect(lastsMs(220_000, 440_000)).toBe(hour / 2);
  expect(lastsMs(1, 0)).toBe(Number.POSITIVE_INFINITY);
});

describe("an account", () => {
  const rows = fc.record({
    microUsdPerHour: fc.integer({ min: 1, max: 10_000_000 }),
    reservedMicroUsd: fc.integer({ min: 0, max: 5_000_000 }),
    accruedMicroUsd: fc.integer({ min: 0, max: 5_000_000 }),
    elapsed: fc.integer({ min: 0, max: 10 * hour }),
    free: fc.integer({ min: -1_000_000, max: 20_000_000 }),
  });

  test("never commits more than is free, beyond what is spent already", () => {
    fc.assert(
      fc.property(rows, ({ elapsed, free, ...row }) => {
        const instance = { ...row, accruedUntil: 0 } as Instance;
        const accounts = accountsOf(instance, elapsed, free);
        const after = accountChange(instance, accounts, elapsed).set;
        const before = row.reservedMicroUsd + row.accruedMicroUsd;
        const added = (after.reservedMicroUsd ?? 0) + (after.accruedMicroUsd ?? 0) + 0 - before;
        const overspent = accounts.accrue - accounts.release;
        expect(added - overspent).toBe(accounts.extend);
        expect(accounts.extend).toBeLessThanOrEqual(Math.max(0, free - overspent));
        expect(after.reservedMicroUsd).toBeGreaterThanOrEqual(0);
      }),
      { seed: 1 },
    );
  });
});
