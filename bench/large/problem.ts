/** A made-up objective as a search sees it, and what the front that it found is worth. */

import type { Code } from "../../shared/code.ts";
import { ParetoFront } from "../../shared/pareto.ts";
import type { Answering, Run } from "../search/run.ts";
import { type LargeObjective, type ObjectiveOptions, objectiveOf } from "./objectives.ts";
import { type Point, type Reference, referenceOf, volumeOf } from "./reference.ts";

export class LargeProblem implements Answering {
  readonly problem: LargeObjective["problem"];
  readonly #objective: LargeObjective;
  readonly #rows = new Map<string, number>();
  readonly #points: Point[] = [];
  #reference: Reference | undefined;

  constructor(options: ObjectiveOptions) {
    this.#objective = objectiveOf(options);
    this.problem = this.#objective.problem;
  }

  measure: Answering["measure"] = (code, random) => {
    const row = this.#rowOf(code);
    const [score, cost] = this.#points[row] as Point;
    const { noise } = this.#objective;
    return { row, measured: [noise > 0 ? score + noise * random.normal() : score, cost] };
  };

  /**
   * In percent: the share of the best known front's hypervolume that is missing. The front is of what the search saw,
   * of an architecture that it saw several times of the mean; it is taken at its true score.
   */
  regretOf({ rows, rewards }: Pick<Run, "rows" | "rewards">, evaluations: number): number {
    this.#reference ??= referenceOf(this.#objective);
    const seen = new Map<number, { sum: number; count: number }>();
    for (const [index, row] of rows.slice(0, evaluations).entries()) {
      const { sum, count } = seen.get(row) ?? { sum: 0, count: 0 };
      seen.set(row, { sum: sum + (rewards[index] as number), count: count + 1 });
    }
    const front = new ParetoFront<Point>(2);
    for (const [row, { sum, count }] of seen) {
      const point = this.#points[row] as Point;
      front.insert([point[1], -sum / count], point);
    }
    const found = front.entries().map(({ item }) => item);
    const { worst, volume } = this.#reference;
    return 100 * (1 - volumeOf(found, worst) / volume);
  }

  #rowOf(code: Code): number {
    const key = code.join();
    const known = this.#rows.get(key);
    if (known !== undefined) return known;
    const row = this.#points.length;
    this.#rows.set(key, row);
    this.#points.push([this.#objective.score(code), this.#objective.cost(code)]);
    return row;
  }
}
