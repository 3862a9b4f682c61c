/** A round that scores architectures before it trains. */

import { expect, test } from "vitest";
import { reportSchema } from "../../shared/protocol.ts";
import { loadBackend } from "../kernels/backend.ts";
import { dataset, roundOf } from "../rounds.testing.ts";
import { SupernetTrainer } from "../trainRound.ts";

const backend = await loadBackend(process.env.NASTURTIUM_BACKEND === "tensorflow" ? "tensorflow" : "wasm");
const trainer = () => new SupernetTrainer(backend, async () => dataset);

// Two edges of a normal and two of a reduction cell: none, skip_connect, sep_conv_3x3.
const untrained = { codes: ["2211", "1111", "2011", "0000"], seeds: [3, 4], images: 12 };

test("a round gives each architecture its scores, whatever stands beside it, and trains as it would have", async () => {
  const told: [number, number][] = [];
  const scoring = trainer();
  const result = await scoring.run(
    { ...roundOf(0), untrained },
    { progress: (done, total) => told.push([done, total]) },
  );
  expect(told.slice(0, 4)).toEqual([1, 2, 3, 4].map((done) => [done, 4]));
  const plain = trainer();
  expect(result.digest).toBe((await plain.run(roundOf(0))).digest);
  const [wide, skips, narrow, cut] = result.untrained ?? [];
  expect(wide?.macs).toBeGreaterThan(narrow?.macs ?? Number.NaN);
  expect(wide?.distinctPatterns).toBeGreaterThan(skips?.distinctPatterns ?? Number.NaN);
  expect(cut?.expressivity).toBeLessThan(skips?.expressivity ?? Number.NaN);
  expect(reportSchema.safeParse({ kind: "trainRound", leaseId: "l", ...result }).success).toBe(true);

  const alone = trainer();
  const one = await alone.run({ ...roundOf(0), untrained: { ...untrained, codes: ["2011"] } });
  expect(one.untrained).toEqual([narrow]);
  for (const each of [scoring, plain, alone]) each.forget();
});
