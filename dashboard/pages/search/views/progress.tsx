/** How a search went over its rounds: hypervolume, the best within the limits, losses, final trainings. */

import { useMemo } from "preact/hooks";
import { isFinished } from "../../../app/api.ts";
import { useQuery } from "../../../app/place.ts";
import { type BestOverRoundsData, bestOverRounds } from "../../../pictures/bestOverRounds.ts";
import { type HypervolumeData, hypervolume } from "../../../pictures/hypervolume.ts";
import { Legend } from "../../../pictures/legend.tsx";
import { type LossesData, losses } from "../../../pictures/losses.ts";
import { bestMarks, lossMarks } from "../../../pictures/marks.ts";
import { Picture } from "../../../pictures/picture.tsx";
import { LossPicture } from "../../../training/lossPicture.tsx";
import { SelectField } from "../../../ui/fields.tsx";
import { unitOf } from "../../../ui/format.ts";
import { Empty, Loaded } from "../../../ui/states.tsx";
import type { Candidates } from "../candidates.ts";
import { axisOf, idOf, type Objective } from "../frontData.ts";
import { type Rounds, useCandidates, useLive } from "../live.ts";
import { curvesOf } from "../trainingCurves.ts";
import type { ViewProps } from "../views.ts";
import "../progress.css";

export default function ProgressView({ id, search }: ViewProps) {
  const { rounds } = useLive();
  const { all, version } = useCandidates(id, search);
  const { objectives, evaluation } = search.specification;
  return (
    <Loaded of={rounds} what="rounds" lines={6}>
      {(known) =>
        known.round.length === 0 ? (
          <Empty title="No round is over yet">
            <p>
              {isFinished(search)
                ? "It ended before the first round did. The events tell why."
                : "How the search goes is drawn here from the first round on."}
            </p>
          </Empty>
        ) : (
          <div class="pictures">
            <Hypervolume rounds={known} />
            <Best objectives={objectives} all={all} version={version} />
            {evaluation.kind !== "tabular" && <Losses rounds={known} all={all} version={version} />}
            <Trainings />
          </div>
        )
      }
    </Loaded>
  );
}

function Hypervolume({ rounds }: { rounds: Rounds }) {
  const data = useMemo<HypervolumeData>(() => rounds, [rounds]);
  return <Picture title="Hypervolume" draw={hypervolume} data={data} />;
}

interface BestProps {
  objectives: readonly Objective[];
  all: Candidates;
  version: number;
}

function Best({ objectives, all, version }: BestProps) {
  const [query, change] = useQuery();
  const asked = query.get("objective");
  const objective = objectives.find((entry) => idOf(entry) === asked) ?? objectives[0];
  const id = objective === undefined ? "" : idOf(objective);
  const data = useMemo<BestOverRoundsData | null>(
    () =>
      objective === undefined
        ? null
        : {
            objective: axisOf(objective),
            round: all.round,
            stage: all.stage,
            value: all.values(id),
            feasible: all.feasible,
          },
    [id, all, version],
  );
  if (data === null) return null;
  return (
    <Picture title="Best so far" draw={bestOverRounds} data={data}>
      {objectives.length > 1 && (
        <div class="axes">
          <SelectField
            label="Of"
            value={id}
            options={objectives.map(idOf).map((value) => ({ value, title: unitOf(value).title }))}
            onValue={(value) => change({ objective: value })}
          />
        </div>
      )}
      <Legend marks={bestMarks} />
    </Picture>
  );
}

function Losses({ rounds, all, version }: { rounds: Rounds; all: Candidates; version: number }) {
  const data = useMemo<LossesData>(
    () => ({
      round: rounds.round,
      trainLoss: rounds.trainLoss,
      candidates: { round: all.round, loss: all.loss },
    }),
    [rounds, all, version],
  );
  return (
    <Picture title="Loss" draw={losses} data={data}>
      <Legend marks={lossMarks} />
    </Picture>
  );
}

/** Drawn from their events; nothing where none has begun. */
function Trainings() {
  const { events } = useLive().events;
  const curves = useMemo(() => curvesOf(events), [events]);
  if (curves.length === 0) return null;
  return <LossPicture title="Final trainings" curves={curves} />;
}
