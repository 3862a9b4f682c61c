/** What the search would hold, take and cost, before anything is started. */

import type { ComponentChildren } from "preact";
import type { Specification } from "../../../shared/specification.ts";
import { objectiveId } from "../../../shared/specification.ts";
import { type Mark, RangeStrip } from "../../pictures/rangeStrip.tsx";
import { duration, measured, money, number, unitOf, whole } from "../../ui/format.ts";
import type { Profile } from "./useChecked.ts";

interface ProfileCardProps {
  profile: Profile;
  /** Null while something is wrong with what is typed: the profile is an earlier one. */
  specification: Specification | null;
}

export function ProfileCard({ profile, specification }: ProfileCardProps) {
  const wanted = specification?.objectives ?? [];
  const ids = wanted.map(objectiveId);
  const ranges = Object.entries(profile.ranges).sort(
    ([a], [b]) => Number(ids.includes(b)) - Number(ids.includes(a)),
  );
  return (
    <>
      <section class="stack new-profile" aria-label="What the space holds">
        <h3>What the space holds</h3>
        <p>
          <b>{number(profile.architectures)}</b> architectures
        </p>
        {ranges.length === 0 && <p class="hint">The table has what each is worth.</p>}
        {ranges.map(([id, range]) => (
          <Range key={id} id={id} range={range} marks={marksOf(wanted, id)} />
        ))}
      </section>
      <section class="stack new-profile" aria-label="What it takes">
        <h3>What it takes</h3>
        <Effort profile={profile} />
        <Cost profile={profile} budget={specification?.budget ?? {}} />
      </section>
    </>
  );
}

type RangeOf = Profile["ranges"][string];

function marksOf(objectives: Specification["objectives"], id: string): Mark[] {
  const objective = objectives.find((one) => objectiveId(one) === id);
  return (["target", "limit"] as const).flatMap((kind) => {
    const value = objective?.[kind];
    return value === undefined ? [] : [{ kind, value }];
  });
}

function Range({ id, range, marks }: { id: string; range: RangeOf; marks: readonly Mark[] }) {
  const { minimum, median, maximum } = range;
  const [least, middle, most] = [minimum, median, maximum].map((value) => measured(id, value));
  const met = marks.map((mark) => metBy(id, mark, range));
  const label = `${unitOf(id).title}: from ${least} to ${most}, half of it below ${middle}. ${met.join(" ")}`;
  return (
    <div class="new-range">
      <div class="new-range-head">
        <b>{unitOf(id).title}</b>
        <span class="hint">median {middle}</span>
      </div>
      <RangeStrip range={range} marks={marks} label={label} />
      <div class="new-range-head hint" aria-hidden="true">
        <span>{least}</span>
        <span>{most}</span>
      </div>
      {marks.map((mark, index) => (
        <p key={mark.kind} class={`new-met ${mark.value < minimum ? "bad" : ""}`}>
          <span class={`new-mark ${mark.kind}`} aria-hidden="true" />
          {met[index]}
        </p>
      ))}
    </div>
  );
}

/** Whether a bound from above can be met, in a sentence. */
function metBy(id: string, { kind, value }: Mark, { minimum, median, maximum }: RangeOf): string {
  const bound = `${kind === "limit" ? "Limit" : "Target"} ${measured(id, value)}:`;
  if (value < minimum) return `${bound} none meets it.`;
  if (value >= maximum) return `${bound} every architecture meets it.`;
  return value < median ? `${bound} fewer than half meet it.` : `${bound} more than half meet it.`;
}

function Effort({ profile }: { profile: Profile }) {
  const { steps, rounds, evaluations, reranking, estimate } = profile;
  const rows: [string, ComponentChildren][] = [
    ["Rounds", whole(rounds)],
    ["Measured", `${whole(evaluations)} architectures`],
  ];
  if (steps > 0) rows.push(["Weight steps", whole(steps)]);
  if (reranking.trainings > 0)
    rows.push(["Short trainings", `${whole(reranking.trainings)}, ${whole(reranking.steps)} steps`]);
  if (estimate !== null) {
    const { search, reranking: ordering, finalTraining } = estimate.gpuHours;
    rows.push(["Searching", hours(search)]);
    if (ordering > 0) rows.push(["Ordering the front", hours(ordering)]);
    rows.push(["Final training", hours(finalTraining)]);
    rows.push(["GPU time in all", `about ${hours(search + ordering + finalTraining)}`]);
  }
  return (
    <dl>
      {rows.map(([title, text]) => (
        <div key={title} class="new-row">
          <dt>{title}</dt>
          <dd>{text}</dd>
        </div>
      ))}
    </dl>
  );
}

const hours = (value: number): string => duration(value * 3600);

function Cost({ profile: { estimate }, budget }: { profile: Profile; budget: Specification["budget"] }) {
  if (estimate === null) return null;
  const { search, reranking, finalTraining } = estimate.gpuHours;
  const gpuHours = search + reranking + finalTraining;
  return (
    <div class="stack">
      {estimate.usd !== null && (
        <Against what="Cost at the ceiling" used={estimate.usd} limit={budget.usd} format={money} />
      )}
      {budget.gpuHours !== undefined && (
        <Against what="Runner time" used={gpuHours} limit={budget.gpuHours} format={hours} />
      )}
      <p class="hint">Estimates are right within a factor of two or so.</p>
    </div>
  );
}

interface AgainstProps {
  what: string;
  used: number;
  limit: number | undefined;
  format(value: number): string;
}

function Against({ what, used, limit, format }: AgainstProps) {
  if (limit === undefined)
    return (
      <p>
        {what}: about <b>{format(used)}</b>
      </p>
    );
  const isOver = used > limit;
  const share = Math.min(1, used / limit);
  return (
    <div class={`new-against ${isOver ? "over" : ""}`}>
      <p>
        {what}: about <b>{format(used)}</b> of {format(limit)}
      </p>
      <progress aria-label={`${what} against the budget`} max={1} value={share} />
      {isOver && <p class="field-problem">More than the budget: it would end early.</p>}
    </div>
  );
}
