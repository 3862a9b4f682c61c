/** Events as sentences for whoever looks at their search: what happened, with its figures. Pure. */

import type { LiveEvent } from "../../app/liveEvents.ts";
import { duration, measured, money, number, whole } from "../../ui/format.ts";

export type EventTone = "good" | "warn" | "bad" | "calm";

type Data = Readonly<Record<string, unknown>>;

const text = (data: Data, name: string): string => (typeof data[name] === "string" ? data[name] : "");
const figure = (data: Data, name: string): number | null =>
  typeof data[name] === "number" ? data[name] : null;

/** A clause and its figures: those that are known. */
function told(clause: string, ...figures: (string | null)[]): string {
  const known = figures.filter((known) => known !== null);
  return known.length === 0 ? `${clause}.` : `${clause}: ${known.join(", ")}.`;
}

const count = (data: Data, name: string, what: string): string | null => {
  const value = figure(data, name);
  return value === null ? null : `${whole(value)} ${value === 1 ? (singular[what] ?? what) : what}`;
};
const singular: Record<string, string> = {
  architectures: "architecture",
  "edges pruned": "edge pruned",
  "minutes without a runner": "minute without a runner",
  "go on": "goes on",
};
const hypervolume = (data: Data): string | null =>
  figure(data, "hypervolume") === null ? null : `hypervolume ${number(figure(data, "hypervolume"))}`;
const accuracy = (data: Data, name: string, what: string): string | null =>
  figure(data, name) === null ? null : `${what} ${measured("accuracy", figure(data, name))}`;
const because = (data: Data, name = "message"): string | null => text(data, name) || null;
const stage = (data: Data): string => `Stage ${whole((figure(data, "stage") ?? 0) + 1)}`;
const training = (data: Data): string =>
  data.purpose === "rerank" || data.purpose === "candidate"
    ? `Short training ${text(data, "trainingId")}`
    : `Training ${text(data, "trainingId")}`;
const workOf = (data: Data): string =>
  data.trainingId === undefined ? "its rounds" : `training ${text(data, "trainingId")}`;
const machine = (data: Data): string =>
  `${[text(data, "gpu"), text(data, "provider")].filter(Boolean).join(" at ") || "A machine"}`;
const budgets: Record<string, string> = { gpuHours: "GPU hours", wallClockHours: "hours", usd: "dollars" };

interface Row {
  tone: EventTone;
  say(data: Data): string;
}

const rows: Readonly<Record<string, Row>> = {
  "search.created": { tone: "calm", say: () => "Created." },
  "search.started": { tone: "calm", say: () => "Started." },
  "search.paused": { tone: "warn", say: () => "Paused." },
  "search.resumed": { tone: "calm", say: () => "Goes on." },
  "search.completed": { tone: "good", say: () => "Completed." },
  "search.failed": { tone: "bad", say: (data) => told("Failed", because(data)) },
  "search.cancelled": { tone: "warn", say: () => "Cancelled." },
  "search.stalled": {
    tone: "warn",
    say: (data) => told("Stalled", count(data, "idleMinutes", "minutes without a runner")),
  },
  "search.infeasible": {
    tone: "warn",
    say: (data) => told("Ended with nothing within the limits", `nearest is ${text(data, "nearest")}`),
  },
  "stage.completed": {
    tone: "good",
    say: (data) =>
      told(
        `${stage(data)} is completed`,
        count(data, "front", "on the front"),
        hypervolume(data),
        count(data, "edgesPruned", "edges pruned"),
      ),
  },
  "front.improved": {
    tone: "good",
    say: (data) =>
      told(
        `The front improved in round ${whole(figure(data, "round"))}`,
        count(data, "size", "architectures"),
        hypervolume(data),
      ),
  },
  "front.reranked": {
    tone: "good",
    say: (data) =>
      told(
        "The front is ordered by short trainings",
        count(data, "trained", "trained"),
        count(data, "front", "on the front"),
        hypervolume(data),
      ),
  },
  "scoring.skipped": {
    tone: "calm",
    say: (data) => told("Nothing is scored without training", because(data, "reason")),
  },
  "reranking.skipped": {
    tone: "calm",
    say: (data) => told("No short trainings to order the front", because(data, "reason")),
  },
  "rung.completed": {
    tone: "calm",
    say: (data) =>
      told(
        `Rung ${whole((figure(data, "rung") ?? 0) + 1)} of short trainings is completed`,
        count(data, "trained", "trained"),
        count(data, "failed", "failed"),
        count(data, "promoted", "go on"),
        accuracy(data, "bestAccuracy", "best accuracy"),
      ),
  },
  "candidates.untaught": {
    tone: "bad",
    say: (data) =>
      told("Training taught nothing", accuracy(data, "bestAccuracy", "best accuracy"), because(data)),
  },
  "candidate.chosen": {
    tone: "calm",
    say: (data) =>
      (figure(data, "rung") ?? 0) === 0
        ? `Architecture ${text(data, "hash")} is proposed for training.`
        : `Architecture ${text(data, "hash")} goes on to rung ${whole((figure(data, "rung") ?? 0) + 1)}.`,
  },
  "training.started": { tone: "calm", say: (data) => `${training(data)} has started.` },
  "training.progress": {
    tone: "calm",
    say: (data) =>
      told(
        `${training(data)} is at step ${whole(figure(data, "done"))} of ${whole(figure(data, "total"))}`,
        figure(data, "trainLoss") === null ? null : `loss ${number(figure(data, "trainLoss"))}`,
      ),
  },
  "training.completed": {
    tone: "good",
    say: (data) =>
      told(
        `${training(data)} is completed`,
        accuracy(data, "testAccuracy", "test accuracy"),
        accuracy(data, "validationAccuracy", "validation accuracy"),
      ),
  },
  "training.failed": { tone: "bad", say: (data) => told(`${training(data)} has failed`, because(data)) },
  "task.failed": {
    tone: "warn",
    say: (data) => {
      const what = data.trainingId === undefined ? `Round ${whole(figure(data, "round"))}` : training(data);
      const isFinal = data.kind === "diverged" || data.kind === "table";
      return told(`${what} failed${isFinal ? "" : " and is tried again"}`, because(data));
    },
  },
  "candidates.diverged": {
    tone: "warn",
    say: (data) =>
      `${whole(figure(data, "diverged"))} of ${whole(figure(data, "candidates"))} candidates of round ${whole(figure(data, "round"))} gave no numbers: they have no accuracy.`,
  },
  "runner.joined": {
    tone: "calm",
    say: (data) => `Runner ${text(data, "runnerId")} works on ${workOf(data)}.`,
  },
  "runner.left": {
    tone: "calm",
    say: (data) => `Runner ${text(data, "runnerId")} gave back ${workOf(data)}; another can take it.`,
  },
  "runner.lost": {
    tone: "warn",
    say: (data) => `Runner ${text(data, "runnerId")} went silent; another takes over.`,
  },
  "budget.threshold": {
    tone: "warn",
    say: (data) =>
      `${whole(figure(data, "percent"))} % of the ${budgets[text(data, "budget")] ?? text(data, "budget")} are used.`,
  },
  "instance.launched": {
    tone: "calm",
    say: (data) =>
      told(
        `${machine(data)} is rented`,
        figure(data, "priceUsdPerHour") === null ? null : `${money(figure(data, "priceUsdPerHour"))} an hour`,
      ),
  },
  "instance.lost": { tone: "warn", say: (data) => told(`${machine(data)} is lost`, because(data, "reason")) },
  "instance.terminated": {
    tone: "calm",
    say: (data) =>
      told(
        `${machine(data)} is given back`,
        because(data, "reason"),
        figure(data, "costUsd") === null ? null : `${money(figure(data, "costUsd"))} spent`,
      ),
  },
  "instance.stuck": {
    tone: "bad",
    say: (data) =>
      told(
        `${machine(data)} does not end and may still cost money; end it by hand`,
        because(data, "problem"),
      ),
  },
  "rental.waiting": {
    tone: "warn",
    say: (data) => told("Waits for a machine", because(data, "detail") ?? because(data, "problem")),
  },
  "device.quarantined": {
    tone: "bad",
    say: (data) =>
      told(
        `Device ${text(data, "device")} is quarantined: nothing it measures is believed`,
        because(data, "reason"),
      ),
  },
  "device.disagrees": {
    tone: "warn",
    say: (data) => told(`Device ${text(data, "device")} is not what it was`, because(data, "detail")),
  },
  "measurement.failed": {
    tone: "warn",
    say: (data) => told(`Device ${text(data, "device")} could not measure`, because(data, "reason")),
  },
};

/** What nothing is known of is told by its type, and what it says for itself. */
const other: Row = {
  tone: "calm",
  say: (data) => told("Something happened", because(data), because(data, "reason"), because(data, "detail")),
};

const rowOf = ({ type }: Pick<LiveEvent, "type">): Row =>
  (Object.hasOwn(rows, type) ? rows[type] : undefined) ?? other;

export const toneOf = (event: Pick<LiveEvent, "type">): EventTone => rowOf(event).tone;

export function sentenceOf(event: Pick<LiveEvent, "type" | "data">): string {
  const sentence = rowOf(event).say(event.data);
  const seconds = figure(event.data, "seconds");
  return seconds === null ? sentence : `${sentence} It took ${duration(seconds)}.`;
}

/** What it is about: `search` of `search.started`. */
export const groupOf = ({ type }: Pick<LiveEvent, "type">): string => type.split(".")[0] ?? type;
