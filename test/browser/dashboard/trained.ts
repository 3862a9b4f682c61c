/** A small search that a runner brings to its end: a front, a finished training, exports. */

import { listTrainings, type Search, type Training } from "../../../cli/api.ts";
import { isFinished, smallSearch } from "../../wholeSearch.ts";
import type { World } from "./world.ts";

export interface Trained {
  search: Search;
  training: Training;
}

export async function trainedSearch({ edge }: Pick<World, "edge">, name = "trained"): Promise<Trained> {
  const id = await edge.create({ ...smallSearch(name), visibility: "public" });
  const runner = edge.startRunner(id);
  const search = await edge.until(id, runner, isFinished);
  await runner.stop();
  const [training] = await listTrainings(edge.client, id);
  if (training === undefined) throw new Error("nothing was trained");
  return { search, training };
}
