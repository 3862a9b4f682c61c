/** The searches that screenshots show: one that is run here and now, with its final training, and the recorded ones. */

import { setTimeout as pause } from "node:timers/promises";
import { listTrainings, readSearch } from "../../../cli/api.ts";
import { demoSpecification } from "../../../cli/demo/table.ts";
import { isFinished, nativeBackend } from "../../wholeSearch.ts";
import type { World } from "../dashboard/world.ts";
import type { Shown } from "./shots.ts";

const name = "small cells for clothes";
const pollMs = 2000;

/** @param minutes a row of the demo's table */
export async function runSearches(
  { edge, table }: World,
  minutes: number,
  log: (line: string) => void,
): Promise<Shown> {
  const { client } = edge;
  const id = await edge.create({ ...demoSpecification(minutes, 1), name });
  const runner = edge.startRunner(id, { backend: nativeBackend });
  let ended = false;
  void runner.exited.then(() => {
    ended = true;
  });
  try {
    for (let told = -1; ; await pause(pollMs)) {
      const search = await readSearch(client, id);
      const { round, rounds } = search.progress;
      const tenth = Math.floor((10 * round) / rounds);
      if (tenth !== told) log(`Round ${round} of ${rounds}`);
      told = tenth;
      const trainings = isFinished(search) ? await listTrainings(client, id) : [];
      const failed = search.failure ?? trainings.find(({ state }) => state === "failed")?.failure;
      if (failed) throw new Error(`The search failed: ${failed}`);
      const trained = trainings.find(({ purpose, state }) => purpose === "final" && state === "completed");
      if (trained !== undefined) return { search: id, hash: trained.hash, table: table.id };
      if (ended) throw new Error(`The runner ended. It said: ${runner.tail()}`);
    }
  } finally {
    await runner.stop();
  }
}
