/** What a round costs where it is billed: queries and rows written per report. */

import { expect, test } from "vitest";
import type { LeasedTask } from "../shared/protocol.ts";
import type { Env } from "./env.ts";
import app from "./index.ts";
import { noUsage, type Usage } from "./metering.ts";
import {
  callerWith,
  createSearch,
  env,
  leaseRound,
  registerRunner,
  reportFor,
  roundOf,
  tokenWith,
} from "./testEdge.ts";

/** What the answer says that it cost. */
function usageOf(response: Response): Usage {
  const counts = [...(response.headers.get("server-timing") ?? "").matchAll(/(\w+)=(\d+)/g)];
  return { ...noUsage(), ...Object.fromEntries(counts.map(([, name, count]) => [name, Number(count)])) };
}

test("a round of a search costs at most 3 trips to the database and on average 10 rows written", async () => {
  const token = await tokenWith("admin");
  const call = callerWith(token);
  const searchId = await createSearch(call, { schedule: { preset: "demo-10" } });
  let lease: LeasedTask | null = await leaseRound(call, await registerRunner(call), searchId);
  const perRound: Usage[] = [];
  let stateBytes = 0;
  while (lease?.task.kind === "trainRound") {
    const body = reportFor(roundOf(lease));
    const noise = (candidate: number) =>
      ((candidate * 7919 + body.digest.length + perRound.length * 104_729) % 997) / 20;
    const request = new Request(`https://edge.test/v1/tasks/${lease.task.taskId}/report`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({
        ...body,
        measurements: body.measurements.map((measurement) => ({
          ...measurement,
          values: { accuracy: 40 + noise(measurement.candidate) },
        })),
      }),
    });
    const response: Response = await app.fetch(request, {
      ...env,
      NASTURTIUM_SERVER_TIMING: "1",
    } satisfies Env);
    const usage = usageOf(response);
    lease = ((await response.json()) as { next: LeasedTask | null }).next;
    if (lease?.task.kind === "trainRound") perRound.push(usage);
    const size = await env.DB.prepare(
      "SELECT length(state) AS bytes FROM controller_states WHERE search_id = ?",
    )
      .bind(searchId)
      .first<number>("bytes");
    stateBytes = Math.max(stateBytes, size ?? 0);
  }
  const rows = perRound.map(({ rowsWritten }) => rowsWritten);
  const mean = rows.reduce((sum, count) => sum + count, 0) / rows.length;
  const trips = Math.max(...perRound.map((usage) => usage.trips));
  console.info(
    `${rows.length} rounds: rows written a round: mean ${mean.toFixed(1)}, largest ${Math.max(...rows)}; trips ${trips}; largest state ${stateBytes} bytes`,
  );
  expect(trips).toBeLessThanOrEqual(3);
  expect(mean).toBeLessThanOrEqual(10);
  expect(stateBytes).toBeLessThan(200_000);
});
