/** The policy of a search over its rounds: how probable each operation is on each edge, what was pruned and why. */

import { useMemo, useState } from "preact/hooks";
import { api, isFinished, type Policy, type PolicyAt, read, type Search } from "../../../app/api.ts";
import { addresses, useQuery } from "../../../app/place.ts";
import { useData } from "../../../app/useData.ts";
import { Picture } from "../../../pictures/picture.tsx";
import { heatKey, policyHeat } from "../../../pictures/policyHeat.ts";
import { LinkButton } from "../../../ui/controls.tsx";
import { operationName, percent, whole } from "../../../ui/format.ts";
import { Empty, Loaded } from "../../../ui/states.tsx";
import { OperationFacts } from "./operationFacts.tsx";
import { heatOf, mostOf, operationsOf, type Step, stepsOf, whenOf } from "./policySteps.ts";
import { Prunings } from "./prunings.tsx";
import { RoundSlider } from "./roundSlider.tsx";
import "./policy.css";

const points = 120;

interface ViewProps {
  id: string;
  search: Search;
}

export default function PolicyView({ id, search }: ViewProps) {
  const found = useData(`policy ${id}`, (signal) => load(id, signal), {
    when: `${search.progress.round} ${search.state}`,
  });
  return (
    <Loaded of={found} what="policy" lines={6}>
      {({ policy, history }) => <Found id={id} search={search} policy={policy} history={history} />}
    </Loaded>
  );
}

async function load(id: string, signal: AbortSignal): Promise<{ policy: Policy; history: PolicyAt[] }> {
  const init = { init: { signal } };
  const [policy, history] = await Promise.all([
    read(api.searches[":id"].policy.$get({ param: { id } }, init)),
    read(api.searches[":id"].policy.history.$get({ param: { id }, query: { points } }, init)),
  ]);
  return { policy, history: history.data };
}

interface FoundProps extends ViewProps {
  policy: Policy;
  history: readonly PolicyAt[];
}

function Found({ id, search, policy, history }: FoundProps) {
  const isOver = isFinished(search);
  const steps = useMemo(() => stepsOf(history, policy, isOver), [history, policy, isOver]);
  const { strategy } = policy;
  if (strategy === "random" || Object.keys(policy.cells).length === 0)
    return (
      <Empty title="This search keeps no policy">
        <p>
          {strategy === "random"
            ? "It draws every architecture at random, each operation as probable as the others, and learns nothing from what it measures."
            : "Nothing is known of its space that could be more or less probable."}{" "}
          What it found shows in the front and across all objectives.
        </p>
        <LinkButton href={addresses.search(id)}>To the search</LinkButton>
      </Empty>
    );
  return (
    <>
      {history.length === 0 && <NoPast search={search} strategy={strategy} />}
      <Policies policy={policy} steps={steps} />
      <Prunings policy={policy} />
    </>
  );
}

const NoPast = ({ search, strategy }: { search: Search; strategy: string }) => (
  <div class="note policy-note">
    <p>
      {search.specification.evaluation.kind !== "supernet"
        ? `A search without a supernet keeps no policy of the past: below is what the strategy ${strategy} would draw from now.`
        : "No round has begun: below is what the first will be drawn from."}
    </p>
  </div>
);

/** The step that the address names, and the last one without. */
function useStep(steps: readonly Step[]): [index: number, show: (index: number) => void] {
  const [query, change] = useQuery();
  const asked = query.get("round");
  const last = steps.length - 1;
  const at = asked === null ? last : steps.findLastIndex(({ round }) => round <= Number(asked));
  const show = (index: number) => change({ round: index >= last ? null : String(steps[index]?.round ?? "") });
  return [at < 0 ? 0 : at, show];
}

function Policies({ policy, steps }: { policy: Policy; steps: readonly Step[] }) {
  const [index, show] = useStep(steps);
  const [marked, mark] = useState<{ kind: string; edge: number; operation: number } | null>(null);
  const operations = useMemo(() => operationsOf(steps, policy), [steps, policy]);
  const most = useMemo(() => mostOf(steps), [steps]);
  const step = steps[index];
  if (step === undefined) return null;
  return (
    <>
      {steps.length > 1 && <RoundSlider steps={steps} index={index} onIndex={show} />}
      <div class="policy-kinds">
        {[...operations].map(([kind, names]) => (
          <Kind
            key={kind}
            {...{ policy, step, kind, most }}
            operations={names}
            marked={marked?.kind === kind ? heatKey(marked.edge, marked.operation) : null}
            onMark={(edge, operation) => mark({ kind, edge, operation })}
          />
        ))}
      </div>
      {marked !== null && (
        <OperationFacts
          policy={policy}
          steps={steps}
          step={step}
          kind={marked.kind}
          position={marked.edge}
          operation={operations.get(marked.kind)?.[marked.operation] ?? ""}
          onClose={() => mark(null)}
        />
      )}
    </>
  );
}

interface KindProps {
  policy: Policy;
  step: Step;
  kind: string;
  most: number;
  operations: readonly string[];
  marked: string | null;
  onMark(edge: number, operation: number): void;
}

function Kind({ policy, step, kind, most, operations, marked, onMark }: KindProps) {
  const data = useMemo(
    () => heatOf({ policy, step, kind, operations, most, marked }),
    [policy, step, kind, operations, most, marked],
  );
  const placeOf = (key: string) => {
    const [edge = 0, operation = 0] = key.split("-").map(Number);
    return { edge, operation };
  };
  const card = (key: string) => {
    const { edge, operation } = placeOf(key);
    const { probability = null, reason, stage, trainedSteps } = data.cells[edge]?.[operation] ?? {};
    return (
      <>
        <strong>{operationName(operations[operation] ?? "")}</strong>
        <span class="hint">
          Edge {data.edges[edge]} · {whenOf(step)}
        </span>
        <span>
          {probability === null
            ? `Pruned${stage === undefined ? "" : ` after stage ${stage + 1}`}${reason === undefined ? "" : ` by ${reason}`}`
            : `Probability ${percent(probability, 3)}`}
        </span>
        {trainedSteps != null && <span class="hint">{whole(trainedSteps)} weight steps</span>}
      </>
    );
  };
  const select = (key: string) => {
    const { edge, operation } = placeOf(key);
    onMark(edge, operation);
  };
  return (
    <div class="policy-kind" style={{ "--edges": String(data.edges.length) }}>
      <Picture title={titleOf(kind)} draw={policyHeat} data={data} card={card} onSelect={select}>
        <ul class="legend" aria-label="Signs">
          <li class="ramp">probability in %, 0 to {percent(most)}</li>
          <li class="evidence">pruned by evidence</li>
          <li class="schedule">by the schedule</li>
        </ul>
      </Picture>
    </div>
  );
}

/** A cell of a kind as a heading: `Normal cells`. */
const titleOf = (kind: string): string =>
  kind === "positions" ? "Places" : `${kind.charAt(0).toUpperCase()}${kind.slice(1)} cells`;
