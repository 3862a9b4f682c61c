/** The recommended architecture: its cells, its values, why it is the one, and what to do with it. */

import { useState } from "preact/hooks";
import { evidenceText } from "../../../shared/evidence.ts";
import { resolveSpace } from "../../../shared/space.ts";
import { type FrontRow, type Search, type Training, useCan } from "../../app/api.ts";
import { objectivesOf } from "../../app/objectives.ts";
import { addresses } from "../../app/place.ts";
import type { Alternative, Loosening, Recommendation } from "../../choice/recommend.ts";
import { behindText, comparedText, intervalText, savingText, whyText } from "../../choice/words.ts";
import { GenotypeDrawing } from "../../drawing/cell.ts";
import { TrainDialog } from "../../training/trainDialog.tsx";
import { Badge, Button, CopyButton, LinkButton } from "../../ui/controls.tsx";
import { evidenceSentence } from "../../ui/evidence.ts";
import { lowerTitle, measured, unitOf, whole } from "../../ui/format.ts";
import { StatusCard } from "../../ui/states.tsx";
import type { Change } from "./constraints.tsx";

interface RecommendedProps {
  search: Search;
  recommendation: Recommendation<FrontRow>;
  remaining: number;
  trainings: readonly Training[];
  onTrained(): void;
  onCompare(hash: string): void;
}

export function Recommended({
  search,
  recommendation,
  remaining,
  trainings,
  onTrained,
  onCompare,
}: RecommendedProps) {
  const { row, interval } = recommendation;
  const [isTraining, setTraining] = useState(false);
  const mayTrain = useCan("searches:write");
  const isTable = search.specification.evaluation.kind === "tabular";
  const open = trainings.find(
    ({ hash, state }) => hash === row.hash && (state === "queued" || state === "running"),
  );
  return (
    <section class="card recommended" aria-labelledby="recommended-title">
      <header class="recommended-head">
        <div>
          <h2 id="recommended-title">Recommended</h2>
          <a href={addresses.architecture(search.id, row.hash)}>
            <code>{row.hash}</code>
          </a>
        </div>
        <Badge tone={row.evidence === "full-training" ? "good" : "calm"}>{evidenceText(row)}</Badge>
      </header>
      <ul class="values">
        {objectivesOf(search).map(({ id }) => (
          <li key={id}>
            <span class="hint">{unitOf(id).title}</span>
            <strong>{measured(id, row.values[id])}</strong>
            <span class="hint">
              {id === "accuracy" ? intervalText(id, interval) : row.predicted.includes(id) ? "predicted" : ""}
            </span>
          </li>
        ))}
        {row.testAccuracy !== null && (
          <li>
            <span class="hint">Test accuracy</span>
            <strong>{measured("accuracy", row.testAccuracy)}</strong>
            <span class="hint">fully trained</span>
          </li>
        )}
      </ul>
      <GenotypeDrawing genotype={row.genotype} space={resolveSpace(search.specification.space)} />
      <Why search={search} recommendation={recommendation} remaining={remaining} onCompare={onCompare} />
      <div class="buttons">
        {!isTable && (
          <Button tone="main" disabled={!mayTrain || open !== undefined} onClick={() => setTraining(true)}>
            {open === undefined ? "Start final training" : "In training"}
          </Button>
        )}
        <LinkButton href={addresses.architecture(search.id, row.hash)}>Open it</LinkButton>
        <CopyButton text={row.text} what="genotype" />
      </div>
      {!isTable && !mayTrain && <p class="hint">A token with the scope searches:write starts trainings.</p>}
      <TrainDialog
        search={search}
        hash={row.hash}
        isOpen={isTraining}
        onClose={() => setTraining(false)}
        onStarted={onTrained}
      />
    </section>
  );
}

type WhyProps = Pick<RecommendedProps, "search" | "recommendation" | "remaining" | "onCompare">;

function Why({ search, recommendation, remaining, onCompare }: WhyProps) {
  const { row, alternatives, bargain } = recommendation;
  const isLess = (objective: string) =>
    objectivesOf(search).find(({ id }) => id === objective)?.goal === "minimize";
  const said = (alternative: Alternative<FrontRow>) => (
    <>
      <strong>{savingText(alternative, isLess(alternative.objective))}</strong>, {behindText(alternative)}.{" "}
    </>
  );
  return (
    <div class="why">
      <h3>Why this one</h3>
      <p>{whyText(recommendation, remaining)}</p>
      <p>{evidenceSentence(row.evidence)}</p>
      {bargain !== null && (
        <p class="bargain">
          Think about{" "}
          <a href={addresses.architecture(search.id, bargain.row.hash)}>
            <code>{bargain.row.hash}</code>
          </a>
          : {said(bargain)}
          <Button tone="quiet" onClick={() => onCompare(bargain.row.hash)}>
            Compare
          </Button>
        </p>
      )}
      {alternatives.length > 0 && (
        <ul class="alternatives">
          {alternatives.map((alternative) => (
            <li key={alternative.objective}>
              <span>
                The next with {comparedText(alternative.objective, isLess(alternative.objective))}:{" "}
                {said(alternative)}
              </span>
              <Button tone="quiet" onClick={() => onCompare(alternative.row.hash)}>
                <span>
                  Compare<span class="visually-hidden"> with {alternative.row.hash}</span>
                </span>
              </Button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

interface NothingRemainsProps {
  loosening: Loosening | null;
  /** False where some remain, but their accuracy is not known yet. */
  isAccuracyKnown: boolean;
  onChange: Change;
}

export function NothingRemains({ loosening, isAccuracyKnown, onChange }: NothingRemainsProps) {
  if (!isAccuracyKnown)
    return (
      <StatusCard tone="calm" title="Their accuracy is not known yet">
        <p>What remains was not measured for accuracy. The page follows the search by itself.</p>
      </StatusCard>
    );
  if (loosening === null)
    return (
      <StatusCard tone="warn" title="No architecture keeps within all of these">
        <p>No single constraint is to blame. Loosen two of them, or remove all.</p>
      </StatusCard>
    );
  const { objective, kind, value, remain } = loosening;
  return (
    <StatusCard tone="warn" title="No architecture keeps within all of these">
      <p>
        With {lowerTitle(objective)} at {kind === "max" ? "most" : "least"}{" "}
        <strong>{measured(objective, value)}</strong>,{" "}
        {remain === 1 ? "one remains" : `${whole(remain)} remain`}.
      </p>
      <div class="buttons">
        <Button tone="main" onClick={() => onChange({ [`${kind}_${objective}`]: String(value) })}>
          Allow that
        </Button>
      </div>
    </StatusCard>
  );
}
