/** From unknown input to a specification, or to every field that is wrong with it and what to do. Nothing is spent before. */
import { checkCampaign } from "./campaign.ts";
import { rungErrors } from "./candidateTrainings.ts";
import { datasetNames, factsOf, isBuiltIn } from "./datasets.ts";
import { eachOnce, fieldErrors } from "./fieldErrors.ts";
import { unmetBounds } from "./profile.ts";
import { sizeError, trainedSize } from "./scaling.ts";
import type { Stage } from "./schedule.ts";
import { edgesOf, resolveSpace } from "./space.ts";
import {
  type FieldError,
  resolveSchedule,
  type Specification,
  specificationSchema,
  unsupported,
} from "./specification.ts";
import { closestName } from "./suggest.ts";
import { isTable, type PushedFacts, tabularErrors } from "./tabular.ts";
import {
  assumedMacsPerSecond,
  leastReranking,
  notBegun,
  secondsAfterwards,
  secondsOfFirst,
  withSizedParts,
} from "./trainingCost.ts";

/** The pushed data that is known, by name; `elsewhere` where somebody else, the edge, must know. */
export type PushedData = Readonly<Record<string, PushedFacts>> | "elsewhere";

export type Checked =
  | { specification: Specification; errors?: never }
  | { specification?: never; errors: FieldError[] };

/**
 * Short trainings that a specification does not mention are written out: they follow from its schedule, and what was
 * stored without them goes on without them.
 *
 * @param pushed with `elsewhere`, a name that is not built in is accepted and what depends on the data is not checked
 */
export function checkSpecification(input: unknown, pushed: PushedData = {}): Checked {
  const parsed = specificationSchema.safeParse(input);
  if (!parsed.success) return { errors: fieldErrors(parsed.error.issues) };
  const specification: Specification = parsed.data;
  const errors = unsupported(specification);
  const isTabular = specification.evaluation.kind === "tabular";
  errors.push(...(isTabular ? tabularErrors(specification, pushed) : datasetErrors(specification, pushed)));
  try {
    resolveSpace(specification.space);
  } catch (error) {
    errors.push({ pointer: "/space", detail: (error as Error).message });
  }
  try {
    resolveSchedule(specification);
  } catch (error) {
    errors.push({ pointer: "/schedule/preset", detail: (error as Error).message });
  }
  if (errors.length > 0 || isTabular) return errors.length > 0 ? { errors } : { specification };
  return checkTrained(specification);
}

/** Of a specification whose fields are right one by one, and whose networks are trained. */
function checkTrained(specification: Specification): Checked {
  const { name, facts } = specification.dataset;
  const isKnown = isBuiltIn(name) || facts !== undefined;
  const errors = [...drops(specification), ...sizes(specification), ...(isKnown ? sides(specification) : [])];
  if (errors.length > 0) return { errors };
  if (!isKnown) return { specification };
  errors.push(...rungErrors(specification));
  if (errors.length > 0) return { errors };
  const sized = withSizedParts(specification);
  errors.push(...unmetBounds(sized), ...poorBudget(sized));
  return errors.length > 0 ? { errors } : { specification: sized };
}

/** All that is wrong with a campaign or one of its searches, each field once; names of pushed data are accepted. */
export function campaignErrors(input: unknown): FieldError[] {
  const { planned, errors } = checkCampaign(input);
  if (errors !== undefined) return errors;
  return eachOnce(
    planned.flatMap(({ input: search, pointerOf }) =>
      (checkSpecification(search, "elsewhere").errors ?? []).map((error) => ({
        ...error,
        pointer: pointerOf(error.pointer),
      })),
    ),
  );
}

/** Gives a pushed data set its facts. */
function datasetErrors(specification: Specification, pushed: PushedData): FieldError[] {
  const { name } = specification.dataset;
  if (isBuiltIn(name) || pushed === "elsewhere") return [];
  const facts = Object.hasOwn(pushed, name) ? pushed[name] : undefined;
  if (facts === undefined) return [unknownDataset(name, pushed)];
  if (isTable(facts)) {
    const detail = `"${name}" is a table, not images; search it with evaluation: { kind: tabular, table: ${name}, ... }, or name images`;
    return [{ pointer: "/dataset/name", detail }];
  }
  specification.dataset = { ...specification.dataset, facts };
  return [];
}

/**
 * A budget that does not pay for the trainings which a search ends with: two short ones at least, or in a search by
 * training the first, and the final one.
 */
function poorBudget(specification: Specification): FieldError[] {
  const { rental, budget, evaluation } = specification;
  const isByTraining = evaluation.kind === "training";
  const shortSeconds = isByTraining
    ? secondsOfFirst(specification)
    : leastReranking(specification) / assumedMacsPerSecond;
  const shortHours = shortSeconds / 3600;
  const what = isByTraining ? "one short training" : "two short trainings";
  const instead = isByTraining ? "" : ", or set reranking: { enabled: false }";
  const errors = (["gpuHours", "wallClockHours"] as const).flatMap((name): FieldError[] => {
    const hours = budget[name];
    if (hours === undefined || hours >= shortHours) return [];
    const detail = `${hours} hours do not pay for ${what}, estimated at ${upTo(shortHours)} hours even on a GPU; give at least that${instead}`;
    return [{ pointer: `/budget/${name}`, detail }];
  });
  if (rental === undefined || budget.usd === undefined) return errors;
  const finalHours = secondsAfterwards(specification, notBegun).finalTraining / 3600;
  const [finalUsd, usd] = [finalHours, finalHours + shortHours].map((hours) => hours * rental.maxUsdPerHour);
  if (finalUsd === undefined || usd === undefined || usd <= budget.usd) return errors;
  const detail =
    finalUsd > budget.usd
      ? `the final training alone is estimated at ${finalHours.toFixed(1)} hours, ${finalUsd.toFixed(2)} dollars at rental.maxUsdPerHour; raise the budget, or lower finalTraining.epochs`
      : `${what} and the final one are estimated at ${upTo(usd)} dollars at rental.maxUsdPerHour; raise the budget to that${instead}`;
  return [...errors, { pointer: "/budget/usd", detail }];
}

/** Two digits, rounded up, so that what is given suffices. */
function upTo(value: number): number {
  const unit = 10 ** (Math.floor(Math.log10(value)) - 1);
  return Number((Math.ceil(value / unit) * unit).toPrecision(2));
}

function unknownDataset(name: string, pushed: Readonly<Record<string, PushedFacts>>): FieldError {
  const images = Object.entries(pushed).flatMap(([other, facts]) => (isTable(facts) ? [] : [other]));
  const closest = closestName(name, [...datasetNames, ...images]);
  const meant = closest === undefined ? "" : ` (did you mean "${closest}"?)`;
  return {
    pointer: "/dataset/name",
    detail: `no data set "${name}"${meant}; use one of ${datasetNames.join(", ")}, or push it with \`nasturtium data push DIR --name ${name}\``,
  };
}

/** The two residual blocks of the NAS-Bench-201 skeleton add images that they halve in different ways, so sides must be even there. */
function sides({ space, dataset }: Specification): FieldError[] {
  const { height, width } = factsOf(dataset).image;
  if (resolveSpace(space).skeleton !== "nas-bench-201" || (height % 4 === 0 && width % 4 === 0)) return [];
  return [
    {
      pointer: "/space",
      detail: `the nas-bench-201 skeleton halves images twice and needs sides that are multiples of 4, not ${height}x${width}; use a space of the cells skeleton, or images of another size`,
    },
  ];
}

/** Of the networks that are counted, trained in the end and, by stage, searched in. */
function sizes(specification: Specification): FieldError[] {
  const own = sizeError(specification, trainedSize(specification), "/evaluation/network");
  const final = trainedSize(specification, specification.finalTraining);
  const stages = stagesOf(specification).flatMap(
    (stage, index) => sizeError(specification, stage, `/schedule/stages/${index}`) ?? [],
  );
  return [own ?? sizeError(specification, final, "/finalTraining") ?? [], stages].flat();
}

/** Of the supernet, where there is one. */
const stagesOf = (specification: Specification): Stage[] =>
  specification.evaluation.kind === "supernet" ? resolveSchedule(specification).stages : [];

/** Each stage must leave at least one operation on every edge, and name only kinds of cell that the space has. */
function drops(specification: Specification): FieldError[] {
  const space = resolveSpace(specification.space);
  const stages = stagesOf(specification);
  const left = Object.fromEntries(
    Object.entries(space.cells).map(([kind, { operations }]) => [kind, operations.length]),
  );
  const errors: FieldError[] = [];
  stages.forEach((stage, index) => {
    for (const [kind, dropped] of Object.entries(stage.drop)) {
      const pointer = `/schedule/stages/${index}/drop/${kind}`;
      const remaining = left[kind];
      if (remaining === undefined) {
        if (dropped > 0)
          errors.push({
            pointer,
            detail: `the space has no ${kind} cell; use ${Object.keys(left).join(", ")}`,
          });
        continue;
      }
      if (dropped >= remaining)
        errors.push({
          pointer,
          detail: `stage ${index + 1} drops ${dropped} of ${remaining} operations per edge; drop at most ${remaining - 1}`,
        });
      left[kind] = Math.max(1, remaining - dropped);
    }
    if (edgesOf(space).length === 0)
      errors.push({ pointer: "/space", detail: "the space has no edges; give it at least one node" });
  });
  return errors;
}
