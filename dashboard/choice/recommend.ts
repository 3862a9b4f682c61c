/**
 * Which architecture to take: of those that keep within the constraints the most accurate one, less so beyond a target, what the next smaller or
 * faster ones would cost, and whether their accuracies can be told apart at all. Pure.
 */

export interface Objective {
  id: string;
  goal: "maximize" | "minimize";
}

/** As the API has them: `max_parameters`, `min_accuracy`. */
export interface Constraint {
  objective: string;
  kind: "max" | "min";
  value: number;
}

export interface Row {
  hash: string;
  /** By objective; null where it was not measured. */
  values: Readonly<Record<string, number | null>>;
  standardErrors: Readonly<Record<string, number>>;
  /** Of the short training behind the accuracy; null where that is by shared weights, or a table's. */
  trainingSteps: number | null;
  /** What the search orders by: the accuracy, less beyond a target; the accuracy where it is not told. */
  preference?: number | null | undefined;
}

export interface Alternative<T> {
  row: T;
  /** In which objective it is better. */
  objective: string;
  /** Share of the recommended one's value that it saves, or gains where more is better. */
  saves: number;
  /** Points of accuracy that it is behind. */
  behind: number;
  /** Null where nobody can tell: exact values, or such that rest on something else. */
  isWithinNoise: boolean | null;
}

export interface Recommendation<T> {
  row: T;
  /** 95 % interval of its accuracy; null where it is exact. */
  interval: [low: number, high: number] | null;
  /** So many others whose accuracy cannot be told apart from its. */
  tied: number;
  /** Whether others are more accurate, but beyond a target. */
  isWithinTarget: boolean;
  /**
   * For each other objective, the most accurate of those that are better in it; in the order of the objectives. What the
   * bargain says is not said again.
   */
  alternatives: Alternative<T>[];
  /** As accurate as can be told, for much less: the one to think about. */
  bargain: Alternative<T> | null;
}

const accuracy = "accuracy";
/** Standard errors to either side of a 95 % interval. */
const z = 1.96;
/** A smaller saving is not worth a second thought. */
const leastSaving = 0.1;

export const within = <T extends Row>(rows: readonly T[], constraints: readonly Constraint[]): T[] =>
  rows.filter(({ values }) => constraints.every((constraint) => meets(values, constraint)));

function meets(values: Row["values"], { objective, kind, value }: Constraint): boolean {
  const measured = values[objective];
  return typeof measured === "number" && (kind === "max" ? measured <= value : measured >= value);
}

export interface Loosening extends Constraint {
  /** Rows that remain with it. */
  remain: number;
}

/** Where no row remains: the one constraint to loosen, just so far that some do; null where one alone does not help. */
export function loosening(rows: readonly Row[], constraints: readonly Constraint[]): Loosening | null {
  const ways = constraints.flatMap((constraint): Loosening[] => {
    const others = within(
      rows,
      constraints.filter((other) => other !== constraint),
    );
    const values = others.flatMap(({ values: { [constraint.objective]: value } }) => value ?? []);
    if (values.length === 0) return [];
    const value = constraint.kind === "max" ? Math.min(...values) : Math.max(...values);
    return [{ ...constraint, value, remain: within(others, [{ ...constraint, value }]).length }];
  });
  const far = ({ objective, value }: Constraint) => {
    const asked = constraints.find((constraint) => constraint.objective === objective)?.value ?? value;
    return Math.abs(value - asked) / (Math.abs(asked) || 1);
  };
  return ways.sort((a, b) => far(a) - far(b))[0] ?? null;
}

export function intervalOf({ values, standardErrors }: Row, objective = accuracy): [number, number] | null {
  const [value, error] = [values[objective], standardErrors[objective]];
  if (typeof value !== "number" || error === undefined) return null;
  return [Math.max(0, value - z * error), Math.min(100, value + z * error)];
}

/** Null where nothing remains whose accuracy is known. */
export function recommend<T extends Row>(
  rows: readonly T[],
  objectives: readonly Objective[],
  constraints: readonly Constraint[] = [],
): Recommendation<T> | null {
  const remaining = within(rows, constraints).filter(({ values }) => typeof values[accuracy] === "number");
  const others = objectives.filter(({ id }) => id !== accuracy);
  // As the search chooses what it trains in full, so that both name the same one.
  const [best] = [...remaining].sort((a, b) => byPreference(a, b) || byOthers(a, b, others));
  if (best === undefined) return null;
  const tied = remaining.filter((row) => row !== best && isWithinNoise(best, row) === true);
  const bargain = bargainOf(best, tied, others);
  const isWithinTarget = remaining.some((row) => accuracyOf(row) > accuracyOf(best));
  const alternatives = others
    .flatMap((objective) => nextIn(objective, best, remaining))
    .filter(({ row, objective }) => row !== bargain?.row || objective !== bargain.objective);
  return { row: best, interval: intervalOf(best), tied: tied.length, isWithinTarget, alternatives, bargain };
}

const preferenceOf = (row: Row): number => row.preference ?? accuracyOf(row);
const byPreference = (a: Row, b: Row): number => preferenceOf(b) - preferenceOf(a);
const accuracyOf = (row: Row): number => row.values[accuracy] ?? Number.NEGATIVE_INFINITY;
const byAccuracy = (a: Row, b: Row): number => accuracyOf(b) - accuracyOf(a);

/** Of equally accurate ones, the better in the first objective that tells them apart. */
function byOthers(a: Row, b: Row, objectives: readonly Objective[]): number {
  for (const objective of objectives) {
    const gained = gainOf(objective, b, a);
    if (gained !== null && gained !== 0) return -gained;
  }
  return a.hash < b.hash ? -1 : 1;
}

/** Share of `from`'s value by which `row` is better; negative where it is worse, null where nobody knows. */
function gainOf({ id, goal }: Objective, from: Row, row: Row): number | null {
  const [before, after] = [from.values[id], row.values[id]];
  if (typeof before !== "number" || typeof after !== "number") return null;
  const difference = goal === "minimize" ? before - after : after - before;
  return difference === 0 ? 0 : difference / (Math.abs(before) || 1);
}

/** Whether two accuracies may be one: the 95 % interval of their difference holds 0. */
export function isWithinNoise(a: Row, b: Row): boolean | null {
  const [first, second] = [a.standardErrors[accuracy], b.standardErrors[accuracy]];
  if (first === undefined || second === undefined || a.trainingSteps !== b.trainingSteps) return null;
  return Math.abs(accuracyOf(a) - accuracyOf(b)) <= z * Math.hypot(first, second);
}

function alternativeOf<T extends Row>(objective: Objective, best: T, row: T): Alternative<T> {
  return {
    row,
    objective: objective.id,
    saves: gainOf(objective, best, row) ?? 0,
    behind: accuracyOf(best) - accuracyOf(row),
    isWithinNoise: isWithinNoise(best, row),
  };
}

function nextIn<T extends Row>(objective: Objective, best: T, rows: readonly T[]): Alternative<T>[] {
  const [next] = rows
    .filter((row) => (gainOf(objective, best, row) ?? 0) > 0)
    .sort(
      (a, b) => byAccuracy(a, b) || (gainOf(objective, best, b) ?? 0) - (gainOf(objective, best, a) ?? 0),
    );
  return next === undefined ? [] : [alternativeOf(objective, best, next)];
}

/** Of those that cannot be told apart, the one that saves most on the whole; it is told by where it saves most. */
function bargainOf<T extends Row>(
  best: T,
  tied: readonly T[],
  objectives: readonly Objective[],
): Alternative<T> | null {
  const gains = (row: T) => objectives.map((objective) => gainOf(objective, best, row) ?? 0);
  const mean = (row: T) => gains(row).reduce((sum, gain) => sum + gain, 0) / Math.max(1, objectives.length);
  const [row] = [...tied].sort((a, b) => mean(b) - mean(a) || byAccuracy(a, b));
  if (row === undefined || mean(row) < leastSaving) return null;
  const most = gains(row).reduce((at, gain, index, all) => (gain > (all[at] ?? 0) ? index : at), 0);
  const objective = objectives[most];
  return objective === undefined ? null : alternativeOf(objective, best, row);
}
