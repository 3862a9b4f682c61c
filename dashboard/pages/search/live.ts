/** What the page and its views share, so that it is asked for once: the events and the rounds in columns. */

import { createContext } from "preact";
import { useContext, useMemo, useState } from "preact/hooks";
import { api, isFinished, read, type Search, type Series } from "../../app/api.ts";
import { session } from "../../app/session.ts";
import { useStore } from "../../app/store.ts";
import { type Data, useData } from "../../app/useData.ts";
import type { Events } from "../../app/useEvents.ts";
import { Candidates } from "./candidates.ts";

/** While a search runs; rounds emit no events. */
export const refreshMs = 5000;

export const refreshOf = (search: Pick<Search, "state"> | undefined): number | undefined =>
  search !== undefined && isFinished(search) ? undefined : refreshMs;

export interface Live {
  events: Events;
  /** Every round so far. */
  rounds: Data<Rounds>;
}

export type Rounds = Omit<Series, "nextCursor">;

const none: Live = {
  events: { events: [], state: "connecting", sequence: 0 },
  rounds: { value: undefined, error: null, isLoading: true, loadedAt: null, refresh: () => {} },
};

export const LiveContext = createContext<Live>(none);

/** In a view: the events of its search, and its rounds. */
export const useLive = (): Live => useContext(LiveContext);

const noRounds: Rounds = {
  round: [],
  stage: [],
  phase: [],
  trainLoss: [],
  hypervolume: [],
  pruned: [],
  trainSeconds: [],
  evaluateSeconds: [],
  idleSeconds: [],
  createdAt: [],
};

/** The rounds, those that are new added to those that are known. */
export function useRounds(id: string, search: Search | undefined, sequence: number): Data<Rounds> {
  const known = useMemo(() => ({ rounds: noRounds, id }), [id]);
  return useData(
    `rounds ${id}`,
    async (signal) => {
      const last = known.rounds.round.at(-1);
      const begin = last === undefined ? {} : { after: last };
      await pages(
        (query) => read(api.searches[":id"].series.$get({ param: { id }, query }, { init: { signal } })),
        begin,
        (page) => {
          signal.throwIfAborted();
          known.rounds = joined(known.rounds, page);
        },
      );
      return known.rounds;
    },
    { when: `${sequence} ${search?.state}`, everyMs: refreshOf(search) },
  );
}

/** Devices measure candidates of a round after it, as long as so many others take. */
const lateRounds = 30;

/** Whether values of a round may come after it. */
const isMeasuredLate = ({ specification: { objectives } }: Search): boolean =>
  objectives.some(({ device }) => device !== undefined);

/** The candidates so far; `version` tells when they changed, page by page while the first are loaded. */
export function useCandidates(
  id: string,
  search: Search,
): { all: Candidates; version: number; data: Data<number> } {
  const { number } = useStore(session);
  const own = keptOf(`${number} ${id}`);
  const all = own.candidates;
  const [, setVersion] = useState(0);
  const { sequence } = useLive().events;
  const isLate = isMeasuredLate(search);
  const data = useData(
    `candidates ${id}`,
    async (signal) => {
      const { state } = search;
      const isAnew = isLate && own.readIn !== state;
      const last = isAnew ? -1 : all.lastRound - (isLate ? lateRounds : 0);
      const begin = last < 0 ? {} : { after: last };
      let isFirst = true;
      await pages(
        (query) => read(api.searches[":id"].points.$get({ param: { id }, query }, { init: { signal } })),
        begin,
        (page) => {
          signal.throwIfAborted();
          if (isFirst) all.keepUpTo(last);
          isFirst = false;
          all.append(page);
          setVersion(all.version);
        },
      );
      own.readIn = state;
      return all.version;
    },
    { when: `${sequence} ${search.state}`, everyMs: refreshOf(search) },
  );
  return { all, version: all.version, data };
}

interface Kept {
  key: string;
  candidates: Candidates;
  /** The search's state when they were read. */
  readIn: Search["state"] | null;
}

/** Of the search that was looked at last: views come and go, and its candidates stay. */
let kept: Kept = { key: "", candidates: new Candidates(), readIn: null };

function keptOf(key: string): Kept {
  if (kept.key !== key) kept = { key, candidates: new Candidates(), readIn: null };
  return kept;
}

interface Query {
  after?: number;
  cursor?: string;
}

/** Every page from a beginning on, each handed over as it comes. */
async function pages<T extends { nextCursor: string | null }>(
  load: (query: Query) => Promise<T>,
  begin: Query,
  take: (page: T) => void,
): Promise<void> {
  let query: Query | null = begin;
  while (query !== null) {
    const page: T = await load(query);
    take(page);
    query = page.nextCursor === null ? null : { cursor: page.nextCursor };
  }
}

function joined(known: Rounds, { nextCursor: _, ...fresh }: Series): Rounds {
  if (fresh.round.length === 0) return known;
  return {
    round: [...known.round, ...fresh.round],
    stage: [...known.stage, ...fresh.stage],
    phase: [...known.phase, ...fresh.phase],
    trainLoss: [...known.trainLoss, ...fresh.trainLoss],
    hypervolume: [...known.hypervolume, ...fresh.hypervolume],
    pruned: [...known.pruned, ...fresh.pruned],
    trainSeconds: [...known.trainSeconds, ...fresh.trainSeconds],
    evaluateSeconds: [...known.evaluateSeconds, ...fresh.evaluateSeconds],
    idleSeconds: [...known.idleSeconds, ...fresh.idleSeconds],
    createdAt: [...known.createdAt, ...fresh.createdAt],
  };
}
