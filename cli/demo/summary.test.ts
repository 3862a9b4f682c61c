import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { writeSummary } from "./outputs.ts";
import { type Summary, summaryJsonSchema, summarySchema } from "./summary.ts";
import { frontSvg } from "./svg.ts";
import { demoSpecification } from "./table.ts";

const folder = mkdtempSync(path.join(tmpdir(), "nasturtium-summary-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const summary: Summary = {
  searchId: "abc",
  backend: "tensorflow",
  seed: 1,
  minutes: 3,
  specification: demoSpecification(3, 1),
  rounds: 40,
  candidates: 320,
  front: [
    {
      hash: "h1",
      accuracy: 71.5,
      parameters: 12_000,
      evidence: "short-training",
      steps: 50,
      seconds: 8.2,
      sharedWeightsAccuracy: 52.1,
    },
  ],
  finalTraining: {
    trainingId: "t1",
    hash: "h1",
    testAccuracy: 84.2,
    testLoss: 0.4,
    parameters: 12_000,
    macs: 1e6,
    steps: 300,
  },
  exports: {
    genotype: "exports/genotype.txt",
    json: "exports/architecture.json",
    tfjs: "exports/tfjs",
    "saved-model": "exports/saved-model",
    samples: "exports/samples.json",
    onnx: "exports/model.onnx",
  },
  seconds: { setup: 9, data: 3, search: 100, shortTrainings: 60, finalTraining: 40, total: 212 },
};

describe("summary.json", () => {
  test("has the JSON Schema that is checked in", () => {
    const checkedIn = readFileSync(new URL("./summary.schema.json", import.meta.url), "utf8");
    expect(JSON.parse(checkedIn)).toEqual(JSON.parse(summaryJsonSchema()));
  });

  test("is written as it is read", () => {
    writeSummary(folder, summary);
    expect(summarySchema.parse(JSON.parse(readFileSync(path.join(folder, "summary.json"), "utf8")))).toEqual(
      summary,
    );
  });

  test("without a front, or with an accuracy beyond 100, is not written", () => {
    expect(() => writeSummary(folder, { ...summary, front: [] })).toThrow();
    const finalTraining = { ...summary.finalTraining, testAccuracy: 101 };
    expect(() => writeSummary(folder, { ...summary, finalTraining })).toThrow();
  });
});

test("the picture has a mark for each point and escapes its title", () => {
  const points = [1, 2, 3].map((index) => ({ accuracy: 60 + index, parameters: 1000 * index }));
  const svg = frontSvg("a < b", points, points.slice(1));
  expect(svg).toContain("a &lt; b");
  expect(svg.match(/<circle/g)).toHaveLength(3 + 2 + 2);
  expect(svg).not.toContain("NaN");
});
