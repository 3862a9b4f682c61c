/** What one wants to know first of a search: how far it is, what it found, what it costs. */

import type { ComponentChildren } from "preact";
import { api, isFinished, read, type Search, useCan } from "../../app/api.ts";
import { useData } from "../../app/useData.ts";
import { ProgressBar } from "../../ui/controls.tsx";
import { ago, duration, measured, money, number, time, whole } from "../../ui/format.ts";
import { forecastUsd } from "../searches/forecast.ts";
import { secondsLeft } from "./estimate.ts";
import { refreshOf, useLive } from "./live.ts";

export const Overview = ({ search }: { search: Search }) => (
  <div class="overview">
    <Progress search={search} />
    <Best search={search} />
    <Cost search={search} />
  </div>
);

interface FigureProps {
  title: string;
  value: ComponentChildren;
  children: ComponentChildren;
}

const Figure = ({ title, value, children }: FigureProps) => (
  <section class="card figure-card">
    <h2 class="hint">{title}</h2>
    <p class="figure-value">{value}</p>
    {children}
  </section>
);

const phases: Record<Search["progress"]["phase"], string> = {
  warmup: "warming up",
  search: "searching",
  confirm: "confirming the best",
};

function Progress({ search }: { search: Search }) {
  const { progress, state, startedAt, finishedAt } = search;
  const { rounds } = useLive();
  const { round, rounds: planned, evaluations } = progress;
  const isByTraining = search.specification.evaluation.kind === "training";
  const isOver = isFinished(search);
  const share = state === "completed" ? 1 : planned > 0 ? round / planned : null;
  const left = state === "running" ? secondsLeft(progress, rounds.value?.createdAt ?? []) : null;
  return (
    <Figure
      title="Progress"
      value={
        <>
          {isByTraining ? "Training" : "Round"} {whole(round)} <small>of {whole(planned)}</small>
        </>
      }
    >
      <ProgressBar share={share} label={isByTraining ? "Trainings" : "Rounds"} />
      <p class="hint">
        {isOver || isByTraining
          ? `${whole(evaluations)} measured`
          : `Stage ${whole(progress.stage + 1)}, ${phases[progress.phase]}; ${whole(evaluations)} measured`}
      </p>
      <p class="hint">{timeText(search, left)}</p>
      <span class="visually-hidden">
        {startedAt !== null && `Started ${time(startedAt)}. `}
        {finishedAt !== null && `Ended ${time(finishedAt)}.`}
      </span>
    </Figure>
  );
}

function timeText(search: Search, left: number | null): string {
  const { state, createdAt, startedAt, finishedAt, progress } = search;
  if (startedAt === null) {
    if (finishedAt !== null) return `Ended ${ago(finishedAt)}, before it began`;
    return `Created ${ago(createdAt)}, ${state === "paused" ? "paused" : "waits for a runner"}`;
  }
  if (finishedAt !== null) {
    const took = duration((Date.parse(finishedAt) - Date.parse(startedAt)) / 1000);
    return `Took ${took}, ended ${ago(finishedAt)}`;
  }
  if (state === "paused") return `Started ${ago(startedAt)}, paused`;
  if (progress.round >= progress.rounds) return "All rounds are done; trainings follow";
  if (left === null) return `Started ${ago(startedAt)}`;
  return left < 30 ? "Nearly done with its rounds" : `About ${duration(left)} of rounds left`;
}

function Best({ search: { progress, specification } }: { search: Search }) {
  const { bestAccuracy, bestTrainedAccuracy, frontSize, hypervolume } = progress;
  const isTable = specification.evaluation.kind === "tabular";
  return (
    <Figure
      title={isTable ? "Best accuracy so far" : "Best trained accuracy"}
      value={measured("accuracy", isTable ? bestAccuracy : bestTrainedAccuracy)}
    >
      {!isTable && bestTrainedAccuracy === null && (
        <p class="hint">
          {bestAccuracy === null
            ? "Nothing is trained yet"
            : `Nothing is trained yet; ${measured("accuracy", bestAccuracy)} by shared weights, which only order`}
        </p>
      )}
      <p class="hint">
        {frontSize === 0
          ? "Nothing on the front yet"
          : `${whole(frontSize)} ${frontSize === 1 ? "architecture" : "architectures"} on the front`}
      </p>
      <p class="hint">Hypervolume {number(hypervolume)}</p>
    </Figure>
  );
}

function Cost({ search }: { search: Search }) {
  const mayRead = useCan("searches:read");
  const rents = search.specification.rental !== undefined;
  const { id, progress } = search;
  const budget = useData(
    mayRead ? `budget ${id}` : null,
    (signal) => read(api.searches[":id"].budget.$get({ param: { id } }, { init: { signal } })),
    { when: `${progress.round} ${search.state}`, everyMs: refreshOf(search) },
  );
  const { value } = budget;
  if (!mayRead)
    return (
      <Figure title="Cost" value="–">
        <p class="hint">Shown to whoever has a token that reads searches.</p>
      </Figure>
    );
  if (!rents && (value === undefined || value.spentUsd === 0))
    return (
      <Figure title="Cost" value={money(0)}>
        <p class="hint">Runs on your own machines: nothing is rented.</p>
        <p class="hint">{gpuText(search)}</p>
      </Figure>
    );
  if (value === undefined)
    return (
      <Figure title="Cost so far" value="–">
        <p class="hint">{budget.error === null ? "Loading" : "Not known: the edge did not tell."}</p>
      </Figure>
    );
  const cap = search.specification.budget.usd ?? null;
  const forecast = isFinished(search) ? null : forecastUsd(search, value);
  return (
    <Figure
      title="Cost so far"
      value={
        <>
          {money(value.spentUsd)} {cap !== null && <small>of {money(cap)}</small>}
        </>
      }
    >
      {cap !== null && <ProgressBar share={value.spentUsd / cap} label="Budget" />}
      <p class="hint">
        {forecast === null ? costPer(value.perArchitectureUsd) : `About ${money(forecast)} in the end`}
        {value.reservedUsd > 0 && `; ${money(value.reservedUsd)} set aside`}
      </p>
    </Figure>
  );
}

const costPer = (usd: number | null): string =>
  usd === null ? "Nothing is set aside any more" : `${money(usd)} for each architecture on the front`;

function gpuText({ specification: { budget, evaluation } }: Search): string {
  if (evaluation.kind === "tabular") return `Looked up in ${evaluation.table}`;
  if (budget.gpuHours !== undefined) return `At most ${number(budget.gpuHours)} GPU hours`;
  return budget.wallClockHours === undefined
    ? "No budget is set"
    : `At most ${number(budget.wallClockHours)} hours`;
}
