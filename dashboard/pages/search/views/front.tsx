/** The Pareto front of any two objectives, every candidate behind it, and what a chosen point is. */

import { useMemo } from "preact/hooks";
import { resolveSpace } from "../../../../shared/space.ts";
import { api, type FrontRow, isFinished, read, type Search } from "../../../app/api.ts";
import { addresses, useQuery } from "../../../app/place.ts";
import { type Data, useData } from "../../../app/useData.ts";
import { Legend } from "../../../pictures/legend.tsx";
import { frontMarks } from "../../../pictures/marks.ts";
import { type FrontData, paretoFront } from "../../../pictures/paretoFront.ts";
import { Picture } from "../../../pictures/picture.tsx";
import { Button } from "../../../ui/controls.tsx";
import { SelectField } from "../../../ui/fields.tsx";
import { lowerTitle, unitOf, whole } from "../../../ui/format.ts";
import { Empty, Loaded, StatusCard } from "../../../ui/states.tsx";
import type { Candidates } from "../candidates.ts";
import { axesOf, axisOf, idOf, type Objective, pointOf } from "../frontData.ts";
import { FrontTable } from "../frontTable.tsx";
import { HoveredCandidate, HoveredRow } from "../hovered.tsx";
import { useCandidates, useLive } from "../live.ts";
import { Selection } from "../selection.tsx";
import type { ViewProps } from "../views.ts";
import "../../../drawing/drawing.css";
import "../front.css";

export default function FrontView({ id, search }: ViewProps) {
  const { sequence } = useLive().events;
  const front = useData(
    `front ${id}`,
    async (signal) =>
      (await read(api.searches[":id"].front.$get({ param: { id }, query: {} }, { init: { signal } }))).data,
    { when: `${sequence} ${search.progress.round} ${search.state}` },
  );
  const { all, version, data } = useCandidates(id, search);
  const isFirst = data.isLoading && data.value === undefined;
  return (
    <Loaded of={front} what="front" lines={6}>
      {(rows) =>
        rows.length === 0 && all.size === 0 && !isFirst ? (
          <NothingYet search={search} />
        ) : (
          <>
            <CandidatesNote size={all.size} data={data} isFirst={isFirst} />
            <Front id={id} search={search} rows={rows} all={all} version={version} />
          </>
        )
      }
    </Loaded>
  );
}

function NothingYet({ search }: { search: Search }) {
  const { round } = search.progress;
  if (isFinished(search))
    return (
      <Empty title="It measured no candidate">
        <p>It ended before the first one. The events tell why.</p>
        <a href={`${addresses.search(search.id)}?view=events`}>To the events</a>
      </Empty>
    );
  return (
    <Empty title="No candidate yet">
      <p>
        {round === 0
          ? "The front is drawn here as soon as a runner has measured the first candidates."
          : `${whole(round)} rounds of warming up are done; candidates are measured after it.`}
      </p>
      {search.state === "queued" && <pre>{`nasturtium runner --search ${search.id}`}</pre>}
    </Empty>
  );
}

interface NoteProps {
  size: number;
  data: Data<number>;
  isFirst: boolean;
}

function CandidatesNote({ size, data, isFirst }: NoteProps) {
  if (data.error !== null)
    return (
      <div class="note warn" role="status">
        <p>
          {size === 0
            ? "The candidates could not be loaded; the front is all that is drawn."
            : `The newest candidates could not be loaded; ${whole(size)} are drawn.`}
        </p>
        <Button tone="quiet" onClick={data.refresh}>
          Try again
        </Button>
      </div>
    );
  if (!isFirst || size === 0) return null;
  return (
    <p class="hint" role="status">
      Loading candidates: {whole(size)} so far.
    </p>
  );
}

interface FrontProps extends ViewProps {
  rows: readonly FrontRow[];
  all: Candidates;
  /** Of all candidates. */
  version: number;
}

function Front({ id, search, rows, all, version }: FrontProps) {
  const [query, change] = useQuery();
  const { objectives, space } = search.specification;
  const axes = axesOf(objectives, { x: query.get("x"), y: query.get("y") });
  const chosen = query.get("architecture");
  const choose = (hash: string | null) => change({ architecture: hash });
  const resolved = useMemo(() => resolveSpace(space), [JSON.stringify(space)]);
  return (
    <>
      {rows.length === 0 && all.size > 0 && <NothingFeasible objectives={objectives} />}
      <div class="front-view">
        {axes === null ? (
          <StatusCard tone="calm" title="One objective has no front">
            <p>A front needs two to trade against each other. How the best one grew is under Progress.</p>
          </StatusCard>
        ) : (
          <FrontPicture
            {...axes}
            id={id}
            objectives={objectives}
            rows={rows}
            all={all}
            version={version}
            chosen={chosen}
            space={resolved}
            onChoose={choose}
            onAxes={change}
          />
        )}
        <Selection
          id={id}
          hash={chosen}
          rows={rows}
          all={all}
          objectives={objectives}
          space={resolved}
          onChoose={choose}
          onClear={() => choose(null)}
        />
      </div>
      {rows.length > 0 && (
        <FrontTable rows={rows} objectives={objectives} axes={axes} chosen={chosen} onChoose={choose} />
      )}
    </>
  );
}

const NothingFeasible = ({ objectives }: { objectives: readonly Objective[] }) => (
  <StatusCard tone="warn" title="Nothing is within the limits yet">
    <p>
      Every candidate so far is beyond{" "}
      {objectives
        .filter(({ limit }) => limit !== undefined)
        .map((objective) => `the limit of ${lowerTitle(idOf(objective))}`)
        .join(" or ") || "a limit"}
      . The search is steered towards it; if it stays so, set the limit where the space can reach it.
    </p>
  </StatusCard>
);

interface FrontPictureProps extends Omit<FrontProps, "search"> {
  x: Objective;
  y: Objective;
  objectives: readonly Objective[];
  chosen: string | null;
  space: ReturnType<typeof resolveSpace>;
  onChoose(hash: string): void;
  onAxes(values: { x: string; y: string }): void;
}

function FrontPicture(props: FrontPictureProps) {
  const { id, x, y, objectives, rows, all, version, chosen, space, onChoose, onAxes } = props;
  const [xId, yId] = [idOf(x), idOf(y)];
  // The same object until they change: the cloud is worked out once for it.
  const candidates = useMemo(
    () => ({ hash: all.hash, x: all.values(xId), y: all.values(yId), feasible: all.feasible }),
    [all, version, xId, yId],
  );
  const data = useMemo<FrontData>(
    () => ({
      x: axisOf(x),
      y: axisOf(y),
      candidates,
      archive: rows.map((row) => pointOf(row, xId, yId)),
      selected: chosen === null ? [] : [chosen],
    }),
    [xId, yId, candidates, rows, chosen],
  );
  const card = (hash: string, place: number) => {
    const row = place < 0 ? rows.find((entry) => entry.hash === hash) : undefined;
    return row === undefined ? (
      <HoveredCandidate id={id} all={all} place={place} objectives={objectives} space={space} />
    ) : (
      <HoveredRow row={row} objectives={objectives} space={space} />
    );
  };
  const hasLimit = objectives.some(({ limit }) => limit !== undefined);
  return (
    <Picture
      title="Pareto front"
      draw={paretoFront}
      data={data}
      frame={`${xId} ${yId}`}
      onSelect={onChoose}
      card={card}
    >
      <Axes x={xId} y={yId} objectives={objectives} onAxes={onAxes} />
      <Legend marks={frontMarks(hasLimit)} />
    </Picture>
  );
}

interface AxesProps {
  x: string;
  y: string;
  objectives: readonly Objective[];
  onAxes(values: { x: string; y: string }): void;
}

/** To choose the one that the other axis has swaps them. */
function Axes({ x, y, objectives, onAxes }: AxesProps) {
  const options = objectives.map((objective) => {
    const id = idOf(objective);
    const { title } = unitOf(id);
    return { value: id, title: objective.goal === "maximize" ? `${title} ↑` : `${title} ↓` };
  });
  return (
    <div class="axes">
      <SelectField
        label="Up"
        value={y}
        options={options}
        onValue={(value) => onAxes({ x: value === x ? y : x, y: value })}
      />
      <SelectField
        label="Across"
        value={x}
        options={options}
        onValue={(value) => onAxes({ x: value, y: value === y ? x : y })}
      />
    </div>
  );
}
