/** Questions about a front: bounds on objectives, order, number of rows, CSV. Pure. */

import { isOfSharedWeights } from "../shared/evidence.ts";
import { printGenotype } from "../shared/genotype.ts";
import { type Objective, objectiveId, type Specification } from "../shared/specification.ts";
import { accuracyStandardError } from "../shared/statistics.ts";
import { nonDominated } from "./controller/archive.ts";
import { Context } from "./controller/context.ts";
import { judgeOf } from "./controller/rerank.ts";
import { csvText } from "./csv.ts";
import { invalid } from "./problems.ts";
import type { Architecture } from "./store/architectures.ts";

export interface FrontQuery {
  /** An objective's id, with `-` in front for the largest first. Default: the first objective, best first. */
  sort?: string | undefined;
  limit: number;
  bounds: { objective: string; kind: "max" | "min"; value: number }[];
}

/** Of every row: what was trained at another size has a source of its own. */
export const frontSource = "search" as const;

const fixedKeys = new Set(["objectives", "stage", "sort", "limit", "format", "cursor", "dataset", "table"]);

/** `max_<objective id>` and `min_<objective id>` of a query. */
export function boundsOf(
  query: Record<string, string>,
  objectives: readonly Objective[],
): FrontQuery["bounds"] {
  const known = objectives.map(objectiveId);
  return Object.entries(query)
    .filter(([key]) => !fixedKeys.has(key))
    .map(([key, text]) => {
      const match = /^(max|min)_(.+)$/.exec(key);
      const [, kind, objective] = match ?? [];
      if (objective === undefined || !known.includes(objective))
        throw invalid([
          {
            pointer: `/${key}`,
            detail: `unknown parameter; bounds are max_ or min_ and one of ${known.join(", ")}`,
          },
        ]);
      const value = Number(text);
      if (text.trim() === "" || !Number.isFinite(value))
        throw invalid([{ pointer: `/${key}`, detail: "not a number" }]);
      return { objective, kind: kind as "max" | "min", value };
    });
}

/**
 * The front of some objectives alone: part of the front of all. With each device's latency an objective, the front of one
 * device's is the models to take for that device.
 *
 * @param asked ids parted by commas; all where it is left out
 */
export function projected<T extends Architecture>(
  members: readonly T[],
  objectives: readonly Objective[],
  asked: string | undefined,
): T[] {
  if (asked === undefined) return [...members];
  const ids = asked.split(",").map((id) => id.trim());
  const known = objectives.map(objectiveId);
  for (const id of ids)
    if (!known.includes(id))
      throw invalid([
        {
          pointer: "/objectives",
          detail: `"${id}" is not an objective of this search; use some of ${known.join(", ")}`,
        },
      ]);
  return nonDominated(
    members,
    objectives.filter((objective) => ids.includes(objectiveId(objective))),
  );
}

export function selectFront<T extends Valued>(
  members: readonly T[],
  objectives: readonly Objective[],
  query: FrontQuery,
): T[] {
  const within = (row: T) =>
    query.bounds.every(({ objective, kind, value }) => {
      const measured = row.values[objective];
      return typeof measured === "number" && (kind === "max" ? measured <= value : measured >= value);
    });
  return members.filter(within).sort(orderBy(objectives, query.sort)).slice(0, query.limit);
}

/** What can be asked about. */
type Valued = Pick<Architecture, "hash" | "values">;

function orderBy(
  objectives: readonly Objective[],
  sort: string | undefined,
): (a: Valued, b: Valued) => number {
  const [first] = objectives;
  const fallback = first === undefined ? "" : `${first.goal === "maximize" ? "-" : ""}${objectiveId(first)}`;
  const key = sort ?? fallback;
  const id = key.replace(/^-/, "");
  const known = objectives.map(objectiveId);
  if (!known.includes(id))
    throw invalid([
      {
        pointer: "/sort",
        detail: `not an objective of this search; use one of ${known.join(", ")}, or - and one`,
      },
    ]);
  // Equal ones by what is better in the other objectives, in their order.
  const keys = [
    { id, sign: key.startsWith("-") ? -1 : 1 },
    ...objectives.map((other) => ({ id: objectiveId(other), sign: other.goal === "maximize" ? -1 : 1 })),
  ];
  const worst = Number.POSITIVE_INFINITY;
  const rank = ({ values }: Valued, { id: by, sign }: (typeof keys)[number]) =>
    typeof values[by] === "number" ? sign * values[by] : worst;
  return (a, b) => {
    for (const by of keys) {
      const [left, right] = [rank(a, by), rank(b, by)];
      if (left !== right) return left < right ? -1 : 1;
    }
    return a.hash.localeCompare(b.hash);
  };
}

/** What orders a search's architectures before the final training: the accuracy, less where it is beyond a target. */
export function preferenceOf(
  specification: Specification,
): (row: Pick<Architecture, "values" | "stage">) => number | null {
  const context = new Context(specification);
  return ({ values, stage }) =>
    typeof values.accuracy === "number" ? judgeOf(context, stage).preference(values) : null;
}

/** By objective id, of a value that is a mean over so many images. */
export function standardErrorsOf(values: Architecture["values"], images: number): Record<string, number> {
  const accuracy = accuracyStandardError(values.accuracy, images);
  return accuracy === null ? {} : { accuracy };
}

/**
 * One row an architecture; a column for each objective.
 *
 * @param showsArchitecture whether to write each out, so that it can be found in a table
 */
export function frontCsv(
  rows: readonly Architecture[],
  objectives: readonly Objective[],
  showsArchitecture = false,
): string {
  const ids = objectives.map(objectiveId);
  return csvText(
    [
      "hash",
      "stage",
      "round",
      "images",
      ...ids,
      "accuracyStandardError",
      "source",
      "evidence",
      "trainingSteps",
      "testAccuracy",
      "sharedWeightsAccuracy",
      ...(showsArchitecture ? ["architecture"] : []),
    ],
    rows.map((row) => [
      row.hash,
      row.stage,
      row.round,
      row.images,
      ...ids.map((id) => row.values[id]),
      standardErrorsOf(row.values, row.images).accuracy?.toFixed(4),
      frontSource,
      row.evidence,
      row.trainingSteps,
      row.testAccuracy,
      isOfSharedWeights(row) ? row.values.accuracy : row.sharedWeightsAccuracy,
      ...(showsArchitecture ? [printGenotype(row.genotype)] : []),
    ]),
  );
}
