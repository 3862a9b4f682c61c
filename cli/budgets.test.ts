/** What `nasturtium budgets` prints of a search, from an edge that answers with a budget. */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { runCli } from "./run.testing.ts";

const budget = { spentUsd: 1.3, reservedUsd: 0.2, capUsd: 5, instances: [] };

async function printed(prices: Record<string, number | null>): Promise<string> {
  const server = createServer((_, response) => {
    response
      .writeHead(200, { "content-type": "application/json" })
      .end(JSON.stringify({ ...budget, ...prices }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const edge = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const env = { NASTURTIUM_EDGE: edge, NASTURTIUM_TOKEN: "nst_test" };
  const { code, stdout, stderr } = await runCli(["budgets", "s1"], { env });
  expect({ code, stderr }).toMatchObject({ code: 0 });
  return stdout;
}

test("a search's budget tells what each architecture and each percent of hypervolume has cost", async () => {
  const text = await printed({ perArchitectureUsd: 0.13, perHypervolumePercentUsd: 0.26 });
  expect(text).toContain("$0.13 for each architecture on the front.");
  expect(text).toContain("$0.26 for each percent of hypervolume.");
});

test("and nothing of what has bought nothing yet", async () => {
  expect(await printed({ perArchitectureUsd: null, perHypervolumePercentUsd: null })).not.toContain(
    "for each",
  );
});
