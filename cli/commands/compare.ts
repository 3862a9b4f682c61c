/** `nasturtium compare`: whether one search's front is better than another's, by a test rather than by eye. */

import { objectiveId } from "../../shared/specification.ts";
import { compareFronts, type UncertainPoint } from "../../shared/statistics.ts";
import { type FrontRow, readFront, readSearch, type Search } from "../api.ts";
import type { CommandRow } from "../command.ts";
import { badInput } from "../errors.ts";

const seed = 1;
const significant = 0.05;

export const compare: CommandRow = {
  name: "compare",
  args: "<id> <other>",
  description: "compare the fronts of two searches by their hypervolume, with a test",
  async run(ctx, [left = "", right = ""]) {
    const client = ctx.client();
    const [first, second] = await Promise.all(
      [left, right].map(async (id) => {
        const search = await readSearch(client, id);
        const rows = await readFront(client, id);
        return { id, name: search.name, goals: goalsOf(search), rows };
      }),
    );
    if (first === undefined || second === undefined) return;
    for (const { id, rows } of [first, second])
      if (rows.length === 0)
        throw badInput(`The front of ${id} is empty.`, "Compare it once it has measured something.");
    if (JSON.stringify(first.goals) !== JSON.stringify(second.goals))
      throw badInput(
        `The searches have other objectives: ${namesOf(first.goals)}; ${namesOf(second.goals)}.`,
        "Compare searches with the same ones.",
      );
    const result = compareFronts(
      pointsOf(first.rows, first.goals),
      pointsOf(second.rows, second.goals),
      seed,
    );
    const verdict =
      result.pValue >= significant
        ? "The difference may well be noise of the measurements."
        : `The front of ${result.difference > 0 ? left : right} is better than noise explains.`;
    const share = (value: number) => `${(100 * value).toFixed(1)} %`;
    ctx.print(
      { searches: { first: first.id, second: second.id }, ...result },
      [
        `${left} (${first.name}): ${share(result.first)} of the box around both fronts, ${first.rows.length} architectures`,
        `${right} (${second.name}): ${share(result.second)}, ${second.rows.length} architectures`,
        `difference ${share(result.difference)}, 95 % from ${share(result.low)} to ${share(result.high)}, p = ${result.pValue.toFixed(3)}`,
        verdict,
        "It compares these two fronts as measured; to compare two ways of searching, run several seeds of each.",
      ].join("\n"),
    );
  },
};

type Goals = Record<string, 1 | -1>;

/** By objective id, the sign that makes smaller better. */
const goalsOf = ({ specification }: Search): Goals =>
  Object.fromEntries(
    specification.objectives.map((objective) => [
      objectiveId(objective),
      objective.goal === "maximize" ? -1 : 1,
    ]),
  );

const namesOf = (goals: Goals): string => Object.keys(goals).join(", ");

function pointsOf(rows: readonly FrontRow[], goals: Goals): UncertainPoint[] {
  const ids = Object.keys(goals);
  return rows.map(({ values, standardErrors }) => ({
    costs: ids.map((id) => (goals[id] as number) * (values[id] ?? Number.NaN)),
    standardErrors: ids.map((id) => standardErrors[id] ?? 0),
  }));
}
