/** `summary.json`, what a demo leaves for programs. Its JSON Schema is generated from this and checked in. */

import { z } from "zod";
import { exportFormatNames } from "../../shared/exportFormats.ts";

const seconds = z.number().min(0);
const percent = z.number().min(0).max(100);
const hash = z.string().min(1);
const parameters = z.int().min(0);

export const summarySchema = z
  .strictObject({
    searchId: z.string(),
    backend: z.enum(["tensorflow", "wasm"]).describe("what the runner computed with"),
    seed: z.int().min(0),
    minutes: z.int().min(1).describe("the row of the schedule table, not a measurement"),
    specification: z.record(z.string(), z.unknown()).describe("as sent to the edge"),
    rounds: z.int().min(0),
    candidates: z.int().min(0).describe("evaluations of architectures"),
    front: z
      .array(
        z.strictObject({
          hash,
          accuracy: percent.describe(
            "of a short training of its own, on training images held out from it; of shared weights where `evidence` says so",
          ),
          parameters,
          evidence: z.enum(["short-training", "full-training", "shared-weights"]),
          steps: z.int().min(0).nullable().describe("of the short training behind the accuracy"),
          seconds: seconds.nullable().describe("that it took"),
          sharedWeightsAccuracy: percent.nullable().describe("by which it was chosen to be trained"),
        }),
      )
      .min(1),
    finalTraining: z.strictObject({
      trainingId: z.string(),
      hash,
      testAccuracy: percent.describe("on the test images, percent"),
      testLoss: z.number().nullable(),
      parameters,
      macs: z.number().min(0).nullable(),
      steps: z.int().min(0).nullable(),
    }),
    exports: z
      .record(z.enum(exportFormatNames), z.string())
      .describe("by format, the path relative to this file"),
    seconds: z
      .strictObject({
        setup: seconds,
        data: seconds,
        search: seconds,
        shortTrainings: seconds,
        finalTraining: seconds,
        total: seconds,
      })
      .describe("measured, by phase"),
  })
  .describe("What `nasturtium demo` did");
export type Summary = z.infer<typeof summarySchema>;

/** The JSON Schema as it is checked in. */
export function summaryJsonSchema(): string {
  return `${JSON.stringify(z.toJSONSchema(summarySchema), null, 2)}\n`;
}
