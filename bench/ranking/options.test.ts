/** What the command line means. */

import { describe, expect, test } from "vitest";
import { parseOptions, type RankingOptions } from "./options.ts";

const needed = ["--table", "t.csv", "--data", "folder"];

function parsed(...args: string[]): RankingOptions {
  const options = parseOptions([...needed, ...args]);
  if (typeof options === "string") throw new Error(options);
  return options;
}

describe("the command line", () => {
  test("trains a reduced network by default, and the benchmark's own with --full", () => {
    expect(parsed().settings).toMatchObject({ channels: 8, cells: 1, imagePixels: 16, reductions: "light" });
    const full = { channels: 16, cells: 5, imagePixels: 32, reductions: "full" };
    expect(parsed("--full").settings).toMatchObject(full);
  });

  test("counts minutes of every thread", () => {
    expect(parsed("--minutes", "60", "--threads", "2").length).toEqual({ coreMinutes: 120 });
    expect(parsed("--steps", "500").length).toEqual({ steps: 500 });
  });

  test.each([
    ["minutes and steps at once", ["--minutes", "1", "--steps", "1"], /not both/],
    ["an unknown option", ["--epochs", "3"], /--epochs/],
    ["images of a size that CIFAR-10 cannot be made", ["--image", "20"], /imagePixels/],
    ["no number", ["--cells", "few"], /cells/],
    ["paths that there are not", ["--paths", "best"], /paths/],
  ])("refuses %s with a reason and the usage", (_what, args, reason) => {
    const answer = parseOptions([...needed, ...args]);
    expect(answer).toMatch(reason);
    expect(answer).toMatch(/bench:ranking/);
  });

  test("says what is missing", () => {
    expect(parseOptions([])).toMatch(/table/);
  });
});
