/** Trainings: how far each is, how it did, its curve and its files. */

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { api, isFinished, readAll, type Search, type Training } from "../app/api.ts";
import { addresses } from "../app/place.ts";
import { type Data, useData } from "../app/useData.ts";
import type { TrainingCurve } from "../pictures/trainingLosses.ts";
import { Badge, ProgressBar, StateBadge } from "../ui/controls.tsx";
import { ago, duration, measured, number, percent, whole } from "../ui/format.ts";
import { Exports } from "./exports.tsx";
import { LossPicture } from "./lossPicture.tsx";
import "./training.css";

const refreshMs = 2000;

const isOpen = ({ state }: Training): boolean => state === "queued" || state === "running";

/** The final trainings of a search, newest first; renewed while one is open, and as the search goes on. */
export function useTrainings(search: Search, sequence: number): Data<Training[]> {
  const [isUnderWay, setUnderWay] = useState(false);
  const trainings = useData(
    search.specification.evaluation.kind === "tabular" ? null : `trainings ${search.id}`,
    (signal) =>
      readAll((query) =>
        api.searches[":id"].trainings.$get({ param: { id: search.id }, query }, { init: { signal } }),
      ),
    { when: sequence, everyMs: isUnderWay || !isFinished(search) ? refreshMs : undefined },
  );
  useEffect(() => setUnderWay(trainings.value?.some(isOpen) === true), [trainings.value]);
  const value = useMemo(
    () => trainings.value?.filter(({ purpose }) => purpose === "final"),
    [trainings.value],
  );
  return { ...trainings, value };
}

interface TrainingsProps {
  trainings: readonly Training[];
  /** Names and links each one's architecture: on a page of more than one. */
  showsArchitecture?: boolean;
}

export const Trainings = ({ trainings, showsArchitecture = false }: TrainingsProps) => (
  <ul class="trainings">
    {trainings.map((training) => (
      <li key={training.id}>
        <Item training={training} showsArchitecture={showsArchitecture} />
      </li>
    ))}
  </ul>
);

function Item({ training, showsArchitecture }: { training: Training; showsArchitecture: boolean }) {
  const { id, hash, searchId, state, recipe, failure, createdAt, report } = training;
  return (
    <article class="stack training" aria-label={`Training ${id}`}>
      <header class="training-head">
        <StateBadge state={state} />
        {showsArchitecture && (
          <a href={addresses.architecture(searchId, hash)}>
            <code>{hash}</code>
          </a>
        )}
        <span>{recipe.preset}</span>
        <span class="hint">
          {lengthOf(training)} · started {ago(createdAt)}
        </span>
      </header>
      {isOpen(training) && <Progress training={training} />}
      {failure !== null && <p class="said">{failure}</p>}
      {report !== null && (
        <dl class="facts">
          <dt>Test accuracy</dt>
          <dd>
            <strong>{measured("accuracy", report.testAccuracy)}</strong>
          </dd>
          <dt>Test loss</dt>
          <dd>{number(report.testLoss)}</dd>
          <dt>Trained for</dt>
          <dd>
            {whole(report.steps)} steps, {duration(report.seconds)}
          </dd>
          <dt>Size</dt>
          <dd>
            {number(report.parameters)} parameters, {number(report.macs)} MACs
          </dd>
        </dl>
      )}
      <Exports training={training} />
    </article>
  );
}

function lengthOf({ recipe, report }: Training): string {
  if (recipe.channels !== undefined || recipe.layers !== undefined)
    return `${recipe.channels ?? "same"} channels, ${recipe.layers ?? "same"} layers`;
  if (report !== null) return `${whole(report.steps)} steps`;
  if (recipe.steps !== undefined) return `${whole(recipe.steps)} steps`;
  return recipe.epochs === undefined ? "as the preset has it" : `${number(recipe.epochs)} epochs`;
}

function Progress({ training: { id, state, progress } }: { training: Training }) {
  if (state === "queued")
    return (
      <p class="hint">
        Waits for a runner. One that is connected takes it by itself; <code>nasturtium runner</code> starts
        one.
      </p>
    );
  const share = progress === null || progress.total <= 0 ? null : progress.done / progress.total;
  return (
    <div class="training-progress">
      <ProgressBar share={share} label={`Steps of training ${id}`} />
      <span class="hint">
        {progress === null
          ? "is being set up"
          : `${percent(share)} · step ${whole(progress.done)} of ${whole(progress.total)} · loss ${number(progress.trainLoss)}`}
      </span>
    </div>
  );
}

/** Curves of those that left one, and of those under way since the page is open. */
export function Curves({ trainings }: { trainings: readonly Training[] }) {
  const seen = useRef(new Map<string, [number, number][]>());
  for (const { id, progress } of trainings) {
    const points = seen.current.get(id) ?? [];
    if (progress?.trainLoss == null || progress.done <= (points.at(-1)?.[0] ?? 0)) continue;
    seen.current.set(id, [...points, [progress.done, progress.trainLoss]]);
  }
  const curves = useMemo(
    () =>
      trainings.flatMap(({ id, recipe, report }): TrainingCurve[] => {
        const points = report?.curve ?? seen.current.get(id) ?? [];
        if (points.length === 0) return [];
        const [step, loss] = [points.map(([at]) => at), points.map(([, value]) => value)];
        return [{ name: `${recipe.preset} ${id.slice(0, 4)}`, step, loss }];
      }),
    [trainings],
  );
  return curves.length === 0 ? null : <LossPicture title="Training loss" curves={curves} />;
}

export const NoTraining = () => (
  <p class="hint">
    None yet. <Badge>shared weights</Badge> are an estimate; a final training makes the model that can be
    downloaded and tried.
  </p>
);
