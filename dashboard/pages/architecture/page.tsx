/** One architecture: what it looks like, what it costs where, what was measured, and a try of the trained model. */

import { useState } from "preact/hooks";
import { isBuiltIn } from "../../../shared/datasets.ts";
import { resolveSpace } from "../../../shared/space.ts";
import { type Architecture, api, isFinished, read, type Search, useCan } from "../../app/api.ts";
import { addresses } from "../../app/place.ts";
import type { PageProps } from "../../app/routes.ts";
import { useData } from "../../app/useData.ts";
import { useEvents } from "../../app/useEvents.ts";
import { GenotypeDrawing } from "../../drawing/cell.ts";
import { TrainDialog } from "../../training/trainDialog.tsx";
import { Curves, NoTraining, Trainings, useTrainings } from "../../training/trainings.tsx";
import { Badge, Button, CopyButton, LinkButton } from "../../ui/controls.tsx";
import { PageHead } from "../../ui/page.tsx";
import { Loaded } from "../../ui/states.tsx";
import { Measurements } from "./measurements.tsx";
import { WholeNetwork } from "./network.tsx";
import { TryModel } from "./tryModel.tsx";
import "../../drawing/drawing.css";
import "./architecture.css";

const refreshMs = 10_000;

export default function ArchitecturePage({ params: { id = "", hash = "" } }: PageProps) {
  const { sequence } = useEvents(id);
  const search = useData(
    `search ${id}`,
    (signal) => read(api.searches[":id"].$get({ param: { id } }, { init: { signal } })),
    { when: sequence, everyMs: refreshMs },
  );
  const goesOn = search.value !== undefined && !isFinished(search.value);
  const architecture = useData(
    `architecture ${id} ${hash}`,
    (signal) =>
      read(api.searches[":id"].architectures[":hash"].$get({ param: { id, hash } }, { init: { signal } })),
    { when: sequence, everyMs: goesOn ? refreshMs : undefined },
  );
  return (
    <Loaded of={search} what="search" lines={2}>
      {(found) => (
        <Loaded of={architecture} what="architecture" lines={6}>
          {(value) => <Content search={found} architecture={value} sequence={sequence} />}
        </Loaded>
      )}
    </Loaded>
  );
}

interface ContentProps {
  search: Search;
  architecture: Architecture;
  sequence: number;
}

function Content({ search, architecture, sequence }: ContentProps) {
  const { hash, genotype, text, measurements, size, counts } = architecture;
  const [isTraining, setTraining] = useState(false);
  const mayTrain = useCan("searches:write");
  // Somebody's own images are not for everybody, even where the search is.
  const maySeeSamples = useCan("searches:read") || isBuiltIn(search.specification.dataset.name);
  const all = useTrainings(search, sequence);
  const trainings = (all.value ?? []).filter((training) => training.hash === hash);
  const isTable = search.specification.evaluation.kind === "tabular";
  const [newest] = measurements;
  return (
    <>
      <PageHead
        title={hash}
        within={[
          ["Searches", addresses.searches],
          [search.name, addresses.search(search.id)],
        ]}
        facts={
          newest !== undefined && (
            <>
              {newest.onFront && <Badge tone="good">on the front</Badge>}
              {!newest.feasible && <Badge tone="bad">beyond a limit</Badge>}
            </>
          )
        }
      >
        {!isTable && mayTrain && (
          <Button tone="main" onClick={() => setTraining(true)}>
            Start final training
          </Button>
        )}
        <LinkButton href={addresses.choose(search.id)}>Compare and choose</LinkButton>
      </PageHead>
      <section class="card" aria-labelledby="cells-title">
        <h2 id="cells-title">{isTable ? "The architecture" : "Its cells"}</h2>
        <GenotypeDrawing genotype={genotype} space={resolveSpace(search.specification.space)} />
        <div class="buttons">
          <CopyButton text={text} what="genotype as text" />
          <CopyButton text={JSON.stringify(genotype)} what="genotype as JSON" />
        </div>
      </section>
      <Measurements search={search} architecture={architecture} />
      {size !== null && counts !== null && <WholeNetwork genotype={genotype} size={size} counts={counts} />}
      {!isTable && (
        <>
          <TryModel
            trainings={trainings}
            isLoading={all.value === undefined && all.error === null}
            maySeeSamples={maySeeSamples}
          />
          <section class="card" aria-labelledby="trainings-title">
            <h2 id="trainings-title">Trainings</h2>
            <Loaded of={all} what="trainings">
              {() => (trainings.length === 0 ? <NoTraining /> : <Trainings trainings={trainings} />)}
            </Loaded>
            <Curves trainings={trainings} />
          </section>
        </>
      )}
      <Reproduce search={search} architecture={architecture} />
      <TrainDialog
        search={search}
        hash={hash}
        isOpen={isTraining}
        onClose={() => setTraining(false)}
        onStarted={all.refresh}
      />
    </>
  );
}

function Reproduce({ search, architecture: { reproduce } }: Pick<ContentProps, "search" | "architecture">) {
  const commands = reproduce.commands.map((command) => command.replace("SEARCH", search.id)).join("\n");
  return (
    <section class="card" aria-labelledby="reproduce-title">
      <h2 id="reproduce-title">Reproduce it</h2>
      <p>
        With version {reproduce.version} of Nasturtium, the same backend, threads and processor, the same
        search finds it again bit by bit.
      </p>
      <pre>{commands}</pre>
      <div class="buttons">
        <CopyButton text={commands} what="commands" />
        <CopyButton text={JSON.stringify(reproduce.specification, null, 2)} what="specification" />
      </div>
    </section>
  );
}
