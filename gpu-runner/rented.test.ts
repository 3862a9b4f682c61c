/** Machines that end by themselves. */

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test, vi } from "vitest";
import { giveMachineBack, lifetimeOf, watch } from "./rented.ts";

const quiet = () => {};
afterEach(() => vi.useRealTimers());

describe("a rented machine's watch", () => {
  test("ends the runner two minutes before the machine's time is over, and not before", () => {
    vi.useFakeTimers();
    const { signal, heard } = watch(3600, quiet);
    for (let minute = 0; minute < 57; minute++) {
      vi.advanceTimersByTime(60_000);
      heard();
    }
    expect(signal.aborted).toBe(false);
    vi.advanceTimersByTime(90_000);
    expect(signal.aborted).toBe(true);
  });

  test("ends the runner when the edge does not answer for 15 minutes, and not while it does", () => {
    vi.useFakeTimers();
    const { signal, heard } = watch(86_400, quiet);
    vi.advanceTimersByTime(14 * 60_000);
    heard();
    vi.advanceTimersByTime(14 * 60_000);
    expect(signal.aborted).toBe(false);
    vi.advanceTimersByTime(2 * 60_000);
    expect(signal.aborted).toBe(true);
  });

  test("is kept on rented machines only", () => {
    expect(lifetimeOf({})).toBeNull();
    expect(lifetimeOf({ NASTURTIUM_LIFETIME_SECONDS: "soon" })).toBeNull();
    expect(lifetimeOf({ NASTURTIUM_LIFETIME_SECONDS: "600" })).toBe(600);
  });
});

describe("giving a machine back", () => {
  const cases = [
    [
      "RunPod",
      "/pods/p1",
      (base: string) => ({ RUNPOD_BASE_URL: base, RUNPOD_POD_ID: "p1", RUNPOD_API_KEY: "k" }),
    ],
    [
      "Vast.ai",
      "/api/v0/instances/7/",
      (base: string) => ({ VAST_BASE_URL: base, CONTAINER_ID: "7", CONTAINER_API_KEY: "k" }),
    ],
  ] as const;

  test.each(cases)("tells %s with the machine's own key", async (_provider, path, variables) => {
    const asked: string[] = [];
    const server = createServer((req, res) => {
      asked.push(`${req.method} ${req.url} ${req.headers.authorization}`);
      res.writeHead(204).end();
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    expect(await giveMachineBack(variables(base), quiet)).toBe(true);
    expect(asked).toEqual([`DELETE ${path} Bearer k`]);
    server.close();
  });

  test("does nothing on a machine without a key of its own", async () => {
    const call = vi.fn();
    expect(await giveMachineBack({}, quiet, call)).toBe(false);
    expect(call).not.toHaveBeenCalled();
  });
});
