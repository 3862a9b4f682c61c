/** A real local edge that holds a search of 50,000 candidates. */

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { newToken } from "../../cli/commands/dev.ts";
import { startLocalEdge } from "../../cli/localEdge.ts";
import { reportLarge } from "../edge/large.ts";
import { type Site, userOf } from "../edge/site.ts";

export interface Place extends Site {
  searchId: string;
  candidates: number;
  stop(): Promise<void>;
}

interface PlaceOptions {
  /** Where the search is kept for the next time; without it, nothing is. */
  keptIn: string | undefined;
  signal: AbortSignal;
  log: (line: string) => void;
}

/** Its name in the folder; says that all rounds are there. */
const noteName = "search.json";

/** Every round is reported by a runner over HTTP, as in a real search; only the measurements are made up. */
export async function startPlace({ keptIn, signal, log }: PlaceOptions): Promise<Place> {
  const stateDir = keptIn ?? mkdtempSync(path.join(tmpdir(), "nasturtium-bench-"));
  const note = path.join(stateDir, noteName);
  const kept: { token: string; id: string } | null = existsSync(note)
    ? JSON.parse(readFileSync(note, "utf8"))
    : null;
  const token = kept?.token ?? newToken();
  const vars = { NASTURTIUM_RATE_LIMIT: "0" };
  const edge = await startLocalEdge({ stateDir, token, port: 0, signal, vars });
  const stop = async () => {
    await edge.stop();
    if (keptIn === undefined) rmSync(stateDir, { recursive: true, force: true });
  };
  try {
    const site = { url: edge.url, token, signal, log };
    const { id } = kept ?? (await reportLarge(site));
    writeFileSync(note, JSON.stringify({ token, id }));
    return { ...site, searchId: id, candidates: await measuredIn(site, id), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Candidates that were measured, as the page gets them. */
async function measuredIn(site: Site, id: string): Promise<number> {
  const { points } = userOf(site).v1.searches[":id"];
  let count = 0;
  let cursor: string | null = null;
  do {
    const query: { cursor?: string } = cursor === null ? {} : { cursor };
    const answer = await points.$get({ param: { id }, query });
    const { hash, nextCursor }: { hash: string[]; nextCursor: string | null } = await answer.json();
    count += hash.length;
    cursor = nextCursor;
  } while (cursor !== null);
  return count;
}
