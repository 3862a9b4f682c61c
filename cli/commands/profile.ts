/** `nasturtium profile`: what a specification's space holds, before anything is spent. */

import type { InferResponseType } from "hono/client";
import { costClasses, factsOfObjective } from "../../shared/objectives.ts";
import {
  deviceObjectivesOf,
  type Objective,
  objectiveId,
  type SpecificationInput,
  specificationSchema,
} from "../../shared/specification.ts";
import type { EdgeClient } from "../client.ts";
import type { CommandRow } from "../command.ts";
import { readSpecification } from "../specificationFile.ts";
import { textTable } from "../table.ts";
import { calibratedObjectivesOf, calibrateFor } from "./devices.ts";

const columns = {
  objective: "OBJECTIVE",
  unit: "UNIT",
  minimum: "MINIMUM",
  median: "MEDIAN",
  maximum: "MAXIMUM",
  of: "RANGE OF",
};
const factColumns = { objective: "OBJECTIVE", unit: "UNIT", cost: "A VALUE COSTS" };
const SPELLED_OUT = 1e6;

type Profile = InferResponseType<EdgeClient["v1"]["profiles"]["$post"]>;

/** A search on a table has no weight steps. */
function lengthLines(profile: Profile): string[] {
  const { architectures, rounds, steps, evaluations, tuningSteps, reranking, estimate } = profile;
  const size =
    architectures < SPELLED_OUT ? architectures.toLocaleString("en-US") : architectures.toExponential(1);
  const training = steps > 0 ? `${steps} weight steps, ` : "";
  return [
    `${size} architectures; ${rounds} rounds, ${training}${evaluations} evaluations`,
    ...(tuningSteps > 0 ? [`to tune what is confirmed: at most ${tuningSteps} weight steps`] : []),
    ...(reranking.trainings > 0
      ? [
          `to order the archive: at most ${reranking.trainings} short trainings, ${reranking.steps} weight steps`,
        ]
      : []),
    ...(estimate === null ? [] : [estimateLine(estimate)]),
  ];
}

const hours = (value: number): string => (value < 0.1 ? "under 0.1" : value.toFixed(1));

function estimateLine({ gpuHours, usd }: NonNullable<Profile["estimate"]>): string {
  const { search, reranking, finalTraining } = gpuHours;
  const money = usd === null ? "" : `, $${usd.toFixed(2)} at the price that may be paid`;
  return `on a rented GPU about ${hours(search + reranking)} hours to search and ${hours(finalTraining)} to train what it found${money}; a factor of two either way`;
}

/** What is not known yet of the devices that a specification names, and how to know it. */
function unmeasuredIn(input: SpecificationInput, file: string, known: readonly string[]): string[] {
  const unknown = (list: readonly Objective[]) => list.map(objectiveId).filter((id) => !known.includes(id));
  const missing = unknown(calibratedObjectivesOf(input));
  const later = unknown(deviceObjectivesOf(specificationSchema.parse(input))).filter(
    (id) => !missing.includes(id),
  );
  return [
    ...(missing.length > 0
      ? [`not measured yet: ${missing.join(", ")}; measure with \`nasturtium profile ${file} --measure\``]
      : []),
    ...(later.length > 0
      ? [`measured in the search, architecture by architecture: ${later.join(", ")}`]
      : []),
  ];
}

export const profile: CommandRow = {
  name: "profile",
  args: "<specification>",
  description: "show the range of each cheap objective and the length of a search, before it is started",
  options: [
    { flags: "--measure", description: "first have the devices that it names measure, and wait for them" },
  ],
  async run(ctx, [file = ""], options) {
    const input = await readSpecification(file);
    if (options.measure === true) await calibrateFor(ctx, file, input);
    const client = ctx.client();
    const result = await client.json(client.v1.profiles.$post({ json: input }), [
      "objectives",
      "ranges",
      "reranking",
      "estimate",
    ]);
    const unknown = unmeasuredIn(input, file, Object.keys(result.ranges));
    const facts = Object.entries(result.objectives).map(([objective, { unit, cost }]) => ({
      objective,
      unit: unit ?? "",
      cost: cost === "table" ? "a row of the table" : costClasses[cost].costs,
    }));
    const rows = Object.entries(result.ranges).map(([objective, { minimum, median, maximum, networks }]) => ({
      objective,
      unit: (result.objectives[objective] ?? factsOfObjective({ name: objective })).unit ?? "",
      of: networks === undefined ? "the space" : `${networks} measured networks`,
      minimum,
      median,
      maximum,
    }));
    ctx.print(
      result,
      [
        ...(facts.length > 0 ? [textTable(facts, factColumns), ""] : []),
        ...(rows.length > 0 ? [textTable(rows, columns), ""] : []),
        ...lengthLines(result),
        ...(unknown.length > 0 ? ["", ...unknown] : []),
      ].join("\n"),
    );
  },
};
