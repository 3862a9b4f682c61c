import { expect, test } from "vitest";
import { selectFront } from "./front.ts";

test("of what is equal in the objective that sorts, the better in the others comes first, then the name decides", () => {
  const objectives = [
    { name: "accuracy", goal: "maximize" },
    { name: "parameters", goal: "minimize" },
    { name: "latency", device: "phone", goal: "minimize" },
  ] as const;
  const row = (hash: string, accuracy: number, parameters: number, latency?: number) => ({
    hash,
    values: { accuracy, parameters, ...(latency !== undefined && { "latency.phone": latency }) },
  });
  const rows = [
    row("a", 90, 900, 5),
    row("b", 91, 900, 5),
    row("c", 91, 800),
    row("d", 91, 800, 7),
    row("f", 91, 800, 6),
    row("e", 91, 800, 6),
  ];
  const sorted = (sort?: string) =>
    selectFront(rows, objectives, { bounds: [], sort, limit: 10 }).map(({ hash }) => hash);
  expect(sorted("-accuracy")).toEqual(["e", "f", "d", "c", "b", "a"]);
  expect(sorted()).toEqual(sorted("-accuracy"));
  expect(sorted("parameters")).toEqual(["e", "f", "d", "c", "b", "a"]);
});
