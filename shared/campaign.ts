/**
 * A campaign: one specification at several targets, seeds and data sets, each a search of its own, under one budget.
 * Pure; whether each search is possible is checked as for any other.
 */

import { z } from "zod";
import { fieldErrors } from "./fieldErrors.ts";
import { type FieldError, nameSchema, objectiveId, specificationSchema } from "./specification.ts";

export const mostSearches = 64;
const axis = <S extends z.ZodType>(value: S) => z.array(value).min(1).max(mostSearches);

export const campaignSchema = z
  .strictObject({
    name: z.string().min(1).max(80),
    search: z
      .record(z.string(), z.unknown())
      .describe("the specification that the searches share; its name is made from the campaign's"),
    grid: z
      .strictObject({
        targets: z
          .record(z.string(), axis(z.number().positive()))
          .optional()
          .describe("by objective id, the targets to search for"),
        seeds: axis(z.int().min(0).max(Number.MAX_SAFE_INTEGER)).optional(),
        datasets: axis(nameSchema).optional(),
      })
      .describe("a search for each combination"),
    budget: z
      .strictObject({
        usd: z.number().positive().optional(),
        gpuHours: z.number().positive().optional(),
        wallClockHours: z.number().positive().optional(),
      })
      .prefault({})
      .describe(
        "of all searches together; each has an equal share, and what one leaves over goes to the others",
      ),
  })
  .describe("A Nasturtium campaign");
export type Campaign = z.infer<typeof campaignSchema>;
export type CampaignInput = z.input<typeof campaignSchema>;

/** Where on the grid a search stands; only what the grid varies. */
export const placeSchema = z
  .object({
    targets: z.record(z.string(), z.number()).optional(),
    seed: z.int().optional(),
    dataset: z.string().optional(),
  })
  .describe("where on the grid the search stands");
export type Place = z.infer<typeof placeSchema>;

/** A search of a campaign, not checked yet. */
export interface Planned {
  place: Place;
  label: string;
  input: Record<string, unknown>;
  /** The field of the campaign that stands behind a field of the specification. */
  pointerOf: (pointer: string) => string;
}

export type CheckedCampaign =
  | { campaign: Campaign; planned: Planned[]; errors?: never }
  | { campaign?: never; planned?: never; errors: FieldError[] };

export function checkCampaign(input: unknown): CheckedCampaign {
  const parsed = campaignSchema.safeParse(input);
  if (!parsed.success) return { errors: fieldErrors(parsed.error.issues) };
  const campaign = parsed.data;
  const axes = axesOf(campaign.grid);
  const errors = gridErrors(campaign, axes);
  return errors.length > 0 ? { errors } : { campaign, planned: planned(campaign, axes) };
}

/** One direction of the grid: a value puts itself into a place. */
interface Axis {
  pointer: string;
  /** The field of a specification that it sets. */
  sets: (objectives: readonly unknown[]) => string;
  values: (string | number)[];
  put: (place: Place, value: string | number) => Place;
}

function axesOf({ targets = {}, seeds, datasets }: Campaign["grid"]): Axis[] {
  const axes: Axis[] = Object.entries(targets).map(([id, values]) => ({
    pointer: `/grid/targets/${id}`,
    sets: (objectives) => `/objectives/${objectives.findIndex((objective) => idOf(objective) === id)}/target`,
    values,
    put: (place, value) => ({ ...place, targets: { ...place.targets, [id]: value as number } }),
  }));
  if (seeds !== undefined)
    axes.push({
      pointer: "/grid/seeds",
      sets: () => "/seed",
      values: seeds,
      put: (place, value) => ({ ...place, seed: value as number }),
    });
  if (datasets !== undefined)
    axes.push({
      pointer: "/grid/datasets",
      sets: () => "/dataset/name",
      values: datasets,
      put: (place, value) => ({ ...place, dataset: value as string }),
    });
  return axes;
}

function gridErrors({ search, grid }: Campaign, axes: readonly Axis[]): FieldError[] {
  const errors: FieldError[] = [];
  if (axes.length === 0)
    errors.push({ pointer: "/grid", detail: "nothing varies; give targets, seeds or datasets" });
  const total = axes.reduce((product, { values }) => product * values.length, 1);
  if (total > mostSearches)
    errors.push({
      pointer: "/grid",
      detail: `${total} searches; at most ${mostSearches} make a campaign: leave values out, or make two`,
    });
  for (const { pointer, values } of axes)
    values.forEach((value, index) => {
      if (values.indexOf(value) < index)
        errors.push({ pointer: `${pointer}/${index}`, detail: `${value} is listed twice; keep one` });
    });
  const known = objectivesOf(search).map(idOf);
  for (const id of Object.keys(grid.targets ?? {}))
    if (!known.includes(id))
      errors.push({
        pointer: `/grid/targets/${id}`,
        detail: `the search has no objective "${id}"; use one of ${known.join(", ")}`,
      });
  return errors;
}

/** As written, or those of a specification that names none. */
function objectivesOf(search: Record<string, unknown>): unknown[] {
  const { objectives } = search;
  if (Array.isArray(objectives)) return objectives;
  return objectives === undefined ? specificationSchema.shape.objectives.parse(undefined) : [];
}

const named = z.looseObject({ name: z.string(), device: z.string().optional() });

function idOf(objective: unknown): string {
  const { data } = named.safeParse(objective);
  return data === undefined ? "" : objectiveId(data);
}

function planned(campaign: Campaign, axes: readonly Axis[]): Planned[] {
  const { name, search } = campaign;
  const objectives = objectivesOf(search);
  let places: { place: Place; at: number[] }[] = [{ place: {}, at: [] }];
  for (const { values, put } of axes)
    places = places.flatMap(({ place, at }) =>
      values.map((value, index) => ({ place: put(place, value), at: [...at, index] })),
    );
  return places.map(({ place, at }) => {
    const label = placeText(place);
    const sources = new Map(
      axes.map(({ sets, pointer }, index) => [sets(objectives), `${pointer}/${at[index]}`]),
    );
    return {
      place,
      label,
      input: inputAt(search, objectives, place, `${name}: ${label}`),
      pointerOf: (pointer) => sources.get(pointer) ?? `/search${pointer}`,
    };
  });
}

function inputAt(
  search: Record<string, unknown>,
  objectives: readonly unknown[],
  { targets, seed, dataset }: Place,
  name: string,
): Record<string, unknown> {
  const aimed = objectives.map((objective) => {
    const target = targets?.[idOf(objective)];
    return target === undefined ? objective : { ...(objective as object), target };
  });
  return {
    ...search,
    name: name.slice(0, 120),
    ...(targets === undefined ? {} : { objectives: aimed }),
    ...(seed === undefined ? {} : { seed }),
    ...(dataset === undefined ? {} : { dataset: { name: dataset } }),
  };
}

/** @example placeText({ targets: { parameters: 50000 }, seed: 2 }) // "parameters 50,000, seed 2" */
export function placeText({ targets = {}, seed, dataset }: Place): string {
  return [
    ...Object.entries(targets).map(([id, target]) => `${id} ${target.toLocaleString("en-US")}`),
    ...(seed === undefined ? [] : [`seed ${seed}`]),
    ...(dataset === undefined ? [] : [dataset]),
  ].join(", ");
}
