/**
 * The front of several searches. What shared weights say of an architecture holds within its search only, since another
 * supernet says something else; networks that were trained alike on the same data are compared across searches. Pure.
 */

import { candidateRecipe } from "../shared/candidateTrainings.ts";
import { rungRecipe } from "../shared/reranking.ts";
import { resolveReranking } from "../shared/specification.ts";
import { nonDominated } from "./controller/archive.ts";
import type { Architecture } from "./store/architectures.ts";
import type { Search } from "./store/searches.ts";

type Merging = Pick<Search, "id" | "specification">;

export interface MergedRow<S> {
  row: Architecture;
  search: S;
  compared: "own search" | "all searches";
}

/** The most accurate first. @param rows of the front of each search */
export function mergedFront<S extends Merging>(
  searches: readonly S[],
  rows: readonly Architecture[],
): MergedRow<S>[] {
  const groups = new Map<string, MergedRow<S>[]>();
  const byId = new Map(searches.map((search) => [search.id, search]));
  for (const row of rows) {
    const search = byId.get(row.searchId);
    if (search === undefined) continue;
    // A final training alone does not replace an accuracy: it is tested on other images.
    const isOwn = row.trainingSteps === null && search.specification.evaluation.kind === "supernet";
    const key = isOwn ? search.id : circumstancesOf(search);
    const group = groups.get(key) ?? [];
    group.push({ row, search, compared: isOwn ? "own search" : "all searches" });
    groups.set(key, group);
  }
  return [...groups.values()].flatMap((group) => {
    const [{ search }] = group as [MergedRow<S>];
    const entries = group.map((merged) => ({
      ...merged,
      values: merged.row.values,
      feasible: merged.row.feasible,
    }));
    const front = nonDominated(entries, search.specification.objectives);
    return front
      .sort((a, b) => (b.values.accuracy ?? 0) - (a.values.accuracy ?? 0))
      .map(({ row, search: own, compared }) => ({ row, search: own, compared }));
  });
}

/** What accuracies must have in common to be compared: the data, and how networks were trained. */
function circumstancesOf({ specification }: Merging): string {
  const { dataset, evaluation } = specification;
  if (evaluation.kind === "tabular") return JSON.stringify([evaluation.table, evaluation.reward]);
  if (evaluation.kind === "training") {
    const recipes = evaluation.rungs.map((_, rung) => candidateRecipe(specification, evaluation, rung));
    return JSON.stringify([dataset.name, recipes]);
  }
  const rungs = resolveReranking(specification)?.rungs ?? [];
  return JSON.stringify([dataset.name, rungs.map((_, rung) => rungRecipe(specification, rung))]);
}
