/** Whole searches: the real Worker in workerd with D1 and R2, real images, real runners in processes of their own. */

import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isFinished, SEARCH_LIMIT_MS, smallSearch, TestEdge } from "./wholeSearch.ts";

let edge: TestEdge;

beforeAll(async () => {
  edge = await TestEdge.start();
});

afterAll(() => edge?.stop());

/** The file of the local bucket that holds these bytes; it names files by chance. */
function objectFile(sha256: string): string {
  const found = readdirSync(edge.stateDir, { recursive: true, encoding: "utf8" })
    .map((file) => path.join(edge.stateDir, file))
    .filter((file) => file.includes(`${path.sep}blobs${path.sep}`) && statSync(file).isFile())
    .find((file) => createHash("sha256").update(readFileSync(file)).digest("hex") === sha256);
  if (found === undefined) throw new Error(`no object has the digest ${sha256}`);
  return found;
}

function flipByte(file: string): void {
  const content = readFileSync(file);
  content[content.length - 5] = (content[content.length - 5] as number) ^ 1;
  writeFileSync(file, content);
}

describe("a search", () => {
  test(
    "killed with -9 goes on under another runner and ends bit-identical to one that was not, no round lost or counted twice, even when the newest checkpoint is damaged in the bucket",
    async () => {
      const whole = await edge.create(smallSearch("whole"));
      const first = edge.startRunner(whole);
      expect((await edge.until(whole, first, isFinished)).state).toBe("completed");
      await first.stop();
      const expected = await edge.outcome(whole);
      expect(expected.rounds.map(({ round }) => round)).toEqual(expected.rounds.map((_, index) => index));
      expect(expected.front.length).toBeGreaterThan(0);
      expect(expected.trained.length).toBe(1);

      const halfStored = await edge.create(smallSearch("killed inside a checkpoint's bytes"));
      await edge.killAt(halfStored, { kind: "part", nth: 3, moment: "body" });
      const damaged = await edge.create(smallSearch("killed between report and answer"));
      await edge.killAt(damaged, { kind: "report", nth: 12, moment: "answered" });
      const { checkpoints } = edge.client.v1.searches[":id"];
      const { data } = await (await checkpoints.$get({ param: { id: damaged }, query: {} })).json();
      expect(data.length).toBe(2);
      flipByte(objectFile(data[0]?.sha256 ?? ""));

      for (const id of [halfStored, damaged]) {
        const lines: string[] = [];
        const heir = edge.startRunner(id, { checkpointSeconds: 1, onLine: (line) => lines.push(line) });
        expect((await edge.until(id, heir, isFinished)).state).toBe("completed");
        await heir.stop();
        expect(await edge.outcome(id)).toEqual(expected);
        const useless = lines.filter((line) => /is of no use: Blob \w+ is damaged/.test(line));
        expect(useless).toHaveLength(id === damaged ? 1 : 0);
        expect(lines.filter((line) => line.startsWith("Loaded the checkpoint after round"))).toHaveLength(1);
      }
    },
    3 * SEARCH_LIMIT_MS,
  );

  test(
    "finishes with a trained model on WebAssembly where there is no native TensorFlow",
    async () => {
      const id = await edge.create(smallSearch("wasm"));
      const runner = edge.startRunner(id, { backend: "wasm" });
      expect((await edge.until(id, runner, isFinished)).state).toBe("completed");
      const { trained } = await edge.outcome(id);
      expect(trained[0]?.testAccuracy).toBeGreaterThan(0);
      await runner.stop();
    },
    SEARCH_LIMIT_MS,
  );
});
