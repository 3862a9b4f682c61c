/** Starting searches and campaigns: from what somebody asks for to the rows of it, checked with the data that was pushed. */

import { z } from "zod";
import { checkCampaign, type Planned } from "../shared/campaign.ts";
import { isBuiltIn } from "../shared/datasets.ts";
import { eachOnce, within } from "../shared/fieldErrors.ts";
import { pushedFactsOf } from "../shared/pushedDataset.ts";
import type { FieldError, Specification } from "../shared/specification.ts";
import { fill, kindOf, type Template, type Values } from "../shared/template.ts";
import { checkSpecification } from "../shared/validate.ts";
import { startSearch } from "./controller/controller.ts";
import { withCalibrations } from "./controller/onDevices.ts";
import { newId } from "./ids.ts";
import { calibrationsFor } from "./measuring/assign.ts";
import { calibratedFor } from "./measuring/calibrate.ts";
import { type DeviceChecks, deviceErrors } from "./measuring/devices.ts";
import { invalid } from "./problems.ts";
import { type Campaign, campaignInsertion } from "./store/campaigns.ts";
import { isConstraintError } from "./store/database.ts";
import { type Dataset, findDataset, listDatasets } from "./store/datasets.ts";
import { type NewSearch, searchInsertions } from "./store/searches.ts";

/** Most pushed data sets among which a mistyped name is looked for. */
const suggestedAmong = 50;

const datasetNamed = z.object({ dataset: z.object({ name: z.string() }) });
const tableNamed = z.object({ evaluation: z.object({ kind: z.literal("tabular"), table: z.string() }) });

/** The name of the pushed data that a specification needs, if any. */
export function pushedName(input: unknown): string | undefined {
  const table = tableNamed.safeParse(input).data?.evaluation.table;
  if (table !== undefined) return table;
  const dataset = datasetNamed.safeParse(input).data?.dataset.name;
  return dataset === undefined || isBuiltIn(dataset) ? undefined : dataset;
}

/** A specification that can be done, and the pushed data it needs: null where that is built in. */
export interface Ready {
  specification: Specification;
  datasetId: string | null;
}

interface Refused {
  errors: FieldError[];
}

/** Checks a specification, with the data that was pushed. */
export async function readied(
  db: D1Database,
  input: unknown,
  checks?: DeviceChecks,
): Promise<Ready | Refused> {
  const named = pushedName(input);
  const pushed = named === undefined ? [] : await pushedLike(db, named);
  const facts = pushed.map(({ name, header }) => [name, pushedFactsOf(header)] as const);
  const checked = checkSpecification(input, Object.fromEntries(facts));
  if (checked.errors !== undefined) return { errors: checked.errors };
  const { specification } = checked;
  const missing = await deviceErrors(db, specification, checks);
  if (missing.length > 0) return { errors: missing };
  const datasetId = pushed.find(({ name }) => name === named)?.id ?? null;
  return { specification, datasetId };
}

/** The complete data set of this name; where there is none, others that may have been meant. */
async function pushedLike(db: D1Database, name: string): Promise<Dataset[]> {
  const found = await findDataset(db, name);
  const list = found === null ? await listDatasets(db, { after: null, limit: suggestedAmong }) : [found];
  return list.filter(({ completedAt }) => completedAt !== null);
}

/** Every search of the grid, or all that is wrong with any of them, each field once. */
async function readiedAll(
  db: D1Database,
  planned: readonly Planned[],
): Promise<{ ready: (Ready & Pick<Planned, "place">)[] } | Refused> {
  const errors: FieldError[] = [];
  const ready: (Ready & Pick<Planned, "place">)[] = [];
  for (const { input, place, pointerOf } of planned) {
    const one = await readied(db, input);
    if ("errors" in one)
      errors.push(...one.errors.map((error) => ({ ...error, pointer: pointerOf(error.pointer) })));
    else ready.push({ ...one, place });
  }
  return errors.length > 0 ? { errors: eachOnce(errors) } : { ready };
}

/** What is about to be stored: one search, or a campaign with its searches. */
export interface Start {
  campaign: Campaign | null;
  searches: (NewSearch & Ready)[];
  /** Runner time that it may take, in hours; null without a limit. */
  gpuHours: number | null;
}

export async function searchStart(db: D1Database, input: unknown): Promise<Start | Refused> {
  const ready = await readied(db, input);
  if ("errors" in ready) return ready;
  const gpuHours = ready.specification.budget.gpuHours ?? null;
  return { campaign: null, searches: [await newSearch(db, ready, Date.now())], gpuHours };
}

export async function campaignStart(
  db: D1Database,
  input: unknown,
): Promise<(Start & { campaign: Campaign }) | Refused> {
  const checked = checkCampaign(input);
  if (checked.errors !== undefined) return { errors: checked.errors };
  const { campaign: specification, planned } = checked;
  const all = await readiedAll(db, planned);
  if ("errors" in all) return all;
  const { ready } = all;
  const id = newId();
  const createdAt = Date.now();
  const searches = await Promise.all(
    ready.map(async ({ place, ...one }, index) => ({
      // One after the other, so that they are worked on and listed in the order of the grid.
      ...(await newSearch(db, one, createdAt + index)),
      place,
      campaignId: id,
    })),
  );
  const visibility = ready[0]?.specification.visibility ?? "private";
  const campaign: Campaign = { id, name: specification.name, visibility, specification, createdAt };
  return { campaign, searches, gpuHours: specification.budget.gpuHours ?? null };
}

/** What a template asks for with these values; errors point into the template, or at a value. */
export async function templateStart(
  db: D1Database,
  template: Template,
  values: Values,
): Promise<Start | Refused> {
  const result = fill(template, values);
  if ("missing" in result)
    return {
      errors: result.missing.map((name) => ({
        pointer: `/values/${name}`,
        detail: `the template has the placeholder "${name}"; give its value`,
      })),
    };
  const kind = kindOf(template);
  const start = await (kind === "campaign" ? campaignStart : searchStart)(db, result.input);
  return "errors" in start ? { errors: within(`/${kind}`, start.errors) } : start;
}

async function newSearch(db: D1Database, ready: Ready, createdAt: number): Promise<NewSearch & Ready> {
  const id = newId();
  const { specification } = ready;
  const begun = startSearch(specification, id);
  const calibrated = await calibratedFor(db, specification);
  const isCalibrated = Object.keys(calibrated).length > 0;
  const controller = isCalibrated ? withCalibrations(begun, specification, calibrated).state : begun;
  return { id, ...ready, createdAt, controller };
}

/** Statements that store a start, or nothing of it. */
export const startInsertions = (db: D1Database, { campaign, searches }: Start): D1PreparedStatement[] => [
  ...(campaign === null ? [] : [campaignInsertion(db, campaign)]),
  ...searchInsertions(db, searches),
  ...searches.flatMap(({ specification, createdAt }) => calibrationsFor(db, specification, createdAt)),
];

/** Stores a start. @throws Problem where data that it needs was deleted meanwhile */
export async function store(db: D1Database, start: Start): Promise<void> {
  try {
    await db.batch(startInsertions(db, start));
  } catch (error) {
    if (!isConstraintError(error) || !start.searches.some(({ datasetId }) => datasetId !== null)) throw error;
    throw invalid([goneData(start)]);
  }
}

/** The field of a start that names data which is gone. */
export function goneData({ campaign, searches }: Start): FieldError {
  const isTabular = searches[0]?.specification.evaluation.kind === "tabular";
  const pointer = isTabular ? "/evaluation/table" : "/dataset/name";
  return {
    pointer: campaign === null ? pointer : `/search${pointer}`,
    detail: "this data was deleted just now; push it again",
  };
}
