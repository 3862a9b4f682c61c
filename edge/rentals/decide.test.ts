/** What is done about a rented machine. */

import { describe, expect, test } from "vitest";
import type { Instance } from "../store/instances.ts";
import { afterCheck, type Situation, stepOf } from "./decide.ts";
import { limits } from "./limits.ts";

const now = 10_000_000_000;
const minute = 60_000;

const machine = (change: Partial<Instance> = {}): Instance => ({
  id: "i",
  name: "nas-d-s-1-t1",
  searchId: "s",
  provider: "runpod",
  machineId: "m",
  state: "launched",
  gpu: "RTX 4090",
  location: "EU",
  host: "h",
  interruptible: false,
  microUsdPerHour: 400_000,
  tokenId: "t",
  launchedAt: now - 60 * minute,
  registeredAt: now - 50 * minute,
  lastSeenAt: now,
  checkedAt: now,
  expiresAt: now + 600 * minute,
  idleSince: null,
  drainUntil: null,
  endedAt: null,
  settledAt: null,
  reason: null,
  failure: null,
  terminations: 0,
  reservedMicroUsd: 200_000,
  accruedMicroUsd: 0,
  accruedUntil: now,
  settledMicroUsd: 0,
  visitAt: now,
  version: 1,
  ...change,
});

const working: Situation = {
  now,
  searchState: "running",
  isWorking: true,
  hasFreeWork: false,
  fundedUntil: now + 30 * minute,
  ceilingMicroUsdPerHour: 500_000,
  isOverRate: false,
};
const idle: Situation = { ...working, isWorking: false };

describe("a machine that works", () => {
  test("is left alone, and asked for at the provider every five minutes", () => {
    expect(stepOf(machine(), working)).toEqual({ kind: "wait" });
    expect(stepOf(machine({ checkedAt: now - limits.check }), working)).toEqual({ kind: "check" });
  });

  test.each([
    ["its search is paused", { ...working, searchState: "paused" as const }],
    ["its search is over", { ...working, searchState: "cancelled" as const }],
    ["its search was deleted", { ...working, searchState: null }],
    ["it costs more than rental.maxUsdPerHour", { ...working, ceilingMicroUsdPerHour: 399_999 }],
    ["machines cost more than NASTURTIUM_USD_PER_HOUR", { ...working, isOverRate: true }],
    ["the budget allows no more", { ...working, fundedUntil: now + limits.shutdown - 1 }],
  ])("stores a checkpoint before it goes when %s", (reason, situation) => {
    expect(stepOf(machine(), situation)).toEqual({ kind: "drain", reason });
  });

  test("goes on after its search was completed, for a training that was asked for", () => {
    expect(stepOf(machine(), { ...working, searchState: "completed" })).toEqual({ kind: "wait" });
  });

  test("goes before its longest time is over", () => {
    expect(stepOf(machine({ expiresAt: now + limits.shutdown }), working).kind).toBe("drain");
  });

  test("is terminated when its checkpoint takes too long", () => {
    const draining = machine({ state: "draining", reason: "r", drainUntil: now + 1 });
    expect(stepOf(draining, working)).toEqual({ kind: "wait" });
    expect(stepOf({ ...draining, drainUntil: now }, working)).toEqual({ kind: "terminate", reason: "r" });
    expect(stepOf(draining, idle)).toEqual({ kind: "terminate", reason: "r" });
  });
});

describe("a machine without work", () => {
  test("is given back after two minutes, and only if it took none meanwhile", () => {
    expect(stepOf(machine({ idleSince: now - limits.idle + 1 }), idle)).toEqual({ kind: "wait" });
    expect(stepOf(machine({ idleSince: now - limits.idle }), idle)).toMatchObject({
      kind: "terminate",
      ifIdle: true,
    });
  });

  test("is kept while there is work that nobody does", () => {
    expect(stepOf(machine({ idleSince: now - 60 * minute }), { ...idle, hasFreeWork: true }).kind).toBe(
      "wait",
    );
  });
});

describe("a machine that fails", () => {
  test("to register in time is terminated, and its host remembered", () => {
    const young = machine({ registeredAt: null, launchedAt: now - limits.boot });
    expect(stepOf(young, idle)).toEqual({ kind: "check" });
    expect(stepOf({ ...young, launchedAt: now - limits.boot - 1 }, idle)).toMatchObject({
      kind: "terminate",
      hostFailed: true,
    });
  });

  test("to give a sign of life is asked for, then terminated", () => {
    expect(stepOf(machine({ lastSeenAt: now - limits.quiet - 1 }), working)).toEqual({ kind: "check" });
    expect(stepOf(machine({ lastSeenAt: now - limits.silent - 1 }), working).kind).toBe("terminate");
  });

  test.each(["stopped", "failed"] as const)("by being %s is terminated, since it is billed on", (state) => {
    const seen = { id: "m", name: "n", state, priceUsdPerHour: 0.4, host: null };
    expect(afterCheck(machine(), seen, now).kind).toBe("terminate");
  });

  test("to be listed counts as lost once it had time to appear", () => {
    expect(afterCheck(machine({ launchedAt: now - limits.appear + 1 }), null, now)).toEqual({ kind: "wait" });
    expect(afterCheck(machine({ launchedAt: now - limits.appear }), null, now).kind).toBe("terminate");
  });
});
