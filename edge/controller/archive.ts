/**
 * The non-dominated archive of a stage: the front, and the layers behind it as far as there is room, so that a member
 * that a second measurement demotes has successors. Supernets of different stages are not comparable, so each stage
 * has its own. Pure.
 */

import { hypervolume } from "../../shared/hypervolume.ts";
import { extremesOf } from "../../shared/networkCosts.ts";
import { runnerObjectives } from "../../shared/objectives.ts";
import { ParetoFront } from "../../shared/pareto.ts";
import type { Selection } from "../../shared/space.ts";
import { type Objective, objectiveId, type Specification } from "../../shared/specification.ts";
import { excessOf, type Values } from "./reward.ts";

export interface Archived {
  hash: string;
  selection: Selection;
  values: Values;
  feasible: boolean;
  /** Images its accuracy was measured on, over all its measurements. */
  images: number;
  /** Round of its first measurement. */
  round: number;
  /** Measured again at the stage's end. */
  confirmed: boolean;
  version: number;
}

export const archiveCapacity = 64;
/** A front may be larger than the archive otherwise is. */
const frontCapacity = 256;

/**
 * Minimised objectives: what is maximised is negated; null when a value is missing. One that was not measured
 * yet is as bad as can be: the architecture stands by what is known of it.
 */
export function costsOf(values: Values, objectives: readonly Objective[]): number[] | null {
  const costs: number[] = [];
  for (const objective of objectives) {
    const value = values[objectiveId(objective)];
    if (value === null || value === undefined || !Number.isFinite(value)) {
      if (!comesLater(objective)) return null;
      costs.push(Number.MAX_VALUE);
      continue;
    }
    costs.push(objective.goal === "minimize" ? value : -value);
  }
  return costs;
}

/** What is measured apart from accuracy, by a device or by a runner that can. */
const comesLater = ({ name, device }: Objective): boolean => {
  const ofRunners: readonly string[] = runnerObjectives;
  return device !== undefined || ofRunners.includes(name);
};

/** What layers are made of. */
export type Placeable = Pick<Archived, "values" | "feasible">;

interface Placed<T> {
  entry: T;
  costs: number[];
}

/** Feasible and complete entries with their costs, and the others. */
function place<T extends Placeable>(
  entries: readonly T[],
  objectives: readonly Objective[],
): { placed: Placed<T>[]; others: T[] } {
  const placed: Placed<T>[] = [];
  const others: T[] = [];
  for (const entry of entries) {
    const costs = entry.feasible ? costsOf(entry.values, objectives) : null;
    if (costs === null) others.push(entry);
    else placed.push({ entry, costs });
  }
  return { placed, others };
}

function frontOf<T>(placed: readonly Placed<T>[], objectives: readonly Objective[]): Set<Placed<T>> {
  const front = new ParetoFront<Placed<T>>(objectives.length);
  for (const item of placed) front.insert(item.costs, item);
  return new Set(front.entries().map(({ item }) => item));
}

/** The entries sorted into non-dominated layers, infeasible ones, the nearest first, and incomplete ones in the last. */
export function layersOf<T extends Placeable>(
  entries: readonly T[],
  objectives: readonly Objective[],
): T[][] {
  const layers: T[][] = [];
  const { placed, others } = place(entries, objectives);
  for (let rest = placed; rest.length > 0; ) {
    const layer = frontOf(rest, objectives);
    layers.push(rest.filter((item) => layer.has(item)).map(({ entry }) => entry));
    rest = rest.filter((item) => !layer.has(item));
  }
  if (others.length === 0) return layers;
  return [
    ...layers,
    others.toSorted((a, b) => excessOf(a.values, objectives) - excessOf(b.values, objectives)),
  ];
}

/** Feasible, complete, non-dominated entries; once some are confirmed, only confirmed ones. */
export function paretoEntries(entries: readonly Archived[], objectives: readonly Objective[]): Archived[] {
  const confirmed = entries.filter((entry) => entry.confirmed);
  return nonDominated(confirmed.length > 0 ? confirmed : entries, objectives);
}

/** Feasible, complete entries that no other beats in every objective. */
export function nonDominated<T extends Placeable>(
  entries: readonly T[],
  objectives: readonly Objective[],
): T[] {
  const { placed } = place(entries, objectives);
  const front = frontOf(placed, objectives);
  return placed.filter((item) => front.has(item)).map(({ entry }) => entry);
}

/** The archive cut to its capacity: whole layers from the front backwards, older entries first within the last. */
export function truncate(entries: readonly Archived[], objectives: readonly Objective[]): Archived[] {
  if (entries.length <= archiveCapacity) return [...entries];
  const layers = layersOf(entries, objectives);
  const room = Math.min(frontCapacity, Math.max(archiveCapacity, layers[0]?.length ?? 0));
  return layers.flat().slice(0, room);
}

/** Smallest and largest value of each objective that the hypervolume is measured in. */
export type Bounds = Record<string, [low: number, high: number]>;

/** Of what a supernet's specification says before anything is measured. */
export function knownBounds(specification: Specification): Bounds {
  const bounds: Bounds = { accuracy: [0, 100] };
  for (const [objective, { minimum, maximum }] of Object.entries(extremesOf(specification)))
    bounds[objective] = [minimum, maximum];
  return bounds;
}

/**
 * Share of the box between the bounds that the front dominates, 0 to 1. An objective that no device has measured of any
 * member is left out; a member that lacks one that others have is at the box's edge.
 */
export function hypervolumeShare(
  front: readonly Pick<Archived, "values">[],
  specification: Specification,
  bounds: Bounds,
): number {
  const objectives = specification.objectives.filter(
    (objective) =>
      !comesLater(objective) ||
      front.some(({ values }) => typeof values[objectiveId(objective)] === "number"),
  );
  const points: number[][] = [];
  for (const entry of front) {
    const point = objectives.map((objective) => {
      const id = objectiveId(objective);
      const value = entry.values[id];
      if (comesLater(objective) && typeof value !== "number") return 1;
      const [low, high] = bounds[id] ?? [0, 1];
      const share = ((value ?? Number.NaN) - low) / (high - low || 1);
      return Math.min(1, Math.max(0, objective.goal === "minimize" ? share : 1 - share));
    });
    if (point.every(Number.isFinite)) points.push(point);
  }
  return hypervolume(
    points,
    objectives.map(() => 1),
  );
}
