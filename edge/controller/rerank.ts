/**
 * Orders the archive by trainings from scratch, for which shared weights need not be trusted: successive halving
 * (Jamieson and Talwalkar 2016). Each rung trains longer than the one before, and the better half goes on. With several
 * objectives better means: in an earlier non-dominated layer of the trained accuracy and the other objectives, and
 * within a layer preferred by the search. What comes next follows from the results alone. Pure.
 */

import { kendall } from "../../shared/rankCorrelation.ts";
import { promotedOf } from "../../shared/reranking.ts";
import type { Objective } from "../../shared/specification.ts";
import { type Archived, layersOf, nonDominated } from "./archive.ts";
import type { Context } from "./context.ts";
import { reward, type Values } from "./reward.ts";

/** A member of the archive; its accuracy is that of shared weights. */
export type Member = Pick<Archived, "hash" | "values" | "feasible">;

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
  const better = ranked(trained, judge).slice(0, promotedOf(trained.length));
  if (rung + 1 >= rungs || better.length === 0) return handOver("complete");
  return { kind: "train", rung: rung + 1, hashes: better.map(({ hash }) => hash) };
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

/** Those that came furthest first, what was never trained last; what failed only where there is nothing else. */
function finalOrder(standing: Standing, judge: Judge): string[] {
  const { members, trainings } = standing;
  const order = new Set<string>();
  for (let rung = lastRung(trainings); rung >= 0; rung--)
    for (const { hash } of ranked(trainedOn(standing, rung), judge)) order.add(hash);
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
 * what its shorter one reached: its accuracy may be too low, not too high.
 */
export const trainedFront = (standing: Standing, { objectives }: Judge): Trained[] =>
  nonDominated(trainedMembers(standing), objectives);

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

/** What a search orders again: feasible members of its archive, those whose measurement was confirmed first. */
export function membersToRerank(archive: readonly Archived[], count: number, judge: Judge): Archived[] {
  const feasible = archive.filter((entry) => entry.feasible);
  const confirmed = toRerank(
    feasible.filter((entry) => entry.confirmed),
    count,
    judge,
  );
  const others = feasible.filter((entry) => !entry.confirmed);
  return [...confirmed, ...toRerank(others, count - confirmed.length, judge)];
}

/**
 * Which of the archive to train: whole layers from the front on. Of a layer with too many the preferred one, and others
 * at even distances in the order of accuracy, so that both ends of a front stay.
 */
export function toRerank<T extends Member>(entries: readonly T[], count: number, judge: Judge): T[] {
  const chosen: T[] = [];
  for (const layer of layersOf(entries, judge.objectives)) {
    const room = count - chosen.length;
    if (room <= 0) break;
    chosen.push(...(layer.length <= room ? layer : spread(layer, room, judge)));
  }
  return ranked(chosen, judge);
}

function spread<T extends Member>(layer: readonly T[], room: number, { preference }: Judge): T[] {
  const byPreference = layer.toSorted((a, b) => preference(b.values) - preference(a.values));
  const [first] = byPreference;
  if (first === undefined || room === 1) return byPreference.slice(0, room);
  const others = layer
    .filter((member) => member !== first)
    .toSorted((a, b) => (b.values.accuracy ?? 0) - (a.values.accuracy ?? 0));
  const gap = room === 2 ? 0 : (others.length - 1) / (room - 2);
  const picked = Array.from({ length: room - 1 }, (_, index) => others[Math.round(index * gap)]);
  return [first, ...picked.filter((member) => member !== undefined)];
}
