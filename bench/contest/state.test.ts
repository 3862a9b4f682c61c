import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, test } from "vitest";
import { UsageError } from "../search/options.ts";
import { ContestState, runUnits, type Unit } from "./state.ts";

const folder = mkdtempSync(path.join(tmpdir(), "nasturtium-contest-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const quiet = { log: () => {}, signal: new AbortController().signal };

test("what is there is not run again, and an interruption loses the unit under way only", async () => {
  const ran: string[] = [];
  const unit = (name: string, fails = false): Unit<string> => ({
    name,
    settings: { hours: 2, of: undefined },
    wallSeconds: 1,
    run: async () => {
      ran.push(name);
      if (fails) throw new Error("interrupted");
      return `result of ${name}`;
    },
  });
  const state = new ContestState(folder, "abc");
  const first = runUnits(state, [unit("A/one"), unit("A/two", true), unit("A/three")], quiet);
  await expect(first).rejects.toThrow("interrupted");
  await runUnits(new ContestState(folder, "def"), [unit("A/one"), unit("A/two"), unit("A/three")], quiet);
  expect(ran).toEqual(["A/one", "A/two", "A/two", "A/three"]);
  expect(state.read(unit("A/two"))).toBe("result of A/two");
  expect(readdirSync(path.join(folder, "A")).sort()).toEqual(["one.json", "three.json", "two.json"]);
});

test("a result of other settings is refused, naming what differs", () => {
  const state = new ContestState(folder, "abc");
  const unit = (steps: number): Unit<number> => ({
    name: "A/x",
    settings: { seed: 1, schedule: { steps } },
    wallSeconds: 1,
    run: async () => 1,
  });
  state.write(unit(10), 1);
  expect(state.read(unit(10))).toBe(1);
  expect(() => state.read(unit(20))).toThrow(UsageError);
  expect(() => state.read(unit(20))).toThrow("schedule.steps is 10 there, 20 here");
});
