/**
 * Orders the archive by trainings from scratch, for which shared weights need not be trusted: successive halving
 * (Jamieson and Talwalkar 2016). Each rung trains longer than the one before, and the better half goes on: half of it
 * the most preferred, the others from the front on, by non-dominated layers of the trained accuracy and the other
 * objectives, and within a layer by preference. What comes next follows from the results alone. Pure.
 */

import { isParametric, operations } from "../../shared/operations.ts";
import { kendall } from "../../shared/rankCorrelation.ts";
import { promotedOf } from "../../shared/reranking.ts";
import type { Selection } from "../../shared/space.ts";
import { type Objective, objectiveId } from "../../shared/specification.ts";
import { accuracyStandardError } from "../../shared/statistics.ts";
import { type Archived, layersOf, nonDominated } from "./archive.ts";
import type { Context } from "./context.ts";
import { reward, type Values } from "./reward.ts";

/** A member of the archive; its accuracy is that of shared weights. */
export type Member = Pick<Archived, "hash" | "values" | "feasible"> &
  Partial<Pick<Archived, "selection" | "images">>;

/** Above so large a share of operations without weights, a network is handed over only where its training speaks for it. */
const mostWeightless = 0.9;

/** One architecture on one rung; closed without an accuracy, it failed or was given up. */
export interface ShortTraining {
  hash: string;
  rung: number;
  isOpen: boolean;
  accuracy: number | null;
}

export interface Standing {
  /** Best first, by shared weights. */
  members: readonly Member[];
  trainings: readonly ShortTraining[];
  rungs: number;
  isBudgetSpent: boolean;
}

export interface Judge {
  objectives: readonly Objective[];
  /** Decides within a layer: more is better. */
  preference: (values: Values) => number;
}

/** By the search's reward, which is the accuracy where no objective has a target. */
export function judgeOf(context: Context, stageIndex: number): Judge {
  const { specification, schedule } = context;
  const stage = context.stage(stageIndex);
  return {
    objectives: specification.objectives,
    preference: (values) => reward(values, specification, schedule, stage) ?? 0,
  };
}

/** `failed`: not one architecture of a rung could be trained, so what was known before it decides. */
export type EndReason = "complete" | "budget" | "failed";

export type NextStep =
  | { kind: "wait" }
  | { kind: "train"; rung: number; hashes: string[] }
  | { kind: "handOver"; reason: EndReason; order: string[] };

/** Members on the longest rung they were trained on. */
interface Trained extends Member {
  rung: number;
}

export function nextStep(standing: Standing, judge: Judge): NextStep {
  const { trainings, rungs, isBudgetSpent } = standing;
  const rung = lastRung(trainings);
  const handOver = (reason: EndReason): NextStep => ({
    kind: "handOver",
    reason,
    order: finalOrder(standing, judge),
  });
  if (isBudgetSpent) return handOver("budget");
  if (trainings.some((training) => training.isOpen)) return { kind: "wait" };
  const trained = trainedOn(standing, rung);
  if (trained.length === 0) return handOver("failed");
  const better = promoted(trained, judge);
  if (rung + 1 >= rungs || better.length === 0) return handOver("complete");
  return { kind: "train", rung: rung + 1, hashes: better.map(({ hash }) => hash) };
}

/** The better half: of it one half by preference, so that the top goes on as well as the front. */
function promoted(trained: readonly Trained[], judge: Judge): Trained[] {
  const count = promotedOf(trained.length);
  const order = ranked(trained, judge);
  const top = order
    .toSorted((a, b) => judge.preference(b.values) - judge.preference(a.values))
    .slice(0, Math.ceil(count / 2));
  return [...top, ...order.filter((member) => !top.includes(member))].slice(0, count);
}

const lastRung = (trainings: readonly ShortTraining[]): number =>
  trainings.reduce((last, { rung }) => Math.max(last, rung), 0);

function trainedOn({ members, trainings }: Standing, rung: number): Trained[] {
  const accuracies = new Map(
    trainings.flatMap(({ hash, rung: at, accuracy }) =>
      at === rung && accuracy !== null ? [[hash, accuracy] as const] : [],
    ),
  );
  return members.flatMap((member) => {
    const accuracy = accuracies.get(member.hash);
    return accuracy === undefined ? [] : [{ ...member, rung, values: { ...member.values, accuracy } }];
  });
}

/** By layer, within one the preferred first. */
export function ranked<T extends Member>(entries: readonly T[], { objectives, preference }: Judge): T[] {
  return layersOf(entries, objectives).flatMap((layer) =>
    layer.toSorted((a, b) => preference(b.values) - preference(a.values) || (a.hash < b.hash ? -1 : 1)),
  );
}

/**
 * The trained front first, the most preferred of it before all, what was never trained last; what failed only where there
 * is nothing else.
 */
function finalOrder(standing: Standing, judge: Judge): string[] {
  const { members, trainings } = standing;
  const front = ranked(trainedFront(standing, judge), judge);
  const order = new Set([...front, ...ranked(trainedMembers(standing), judge)].map(({ hash }) => hash));
  const failed = failedIn(trainings);
  for (const { hash } of members) order.add(hash);
  const left = [...order].filter((hash) => !failed.has(hash));
  return left.length > 0 ? left : [...order];
}

/** What failed on any rung drops out. */
const failedIn = (trainings: readonly ShortTraining[]): Set<string> =>
  new Set(trainings.filter(({ isOpen, accuracy }) => !isOpen && accuracy === null).map(({ hash }) => hash));

/** Members with the accuracy of their longest short training; without those that have none or failed. */
export function trainedMembers(standing: Standing): Trained[] {
  const byHash = new Map<string, Trained>();
  for (let rung = 0; rung <= lastRung(standing.trainings); rung++)
    for (const trained of trainedOn(standing, rung)) byHash.set(trained.hash, trained);
  const failed = failedIn(standing.trainings);
  return [...byHash.values()].filter(({ hash }) => !failed.has(hash));
}

/**
 * The front of trained networks. One that left on an early rung is on it only where no longer training of another beats
 * what its shorter one reached: its accuracy may be too low, not too high. One of little but skips and pools is on it only
 * where it reached what half of all reached: being small is no reason.
 */
export function trainedFront(standing: Standing, { objectives }: Judge): Trained[] {
  const trained = trainedMembers(standing);
  const accuracies = trained.map(accuracyOf).toSorted((a, b) => a - b);
  const median = accuracies[accuracies.length >> 1] ?? 0;
  const supported = trained.filter(
    (member) => weightlessShare(member.selection) <= mostWeightless || accuracyOf(member) >= median,
  );
  return nonDominated(supported, objectives);
}

const accuracyOf = ({ values }: Pick<Member, "values">): number => values.accuracy ?? 0;

/** Of the operations that pass anything on, the share of skips and pools; 0 where nobody knows. */
export function weightlessShare(selection: Selection | undefined): number {
  const passing = Object.values(selection ?? {})
    .flat()
    .filter((name) => operations[name]?.isNone !== true);
  return passing.filter((name) => !isParametric(name)).length / Math.max(1, passing.length);
}

/** Kendall's tau-b between shared weights and the first rung, where all were trained alike; null where it says nothing. */
export function agreement(standing: Standing): number | null {
  const before = new Map(standing.members.map(({ hash, values }) => [hash, values.accuracy ?? null]));
  const pairs = trainedOn(standing, 0).flatMap(({ hash, values }) => {
    const shared = before.get(hash);
    return typeof shared === "number" ? [[shared, values.accuracy as number] as const] : [];
  });
  return kendall(
    pairs.map(([shared]) => shared),
    pairs.map(([, trained]) => trained),
  );
}

/**
 * What a search trains for a short while: feasible members of its archive, and strangers to it.
 *
 * @param strangers of all sizes that are wanted
 */
export const membersToRerank = (
  archive: readonly Archived[],
  count: number,
  judge: Judge,
  strangers: Strangers<Archived> = noStrangers,
): Archived[] =>
  toRerank(
    archive.filter(({ feasible }) => feasible),
    count,
    judge,
    strangers,
  );

/** Of a target, what is still near it. */
const near = { from: 1 / 2, to: 1.15 };
/** Beyond so many times a target nothing is trained while there is something else. */
const farBeyond = 1.5;
/** Architectures to be trained for a while that shared weights had no say in, and their share of the places. */
export interface Strangers<T> {
  list: readonly T[];
  share: number;
}
export const noStrangers: Strangers<never> = { list: [], share: 0 };

/**
 * Which networks to train. Shared weights of a short search flatter small ones, so sizes decide as well: a quarter are the
 * most preferred, others the best of as many strata of size, half of these near the target where there is one, and a
 * share, more where the archive has too few, are strangers. Networks of hardly more than skips and pools, on which
 * weight sharing is known to collapse, and such far beyond the target only where there is nothing else.
 */
export function toRerank<T extends Member>(
  entries: readonly T[],
  count: number,
  judge: Judge,
  strangers: Strangers<T> = noStrangers,
): T[] {
  const axis = axisOf([...entries, ...strangers.list], judge.objectives);
  const pool = entries.filter(
    (entry) =>
      weightlessShare(entry.selection) <= mostWeightless &&
      (axis?.target === undefined || axis.sizeOf(entry) <= farBeyond * axis.target),
  );
  const byPreference = (list: readonly T[]) =>
    list.toSorted((a, b) => judge.preference(cautious(b)) - judge.preference(cautious(a)));
  const known = new Map(entries.map((entry) => [entry.hash, entry]));
  const others = strangers.list
    .filter(({ selection }) => weightlessShare(selection) <= mostWeightless)
    .map((stranger) => known.get(stranger.hash) ?? stranger);
  const room = count - (axis === null ? 0 : Math.min(others.length, Math.floor(count * strangers.share)));
  const isSpread = axis !== null && pool.length > room;
  const chosen = new Set(
    (isSpread ? spread(byPreference(pool), room, axis, judge) : byPreference(pool)).slice(0, room),
  );
  if (axis !== null)
    for (const member of filling(others, count - chosen.size, [...chosen], axis.sizeOf)) chosen.add(member);
  for (const entry of byPreference(entries)) chosen.add(entry);
  return ranked([...chosen].slice(0, count), judge);
}

/** Those whose sizes, one after the other, are the furthest from what there is. */
function filling<T extends Member>(
  list: readonly T[],
  count: number,
  beside: readonly T[],
  sizeOf: Axis["sizeOf"],
): T[] {
  const logOf = (entry: T) => Math.log(sizeOf(entry));
  const sizes = beside.map(logOf);
  const left = new Map(list.map((entry) => [entry, logOf(entry)]));
  const found: T[] = [];
  while (found.length < count && left.size > 0) {
    const distances = [...left].map(([entry, size]) => ({
      entry,
      size,
      distance: Math.min(...sizes.map((other) => Math.abs(other - size)), Number.MAX_VALUE),
    }));
    const furthest = distances.reduce((best, one) => (one.distance > best.distance ? one : best));
    found.push(furthest.entry);
    sizes.push(furthest.size);
    left.delete(furthest.entry);
  }
  return found;
}

/** @param pool the most preferred first */
function spread<T extends Member>(
  pool: readonly T[],
  count: number,
  { target, sizeOf }: Axis,
  { objectives }: Judge,
): T[] {
  const chosen = new Set(pool.slice(0, Math.ceil(count / 4)));
  const add = (list: readonly T[], wanted: number) => {
    const others = list.filter((entry) => !chosen.has(entry));
    for (const member of strata(others, wanted, sizeOf)) if (chosen.size < count) chosen.add(member);
  };
  if (target === undefined) {
    const [smallest] = nonDominated(pool, objectives).toSorted((a, b) => sizeOf(a) - sizeOf(b));
    if (smallest !== undefined && chosen.size < count) chosen.add(smallest);
  } else {
    const isNear = (entry: T) => sizeOf(entry) >= near.from * target && sizeOf(entry) <= near.to * target;
    add(pool.filter(isNear), Math.ceil((count - chosen.size) / 2));
  }
  const best = Math.max(...pool.map(accuracyOf));
  const able = pool.filter((entry) => accuracyOf(entry) >= best / 2);
  for (let before = -1; chosen.size > before && chosen.size < count; ) {
    before = chosen.size;
    add(able, count - before);
  }
  return [...chosen];
}

interface Axis {
  sizeOf: (entry: Pick<Member, "values">) => number;
  /** Where it is wanted. */
  target: number | undefined;
}

/** What sizes are told apart by: the first objective to be minimised that is known of all; null where there is none. */
function axisOf(entries: readonly Member[], objectives: readonly Objective[]): Axis | null {
  for (const objective of objectives) {
    const id = objectiveId(objective);
    if (objective.goal !== "minimize" || !entries.every(({ values }) => (values[id] ?? 0) > 0)) continue;
    return { sizeOf: ({ values }) => values[id] ?? 0, target: objective.target };
  }
  return null;
}

/** With the accuracy that a lucky measurement leaves: a standard error less. */
function cautious({ values, images = 0 }: Member): Values {
  const error = accuracyStandardError(values.accuracy, images) ?? 0;
  return { ...values, accuracy: (values.accuracy ?? 0) - error };
}

/** The best of each of so many strata of equal width in the logarithm of size; an empty one has none. */
function strata<T extends Member>(list: readonly T[], count: number, sizeOf: Axis["sizeOf"]): T[] {
  const sizes = list.map((entry) => Math.log(sizeOf(entry)));
  const low = Math.min(...sizes);
  const width = (Math.max(...sizes) - low) / count || 1;
  const best = new Map<number, T>();
  for (const [index, entry] of list.entries()) {
    const stratum = Math.min(count - 1, Math.floor(((sizes[index] ?? low) - low) / width));
    const other = best.get(stratum);
    if (other === undefined || (cautious(entry).accuracy ?? 0) > (cautious(other).accuracy ?? 0))
      best.set(stratum, entry);
  }
  return [...best.entries()].sort(([a], [b]) => a - b).map(([, entry]) => entry);
}
