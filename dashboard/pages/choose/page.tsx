/** Which architecture to take: constraints, what is recommended within them and why, and what to do with it. */

import { useMemo } from "preact/hooks";
import { api, type FrontRow, isFinished, read, type Search } from "../../app/api.ts";
import { objectivesOf } from "../../app/objectives.ts";
import { addresses, useQuery } from "../../app/place.ts";
import type { PageProps } from "../../app/routes.ts";
import { useData } from "../../app/useData.ts";
import { useEvents } from "../../app/useEvents.ts";
import { loosening, recommend, within } from "../../choice/recommend.ts";
import { NoTraining, Trainings, useTrainings } from "../../training/trainings.tsx";
import { LinkButton, StateBadge } from "../../ui/controls.tsx";
import { PageHead } from "../../ui/page.tsx";
import { Empty, Loaded } from "../../ui/states.tsx";
import { ApiCall } from "./apiCall.tsx";
import { Compare } from "./compare.tsx";
import { Constraints, constraintsOf } from "./constraints.tsx";
import { FrontPicture } from "./frontPicture.tsx";
import { NothingRemains, Recommended } from "./recommended.tsx";
import { Remaining } from "./remaining.tsx";
import "../../drawing/drawing.css";
import "./choose.css";

const refreshMs = 5000;

export default function ChoosePage({ params: { id = "" } }: PageProps) {
  const { sequence } = useEvents(id);
  const search = useData(
    `search ${id}`,
    (signal) => read(api.searches[":id"].$get({ param: { id } }, { init: { signal } })),
    { when: sequence, everyMs: refreshMs },
  );
  return (
    <Loaded of={search} what="search" lines={6}>
      {(value) => <OfSearch search={value} sequence={sequence} />}
    </Loaded>
  );
}

function OfSearch({ search, sequence }: { search: Search; sequence: number }) {
  const { id, name, state } = search;
  const front = useData(
    `front ${id}`,
    async (signal) =>
      (await read(api.searches[":id"].front.$get({ param: { id }, query: {} }, { init: { signal } }))).data,
    { when: `${sequence} ${search.progress.round}`, everyMs: isFinished(search) ? undefined : refreshMs },
  );
  return (
    <>
      <PageHead
        title="Choose an architecture"
        within={[
          ["Searches", addresses.searches],
          [name, addresses.search(id)],
        ]}
        facts={<StateBadge state={state} />}
      />
      {!isFinished(search) && (
        <p class="hint">The search goes on: what is here follows it, and the recommendation may change.</p>
      )}
      <Loaded of={front} what="front" lines={6}>
        {(rows) =>
          rows.length === 0 ? (
            <NoFront search={search} />
          ) : (
            <Choice search={search} rows={rows} sequence={sequence} />
          )
        }
      </Loaded>
    </>
  );
}

const NoFront = ({ search }: { search: Search }) => (
  <Empty title="Nothing to choose from yet">
    <p>
      {isFinished(search)
        ? "The search ended without an architecture that keeps within its limits."
        : "The first architectures are here once the search has measured some; the page follows by itself."}
    </p>
    <LinkButton href={addresses.search(search.id)}>To the search</LinkButton>
  </Empty>
);

interface ChoiceProps {
  search: Search;
  rows: readonly FrontRow[];
  sequence: number;
}

function Choice({ search, rows, sequence }: ChoiceProps) {
  const [query, change] = useQuery();
  const objectives = useMemo(() => objectivesOf(search), [search]);
  const constraints = constraintsOf(query, objectives);
  const key = JSON.stringify(constraints);
  const { remaining, recommendation } = useMemo(
    () => ({
      remaining: within(rows, constraints),
      recommendation: recommend(rows, objectives, constraints),
    }),
    [rows, objectives, key],
  );
  const trainings = useTrainings(search, sequence);
  const hashes = {
    first: query.get("a") ?? recommendation?.row.hash ?? null,
    second:
      query.get("b") ??
      recommendation?.bargain?.row.hash ??
      recommendation?.alternatives[0]?.row.hash ??
      null,
  };
  return (
    <>
      <div class="choose">
        <Constraints
          rows={rows}
          remaining={remaining.length}
          objectives={objectives}
          constraints={constraints}
          onChange={change}
        />
        {recommendation === null ? (
          <NothingRemains
            loosening={loosening(rows, constraints)}
            isAccuracyKnown={remaining.length === 0}
            onChange={change}
          />
        ) : (
          <Recommended
            search={search}
            recommendation={recommendation}
            remaining={remaining.length}
            trainings={trainings.value ?? []}
            onTrained={trainings.refresh}
            onCompare={(hash) => change({ a: recommendation.row.hash, b: hash })}
          />
        )}
      </div>
      <FrontPicture
        rows={rows}
        remaining={remaining}
        objectives={objectives}
        constraints={constraints}
        recommended={recommendation?.row.hash ?? null}
        onSelect={(hash) => change({ b: hash })}
      />
      <Compare search={search} rows={rows} objectives={objectives} {...hashes} onChange={change} />
      <Remaining
        search={search}
        rows={remaining}
        objectives={objectives}
        recommended={recommendation?.row.hash ?? null}
        onCompare={(hash) => change({ b: hash })}
      />
      {search.specification.evaluation.kind !== "tabular" && (
        <section class="card" aria-labelledby="trainings-title">
          <h2 id="trainings-title">Final trainings</h2>
          <Loaded of={trainings} what="trainings">
            {(list) =>
              list.length === 0 ? <NoTraining /> : <Trainings trainings={list} showsArchitecture />
            }
          </Loaded>
        </section>
      )}
      <ApiCall search={search} constraints={constraints} row={recommendation?.row ?? null} />
    </>
  );
}
