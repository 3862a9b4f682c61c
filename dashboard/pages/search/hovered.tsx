/** What is shown beside a point while the pointer is on it: its figures and its cell. */

import { useEffect, useState } from "preact/hooks";
import { genotypeFromSelection, type SearchSpace } from "../../../shared/space.ts";
import { api, type Candidate, type FrontRow, read } from "../../app/api.ts";
import { type Data, useData } from "../../app/useData.ts";
import { Cells } from "../../drawing/cells.tsx";
import { measured, number, unitOf, whole } from "../../ui/format.ts";
import type { Candidates } from "./candidates.ts";
import { halfWidth, idOf, type Objective } from "./frontData.ts";

interface RowProps {
  row: FrontRow;
  objectives: readonly Objective[];
  space: SearchSpace;
}

export const HoveredRow = ({ row, objectives, space }: RowProps) => (
  <>
    <Values objectives={objectives} figureOf={(id) => row.values[id]} widthOf={(id) => halfWidth(row, id)} />
    <Cells genotype={row.genotype} space={space} />
  </>
);

interface CandidateProps {
  id: string;
  all: Candidates;
  place: number;
  objectives: readonly Objective[];
  space: SearchSpace;
}

/** A pointer that only passes asks for nothing. */
const settledMs = 120;

export function HoveredCandidate({ id, all, place, objectives, space }: CandidateProps) {
  const [settled, settle] = useState<number | null>(null);
  useEffect(() => {
    const timer = setTimeout(() => settle(place), settledMs);
    return () => clearTimeout(timer);
  }, [place]);
  const round = all.round[place];
  const hash = all.hash[place];
  const { value } = useCandidate(id, settled === place ? round : undefined, hash);
  return (
    <>
      <p class="hint">
        Candidate of round {whole(round)}
        {all.feasible[place] ? "" : ", beyond a limit"}
      </p>
      <Values objectives={objectives} figureOf={(objective) => all.values(objective)[place]} />
      {value?.hash === hash && value !== undefined && (
        <Cells genotype={genotypeFromSelection(space, value.selection)} space={space} />
      )}
    </>
  );
}

/** A candidate with its selection, of a round; undefined where the round holds none of that name. */
export function useCandidate(
  id: string,
  round: number | undefined,
  hash: string | undefined,
): Data<Candidate | undefined> {
  const data = useData(round === undefined ? null : `round ${id} ${round}`, async (signal) => {
    const query = { round: round ?? 0 };
    const answer = read(api.searches[":id"].candidates.$get({ param: { id }, query }, { init: { signal } }));
    return (await answer).data;
  });
  return { ...data, value: data.value?.find((candidate) => candidate.hash === hash) };
}

interface ValuesProps {
  objectives: readonly Objective[];
  figureOf(id: string): number | null | undefined;
  widthOf?: (id: string) => number | undefined;
}

export const Values = ({ objectives, figureOf, widthOf }: ValuesProps) => (
  <dl class="values">
    {objectives.map(idOf).map((id) => {
      const width = widthOf?.(id);
      const value = figureOf(id);
      const isMissing = value == null || Number.isNaN(value);
      return (
        <div key={id}>
          <dt>{unitOf(id).title}</dt>
          <dd>
            {isMissing ? "not measured" : measured(id, value)}
            {!isMissing && width !== undefined && <span class="hint"> ± {number(width, 2)}</span>}
          </dd>
        </div>
      );
    })}
  </dl>
);
