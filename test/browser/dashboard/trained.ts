/** A small search that a runner brings to its end: a front, a finished training, exports. */

import { listTrainings, type Search, type Training } from "../../../cli/api.ts";
import { isFinished, searchOnDevices, smallSearch } from "../../wholeSearch.ts";
import type { World } from "./world.ts";

export interface Trained {
  search: Search;
  training: Training;
}

export async function trainedSearch({ edge }: Pick<World, "edge">, name = "trained"): Promise<Trained> {
  const { objectives } = smallSearch(name);
  // Of few operations and one stage, as those on devices are.
  const id = await edge.create({ ...searchOnDevices(), name, objectives, visibility: "public" });
  const runner = edge.startRunner(id);
  const search = await edge.until(id, runner, isFinished);
  await runner.stop();
  const [training] = await listTrainings(edge.client, id);
  if (training === undefined) throw new Error("nothing was trained");
  return { search, training };
}
