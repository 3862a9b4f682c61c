/** Starts the final training of an architecture: by which recipe, how long, and what that is expected to take. */

import { useState } from "preact/hooks";
import { recipes } from "../../shared/recipes.ts";
import { type Architecture, api, read, type Search, type Training } from "../app/api.ts";
import { ApiProblem, lineOf } from "../app/problem.ts";
import { useData } from "../app/useData.ts";
import { Button } from "../ui/controls.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { NumberField, SelectField } from "../ui/fields.tsx";
import { duration, money } from "../ui/format.ts";
import { toast } from "../ui/toasts.tsx";

type Preset = keyof typeof recipes;

interface TrainDialogProps {
  search: Search;
  hash: string;
  isOpen: boolean;
  onClose(): void;
  onStarted(training: Training): void;
}

export const TrainDialog = (props: TrainDialogProps) => (
  <Dialog title="Start the final training" isOpen={props.isOpen} onClose={props.onClose}>
    <TrainForm {...props} />
  </Dialog>
);

const presets: Record<Preset, string> = {
  "darts-cifar": "darts-cifar: 600 epochs, for small images",
  "darts-imagenet": "darts-imagenet: 250 epochs, for large images",
  demo: "demo: one epoch, to see it work",
};

function TrainForm({ search, hash, onClose, onStarted }: TrainDialogProps) {
  const { finalTraining } = search.specification;
  // Steps of the specification win over epochs, so that is what can be changed.
  const unit = finalTraining.steps === undefined ? "epochs" : "steps";
  const [preset, setPreset] = useState<Preset>(finalTraining.preset);
  const [length, setLength] = useState<number | null>(finalTraining[unit] ?? null);
  const [problems, setProblems] = useState<Record<string, string>>({});
  const recipe = { preset, ...(length !== null && { [unit]: length }) };
  const wrong = length !== null && !(length > 0) ? `Give more than 0 ${unit}.` : undefined;

  const start = async () => {
    try {
      const param = { id: search.id };
      const training = await read(api.searches[":id"].trainings.$post({ param, json: { hash, recipe } }));
      toast("The training is queued.");
      onStarted(training);
      onClose();
    } catch (error) {
      const told = error instanceof ApiProblem ? error.errors : [];
      setProblems(Object.fromEntries(told.map(({ pointer, detail }) => [pointer, detail])));
      if (told.length === 0) toast(lineOf(error), "bad");
    }
  };
  const { [`/recipe/${unit}`]: ofLength, ...others } = problems;
  return (
    <form class="stack" onSubmit={(event) => event.preventDefault()}>
      <p>
        Trains <code>{hash}</code> on all training images and tests it on images that the search never saw.
        The model is exported at the end.
      </p>
      <SelectField
        label="Recipe"
        value={preset}
        options={(Object.keys(presets) as Preset[]).map((value) => ({ value, title: presets[value] }))}
        onValue={(value) => setPreset(value)}
      />
      <NumberField
        label={unit === "epochs" ? "Epochs" : "Steps"}
        min={unit === "epochs" ? 0 : 1}
        value={length}
        {...(unit === "epochs" && { placeholder: String(recipes[preset].epochs) })}
        hint={
          unit === "epochs"
            ? "Times that each image is seen. Empty: as the recipe has it."
            : "Batches that are trained on."
        }
        problem={wrong ?? ofLength}
        onValue={setLength}
      />
      {Object.values(others).map((detail) => (
        <p key={detail} class="field-problem" role="alert">
          {detail}
        </p>
      ))}
      {wrong === undefined && <Estimate search={search} hash={hash} recipe={recipe} />}
      <div class="buttons">
        <Button tone="main" type="submit" disabled={wrong !== undefined} onClick={start}>
          Start training
        </Button>
        <Button onClick={onClose}>Not now</Button>
      </div>
    </form>
  );
}

interface EstimateProps {
  search: Search;
  hash: string;
  recipe: { preset: Preset; epochs?: number; steps?: number };
}

/** By the search's profile, which is of a network in the middle of the space; this one is so much larger or smaller. */
function Estimate({ search, hash, recipe }: EstimateProps) {
  const { specification, id } = search;
  const key = JSON.stringify(recipe);
  const estimate = useData(`estimate ${id} ${hash} ${key}`, async (signal) => {
    const json = { ...specification, finalTraining: { ...specification.finalTraining, ...recipe, top: 1 } };
    const [profile, architecture] = await Promise.all([
      read(api.profiles.$post({ json }, { init: { signal } })),
      read(api.searches[":id"].architectures[":hash"].$get({ param: { id, hash } }, { init: { signal } })),
    ]);
    return gpuHoursOf(profile, architecture);
  });
  if (estimate.error !== null)
    return <p class="hint">What it takes cannot be told now: {lineOf(estimate.error)}</p>;
  const hours = estimate.value;
  return (
    <dl class="facts" aria-busy={estimate.isLoading}>
      <dt>Takes about</dt>
      <dd>{hours == null ? "…" : `${lengthText(hours)} of one rented GPU`}</dd>
      <dt>Costs about</dt>
      <dd>{costOf(hours, specification.rental?.maxUsdPerHour)}</dd>
      <dd class="hint whole">Within a factor of two or so; slower on a processor.</dd>
    </dl>
  );
}

const lengthText = (hours: number): string => (hours < 1 / 60 ? "under a minute" : duration(hours * 3600));

function costOf(hours: number | null | undefined, maxUsdPerHour: number | undefined): string {
  if (hours == null) return "…";
  if (maxUsdPerHour === undefined) return "nothing here: the search rents no machines";
  return `${money(hours * maxUsdPerHour)} at ${money(maxUsdPerHour)} an hour at most`;
}

interface Profile {
  ranges: Record<string, { median: number }>;
  estimate: { gpuHours: { finalTraining: number } } | null;
}

function gpuHoursOf({ ranges, estimate }: Profile, { counts }: Architecture): number | null {
  if (estimate === null) return null; // of a table, which trains nothing
  const median = ranges.macs?.median;
  const share = median === undefined || counts === null || median <= 0 ? 1 : counts.macs / median;
  return estimate.gpuHours.finalTraining * share;
}
