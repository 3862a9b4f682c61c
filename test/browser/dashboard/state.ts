/**
 * What a Worker has stored when pages are looked at: the searches of a recorded version, of which the one on a table then
 * ended, and one more that was trained to its end. Made once for a run of the tests; each Worker starts from a copy.
 */

import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { listSearches, type Search } from "../../../cli/api.ts";
import { recordedVersions, restore } from "../../upgrade/records.ts";
import { isFinished, searchOnDevices, smallSearch, TestEdge } from "../../wholeSearch.ts";

/** Where the run's is, for the processes of its tests. */
const PREPARED = "NASTURTIUM_TEST_STATE";
const TRAINED = "trained";

export interface Searches {
  /** On a table, completed: a front, 60 candidates, no trainings. */
  table: Search;
  /** Running, in the middle: some candidates, some policy, no final training. */
  supernet: Search;
  /** Public and completed: a front, a finished training, exports. */
  trained: Search;
}

const newFolder = () => mkdtempSync(path.join(tmpdir(), "nasturtium-dashboard-"));

/** A folder for a Worker: empty, or with these searches. */
export async function newState({ isEmpty = false } = {}): Promise<string> {
  const stateDir = newFolder();
  const prepared = process.env[PREPARED];
  if (isEmpty) return stateDir;
  if (prepared === undefined) await fill(stateDir);
  else cpSync(prepared, stateDir, { recursive: true });
  return stateDir;
}

export async function searchesOf({ client }: Pick<TestEdge, "client">): Promise<Searches> {
  const all = await listSearches(client);
  const find = (what: string, is: (search: Search) => boolean): Search => {
    const found = all.find(is);
    if (found === undefined) throw new Error(`no search ${what} is stored`);
    return found;
  };
  return {
    table: find("on a table", ({ specification }) => specification.evaluation.kind === "tabular"),
    supernet: find("in the middle", ({ state }) => state === "running"),
    trained: find("with a training", ({ name }) => name === TRAINED),
  };
}

/** For a run of the tests. @returns what removes it */
export async function prepareState(): Promise<() => void> {
  const stateDir = newFolder();
  const remove = () => rmSync(stateDir, { recursive: true, force: true });
  try {
    await fill(stateDir);
  } catch (error) {
    remove();
    throw error;
  }
  process.env[PREPARED] = stateDir;
  return remove;
}

async function fill(stateDir: string): Promise<void> {
  const [version = ""] = recordedVersions();
  await restore(version, stateDir);
  const edge = await TestEdge.start({ NASTURTIUM_RATE_LIMIT: "0" }, { stateDir });
  const cache = newFolder();
  try {
    const { objectives } = smallSearch(TRAINED);
    // Of few operations and one stage, as those on devices are.
    const id = await edge.create({ ...searchOnDevices(), name: TRAINED, objectives, visibility: "public" });
    const { table } = await searchesOf(edge);
    const end = async (search: string, options: Parameters<TestEdge["startRunner"]>[1]) => {
      const runner = edge.startRunner(search, options);
      await edge.until(search, runner, isFinished);
      await runner.stop();
    };
    await Promise.all([end(id, {}), end(table.id, { backend: "wasm", env: { NASTURTIUM_CACHE: cache } })]);
  } finally {
    // The folder is kept.
    await edge.edge.stop();
    rmSync(cache, { recursive: true, force: true });
  }
}
