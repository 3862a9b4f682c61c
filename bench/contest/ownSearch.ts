/** A search with the product as its users run it: a real Worker, one runner of all cores, the front read through the API. */

import { type FrontRow, readFront, readSearch } from "../../cli/api.ts";
import type { EdgeClient } from "../../cli/client.ts";
import { ensureDashboard } from "../../setup/dashboard.mjs";
import type { SpecificationInput } from "../../shared/specification.ts";
import { withLocalSearch } from "../localSearch.ts";
import { startProcessorMeter } from "./processorTime.ts";

const lookEveryMs = 5000;

/** A front as the search gave it, with the processor seconds of runner and edge until then. */
export interface FrontAt<Member> {
  processorSeconds: number;
  front: Member[];
}

export interface OwnRun<Member> {
  /** Each front that differs from the one before; the last is the search's answer. */
  fronts: FrontAt<Member>[];
  processorSeconds: number;
  wallSeconds: number;
  /** Measurements of architectures, with shared weights or after a training. */
  evaluations: number;
  /** `completed`, or how far it was when its time was up. */
  state: string;
}

export interface OwnSearchOptions<Member> {
  dataFolder: string | undefined;
  /** What is noted of each architecture. */
  memberOf: (row: FrontRow) => Member;
  /** The runners are ended after so many; absent: when the search has ended. */
  mostProcessorSeconds?: number;
  log: (line: string) => void;
  signal: AbortSignal;
}

/** @throws Error where the search fails */
export async function runOwnSearch<Member>(
  specification: SpecificationInput,
  { memberOf, mostProcessorSeconds = Number.POSITIVE_INFINITY, ...options }: OwnSearchOptions<Member>,
): Promise<OwnRun<Member>> {
  await ensureDashboard(); // built once for all contestants
  const startedAt = performance.now();
  const processorSeconds = startProcessorMeter();
  return withLocalSearch(specification, options, async ({ id, client, work }) => {
    const fronts: FrontAt<Member>[] = [];
    const look = async () => {
      await note(fronts, { client, id, memberOf, processorSeconds });
      return processorSeconds() < mostProcessorSeconds;
    };
    await work(1, { everyMs: lookEveryMs, look });
    await look();
    const { state, failure, progress } = await readSearch(client, id);
    if (state === "failed") throw new Error(`The search "${specification.name}" failed: ${failure}`);
    const wallSeconds = (performance.now() - startedAt) / 1000;
    const { evaluations } = progress;
    return { fronts, processorSeconds: processorSeconds(), wallSeconds, evaluations, state };
  });
}

async function note<Member>(
  fronts: FrontAt<Member>[],
  search: {
    client: EdgeClient;
    id: string;
    memberOf: (row: FrontRow) => Member;
    processorSeconds: () => number;
  },
): Promise<void> {
  const rows = await readFront(search.client, search.id);
  const front = rows.toSorted((left, right) => (left.hash < right.hash ? -1 : 1)).map(search.memberOf);
  if (JSON.stringify(front) === JSON.stringify(fronts.at(-1)?.front ?? [])) return;
  fronts.push({ processorSeconds: search.processorSeconds(), front });
}
