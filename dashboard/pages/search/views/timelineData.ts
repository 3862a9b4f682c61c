/** A search's events, rounds, trainings, machines and checkpoints as lanes of a timeline. Pure. */

import type { Search, Series, Timeline, Training } from "../../../app/answers.ts";
import type { LiveEvent } from "../../../app/liveEvents.ts";
import type { BarKind, TimelineBar, TimelineData, TimelineMark } from "../../../pictures/timeline.ts";
import { bytes, duration, money, whole } from "../../../ui/format.ts";
import { faultOf } from "./faults.ts";

export interface TimelineInput {
  search: Pick<Search, "state" | "createdAt" | "startedAt" | "finishedAt">;
  events: readonly LiveEvent[];
  series: Pick<Series, "round" | "stage" | "createdAt" | "trainSeconds" | "evaluateSeconds" | "idleSeconds">;
  trainings: readonly Training[];
  /** Null where the token may not know. */
  timeline: Timeline | null;
  nowMs: number;
}

type Draft = Omit<TimelineBar, "lane" | "key">;
type MarkDraft = Omit<TimelineMark, "lane" | "key">;

/** Rounds in so many bars at most: what is thinner than a pixel shows nothing. */
const mostRoundBars = 240;
const mostLanesEach = 6;
/** Rounds further apart were not done in one go. */
const longestGapMs = 60_000;

export function timelineData(input: TimelineInput): TimelineData {
  const { search, nowMs } = input;
  const groups: { title: string; bars: Draft[]; marks?: MarkDraft[] }[] = [
    { title: "Search", bars: stateBars(input) },
    { title: "Rounds", bars: roundBars(input.series) },
    { title: "Runners", bars: runnerBars(input) },
    { title: "Trainings", bars: trainingBars(input.trainings, nowMs) },
    { title: "Machines", bars: machineBars(input) },
    { title: "Checkpoints", bars: [], marks: checkpointMarks(input) },
    { title: "Faults", bars: [], marks: faultMarks(input.events) },
  ];
  const lanes: string[] = [];
  const bars: TimelineBar[] = [];
  const marks: TimelineMark[] = [];
  for (const { title, bars: drafts, marks: told = [] } of groups) {
    if (drafts.length === 0 && told.length === 0 && title !== "Faults") continue;
    const rows = packed(drafts);
    const first = lanes.length;
    for (let row = 0; row < Math.max(1, rows.count); row++)
      lanes.push(row === 0 ? title : `${title} ${row + 1}`);
    for (const [index, bar] of drafts.entries())
      bars.push({ ...bar, lane: first + (rows.rowOf[index] ?? 0), key: `${title}-${index}` });
    for (const [index, mark] of told.entries())
      marks.push({ ...mark, lane: first, key: `${title}+${index}` });
  }
  const begins = [Date.parse(search.createdAt), ...bars.map(({ fromMs }) => fromMs)].filter(Number.isFinite);
  const ends = [...bars.map(({ toMs }) => toMs), ...marks.map(({ atMs }) => atMs)].filter(Number.isFinite);
  const beginMs = Math.min(...begins);
  return { beginMs, endMs: Math.max(beginMs, ...ends), lanes, bars, marks };
}

/** Bars that overlap go to rows of their own, as few as that takes; beyond the last they share it. */
export function packed(bars: readonly Pick<Draft, "fromMs" | "toMs">[]): { count: number; rowOf: number[] } {
  const freeAt: number[] = [];
  const rowOf: number[] = [];
  const order = bars.map((_, index) => index).sort((a, b) => (bars[a]?.fromMs ?? 0) - (bars[b]?.fromMs ?? 0));
  for (const index of order) {
    const { fromMs = 0, toMs = 0 } = bars[index] ?? {};
    const free = freeAt.findIndex((until) => until <= fromMs);
    const row = free >= 0 ? free : Math.min(freeAt.length, mostLanesEach - 1);
    freeAt[row] = Math.max(freeAt[row] ?? 0, toMs);
    rowOf[index] = row;
  }
  return { count: freeAt.length, rowOf };
}

const ms = (value: string | null | undefined): number | null => (value == null ? null : Date.parse(value));

const lasting = (fromMs: number, toMs: number): string => duration(Math.max(0, toMs - fromMs) / 1000);

function stateBars({ search, events, nowMs }: TimelineInput): Draft[] {
  const turns: { atMs: number; kind: BarKind; title: string }[] = [
    { atMs: Date.parse(search.createdAt), kind: "wait", title: "queued" },
  ];
  const started = ms(search.startedAt);
  if (started !== null) turns.push({ atMs: started, kind: "work", title: "running" });
  for (const { type, createdAt } of events) {
    if (type === "search.paused") turns.push({ atMs: Date.parse(createdAt), kind: "pause", title: "paused" });
    if (type === "search.resumed")
      turns.push({ atMs: Date.parse(createdAt), kind: "work", title: "running" });
  }
  const endMs = ms(search.finishedAt) ?? nowMs;
  const sorted = turns.sort((a, b) => a.atMs - b.atMs);
  return sorted.flatMap(({ atMs, kind, title }, index) => {
    const toMs = Math.min(endMs, sorted[index + 1]?.atMs ?? endMs);
    if (toMs <= atMs) return [];
    return [
      { kind, title, fromMs: atMs, toMs, words: `The search was ${title} for ${lasting(atMs, toMs)}.` },
    ];
  });
}

interface RoundGroup {
  from: number;
  to: number;
  stage: number;
  fromMs: number;
  toMs: number;
  busySeconds: number;
}

/** Rounds that follow each other in a stage, as many to a bar as keep them few. */
function roundBars(series: TimelineInput["series"]): Draft[] {
  const each = Math.max(1, Math.ceil(series.round.length / mostRoundBars));
  const groups: RoundGroup[] = [];
  for (const [index, round] of series.round.entries()) {
    const toMs = Date.parse(series.createdAt[index] ?? "");
    const busySeconds = (series.trainSeconds[index] ?? 0) + (series.evaluateSeconds[index] ?? 0);
    const stage = series.stage[index] ?? 0;
    const last = groups.at(-1);
    // A runner trains ahead while it waits: the time of two rounds may overlap.
    const fromMs = Math.min(toMs, Math.max(toMs - busySeconds * 1000, last?.toMs ?? 0));
    const isNext =
      last?.stage === stage && last.to - last.from + 1 < each && fromMs - last.toMs < longestGapMs;
    if (!isNext) groups.push({ from: round, to: round, stage, fromMs, toMs, busySeconds });
    else Object.assign(last, { to: round, toMs, busySeconds: last.busySeconds + busySeconds });
  }
  return groups.map(({ from, to, stage, fromMs, toMs, busySeconds }) => {
    const title = from === to ? `round ${whole(from)}` : `rounds ${whole(from)} to ${whole(to)}`;
    return {
      kind: "work",
      title: from === to ? whole(from) : `${whole(from)}–${whole(to)}`,
      fromMs,
      toMs,
      words: `Stage ${stage + 1}, ${title}: ${duration(busySeconds)} of work within ${lasting(fromMs, toMs)}.`,
    };
  });
}

interface Session {
  runnerId: string;
  trainingId: string | null;
  fromMs: number;
}

/** A runner works from when it joined until it left, was lost, failed, or what it worked on was over. */
function runnerBars({ events, timeline, search, nowMs }: TimelineInput): Draft[] {
  const names = new Map(timeline?.runners.map((runner) => [runner.id, runner]));
  const bars: Draft[] = [];
  const open = new Map<string, Session>();
  const end = (resource: string, toMs: number, how: string, kind: BarKind = "train") => {
    const session = open.get(resource);
    if (session === undefined) return;
    open.delete(resource);
    const { runnerId, trainingId, fromMs } = session;
    const runner = names.get(runnerId);
    const what = trainingId === null ? "rounds" : `training ${trainingId}`;
    const backend = runner === undefined ? "" : ` (${runner.backend}, ${whole(runner.threads)} threads)`;
    bars.push({
      kind,
      title: runner?.name ?? runnerId,
      fromMs,
      toMs,
      words: `Runner ${runner?.name ?? runnerId}${backend} worked on ${what} for ${lasting(fromMs, toMs)}${how}.`,
    });
  };
  for (const { type, data, createdAt } of events) {
    const atMs = Date.parse(createdAt);
    const trainingId = typeof data.trainingId === "string" ? data.trainingId : null;
    const resource = trainingId ?? "";
    if (type === "runner.joined") {
      end(resource, atMs, "");
      open.set(resource, { runnerId: String(data.runnerId), trainingId, fromMs: atMs });
    }
    if (type === "runner.left") end(resource, atMs, ", then gave its work back");
    if (type === "runner.lost") end(resource, atMs, ", then was not heard of again", "bad");
    if (type === "task.failed") end(resource, atMs, ", then failed", "bad");
    if (type === "training.completed" || type === "training.failed") end(resource, atMs, "");
    if (/^search\.(completed|failed|cancelled)$/.test(type)) end("", atMs, "");
  }
  const lastMs = ms(search.finishedAt) ?? nowMs;
  for (const [resource, { trainingId, fromMs }] of [...open]) {
    const lease = timeline?.leases.find((one) => one.trainingId === trainingId);
    // Without its lease the rounds are over, or nobody may tell.
    const toMs = lease?.isHeld ? nowMs : (ms(lease?.expiresAt) ?? lastMs);
    end(resource, Math.max(fromMs, Math.min(toMs, nowMs)), lease?.isHeld ? " so far" : "");
  }
  return bars;
}

function trainingBars(trainings: readonly Training[], nowMs: number): Draft[] {
  return trainings.flatMap((training): Draft[] => {
    const fromMs = ms(training.startedAt);
    if (fromMs === null) return [];
    const toMs = ms(training.finishedAt) ?? nowMs;
    const failure = training.failure === null ? "" : `: ${training.failure}`;
    return [
      {
        kind: training.state === "failed" ? "bad" : "train",
        title: training.hash,
        fromMs,
        toMs,
        words: `${training.purpose === "final" ? "Final" : "Short"} training of ${training.hash}, ${lasting(fromMs, toMs)}, ${training.state}${failure}.`,
      },
    ];
  });
}

function machineBars({ timeline, nowMs }: TimelineInput): Draft[] {
  return (timeline?.instances ?? []).map((instance) => {
    const fromMs = Date.parse(instance.launchedAt);
    const toMs = ms(instance.endedAt) ?? nowMs;
    const reason = instance.reason === null ? "" : `, ${instance.reason}`;
    return {
      kind: instance.failure === null ? "machine" : "bad",
      title: `${instance.gpu} · ${instance.provider}`,
      fromMs,
      toMs,
      words: `${instance.gpu} of ${instance.provider} (${instance.location}), ${instance.state}${reason}: ${lasting(fromMs, toMs)}, ${money(instance.spentUsd)}.`,
    };
  });
}

const checkpointMarks = ({ timeline }: TimelineInput): MarkDraft[] =>
  (timeline?.checkpoints ?? []).map(({ createdAt, round, trainingId, bytes: size }) => ({
    kind: "checkpoint",
    atMs: Date.parse(createdAt),
    title: "checkpoint",
    words: `Checkpoint of ${trainingId === null ? `the rounds up to ${whole(round)}` : `training ${trainingId} at step ${whole(round)}`}, ${bytes(size)}.`,
  }));

const faultMarks = (events: readonly LiveEvent[]): MarkDraft[] =>
  events.flatMap((event): MarkDraft[] => {
    const fault = faultOf(event);
    if (fault === null) return [];
    const { title, reason, isBad } = fault;
    const words = reason === "" ? title : `${title}: ${reason}`;
    return [{ kind: isBad ? "fault" : "warning", atMs: Date.parse(event.createdAt), title, words }];
  });
