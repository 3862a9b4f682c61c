/** The point that was chosen: its figures, its cells, and what to do with it. */

import type { ComponentChildren } from "preact";
import type { SearchSpace } from "../../../shared/space.ts";
import { genotypeFromSelection } from "../../../shared/space.ts";
import { type Architecture, api, type FrontRow, read } from "../../app/api.ts";
import { addresses } from "../../app/place.ts";
import { ApiProblem } from "../../app/problem.ts";
import { useData } from "../../app/useData.ts";
import { Cells } from "../../drawing/cells.tsx";
import { Badge, Button, CopyButton, LinkButton } from "../../ui/controls.tsx";
import { bytes, lowerTitle, measured, number, whole } from "../../ui/format.ts";
import { Loading, ProblemCard } from "../../ui/states.tsx";
import type { Candidates } from "./candidates.ts";
import { halfWidth, idOf, type Objective } from "./frontData.ts";
import { useCandidate, Values } from "./hovered.tsx";

interface SelectionProps {
  id: string;
  hash: string | null;
  rows: readonly FrontRow[];
  all: Candidates;
  objectives: readonly Objective[];
  space: SearchSpace;
  onChoose(hash: string): void;
  onClear(): void;
}

export function Selection(props: SelectionProps) {
  const { hash, rows, onClear } = props;
  const row = rows.find((entry) => entry.hash === hash);
  return (
    <section class="card selection" aria-labelledby="selection" aria-live="polite">
      <div class="selection-head">
        <h2 id="selection">{hash === null ? "Nothing chosen" : "Chosen"}</h2>
        {hash !== null && (
          <Button tone="quiet" onClick={onClear}>
            Clear
          </Button>
        )}
      </div>
      {hash === null && <Suggestions {...props} />}
      {hash !== null &&
        (row === undefined ? <Elsewhere {...props} hash={hash} /> : <Row {...props} row={row} />)}
    </section>
  );
}

/** The best of the front in each objective: a beginning. */
function Suggestions({ rows, objectives, onChoose }: SelectionProps) {
  const picks = objectives.flatMap((objective) => {
    const id = idOf(objective);
    const sign = objective.goal === "minimize" ? 1 : -1;
    const rank = (row: FrontRow) => sign * (row.values[id] ?? Number.POSITIVE_INFINITY * sign);
    const [best] = rows.toSorted((a, b) => rank(a) - rank(b));
    return best === undefined ? [] : [{ id, best }];
  });
  return (
    <>
      <p class="hint">Click a point, or press a name in a table, to see what it is.</p>
      {picks.length > 0 && (
        <ul class="picks" aria-label="Best in one objective">
          {picks.map(({ id, best }) => (
            <li key={id}>
              <Button tone="quiet" onClick={() => onChoose(best.hash)}>
                Best {lowerTitle(id)}
              </Button>
              <span>{measured(id, best.values[id])}</span>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

const evidenceTexts: Record<FrontRow["evidence"], string> = {
  table: "; accuracy from the table",
  "shared-weights": "; accuracy with shared weights",
  "short-training": "; accuracy after a short training",
  // That of its final training stands below; this one is what the search chose by.
  "full-training": "",
};

function Row({ id, row, objectives, space }: SelectionProps & { row: FrontRow }) {
  return (
    <>
      <Name hash={row.hash}>
        <Badge tone="good">on the front</Badge>
      </Name>
      <Values
        objectives={objectives}
        figureOf={(objective) => row.values[objective]}
        widthOf={(objective) => halfWidth(row, objective)}
      />
      <p class="hint">
        Measured in round {whole(row.round)}, stage {whole(row.stage + 1)}
        {row.images > 0 && `, on ${whole(row.images)} images`}
        {evidenceTexts[row.evidence]}.
      </p>
      {row.testAccuracy !== null && (
        <p>
          <strong>{measured("accuracy", row.testAccuracy)}</strong> on test images after its final training.
        </p>
      )}
      {row.predicted.length > 0 && <p class="hint">Predicted, not measured: {row.predicted.join(", ")}.</p>}
      <Cells genotype={row.genotype} space={space} />
      <div class="buttons">
        <LinkButton href={addresses.architecture(id, row.hash)} tone="main">
          Its page
        </LinkButton>
        <CopyButton text={row.text} what="genotype" />
      </div>
    </>
  );
}

const Name = ({ hash, children }: { hash: string; children?: ComponentChildren }) => (
  <p class="selection-name">
    <code>{hash}</code>
    {children}
  </p>
);

/** Not on the front of the last stage: beaten later on, of an earlier stage, or never kept. */
function Elsewhere(props: SelectionProps & { hash: string }) {
  const { id, hash } = props;
  const kept = useData(`architecture ${id} ${hash}`, async (signal) => {
    try {
      return await read(
        api.searches[":id"].architectures[":hash"].$get({ param: { id, hash } }, { init: { signal } }),
      );
    } catch (error) {
      if (error instanceof ApiProblem && error.status === 404) return null;
      throw error;
    }
  });
  if (kept.value === undefined)
    return kept.error === null ? (
      <Loading what="architecture" />
    ) : (
      <ProblemCard error={kept.error} onAgain={kept.refresh} />
    );
  return kept.value === null ? <Passing {...props} /> : <Kept {...props} architecture={kept.value} />;
}

function Kept({
  id,
  hash,
  architecture,
  objectives,
  space,
}: SelectionProps & { hash: string; architecture: Architecture }) {
  const [newest] = architecture.measurements;
  return (
    <>
      <Name hash={hash}>
        <Badge>{newest?.feasible === false ? "beyond a limit" : "not on the front"}</Badge>
      </Name>
      {newest !== undefined && (
        <>
          <Values
            objectives={objectives}
            figureOf={(objective) => newest.values[objective]}
            widthOf={(objective) => halfWidth(newest, objective)}
          />
          <p class="hint">
            Measured in round {whole(newest.round)}, stage {whole(newest.stage + 1)}
            {evidenceTexts[newest.evidence]}.
          </p>
        </>
      )}
      {architecture.counts !== null && (
        <p class="hint">
          {number(architecture.counts.parameters)} parameters, {number(architecture.counts.macs)} MACs,{" "}
          {bytes(architecture.counts.modelBytes)}.
        </p>
      )}
      <Cells genotype={architecture.genotype} space={space} />
      <div class="buttons">
        <LinkButton href={addresses.architecture(id, hash)} tone="main">
          Its page
        </LinkButton>
        <CopyButton text={architecture.text} what="genotype" />
      </div>
    </>
  );
}

/** A candidate that was measured once and not kept: the rounds remember it. */
function Passing({ id, hash, all, objectives, space }: SelectionProps & { hash: string }) {
  const place = all.hash.lastIndexOf(hash);
  const { value, error, isLoading, refresh } = useCandidate(
    id,
    place < 0 ? undefined : all.round[place],
    hash,
  );
  if (place < 0)
    return (
      <>
        <Name hash={hash} />
        <p class="hint">
          {all.size === 0
            ? "Looking for it among the candidates."
            : "This search measured nothing of that name."}
        </p>
      </>
    );
  const genotype = value && genotypeFromSelection(space, value.selection);
  return (
    <>
      <Name hash={hash}>
        <Badge>{all.feasible[place] ? "candidate" : "beyond a limit"}</Badge>
      </Name>
      <Values objectives={objectives} figureOf={(objective) => all.values(objective)[place]} />
      <p class="hint">
        Measured in round {whole(all.round[place])}. Others beat it or it is beyond a limit, so it is not kept
        with the architectures and has no page of its own.
      </p>
      {genotype === undefined && isLoading && <Loading what="cells" lines={2} />}
      {error !== null && <ProblemCard error={error} onAgain={refresh} />}
      {genotype !== undefined && (
        <>
          <Cells genotype={genotype} space={space} />
          <div class="buttons">
            <CopyButton text={JSON.stringify(genotype)} what="genotype" />
          </div>
        </>
      )}
    </>
  );
}
