import { describe, expect, test } from "vitest";
import { createProgress, duration } from "./progress.ts";

describe("progress that is no terminal", () => {
  test("is plain lines with at least five seconds between them", () => {
    const lines: string[] = [];
    let nowMs = 0;
    const progress = createProgress({ output: { write: (text) => lines.push(text) }, now: () => nowMs });
    const step = progress("Search", 100);
    for (let round = 1; round <= 100; round++) {
      nowMs += 100;
      step.update(round, `front ${round}`);
    }
    step.finish("front 21");
    expect(lines).toEqual([
      "Search: started\n",
      "Search: 50 of 100, 5 s (front 50)\n",
      "Search: 100 of 100, 10 s (front 100)\n",
      "Search: done in 10 s (front 21)\n",
    ]);
  });
});

test("durations are said as people say them", () => {
  expect([5, 600, 7200].map(duration)).toEqual(["5 s", "10 min", "2.0 h"]);
});
