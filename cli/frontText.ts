/** The front for people: a table and, where there is a second objective, a plot of characters. */

import { evidenceText, isOfSharedWeights } from "../shared/evidence.ts";
import type { FrontRow } from "./api.ts";
import { textTable, type Value } from "./table.ts";

const PLOT_WIDTH = 60;
const PLOT_HEIGHT = 14;
const AXIS_WIDTH = 8;

/**
 * @param rows `seconds` are those of the short training behind the accuracy
 * @param showsArchitecture whether to write each architecture out, as a table has it
 */
export function frontTable(
  rows: readonly (Pick<FrontRow, "hash" | "values"> &
    Partial<FrontRow> & { seconds?: number | null | undefined })[],
  showsArchitecture = false,
): string {
  if (rows.length === 0) return "The front is empty so far.";
  const objectives = [...new Set(rows.flatMap(({ values }) => Object.keys(values)))];
  return textTable(
    rows.map(({ hash, text, values, standardErrors = {}, evidence, ...row }): Record<string, Value> => {
      const error = Object.entries(standardErrors).map(([id, value]) => [`${id} error`, value]);
      const rests = evidence && evidenceText({ evidence, trainingSteps: row.trainingSteps ?? null });
      const test = row.testAccuracy?.toFixed(2);
      const seconds = row.seconds?.toFixed(0);
      return { hash, ...values, ...Object.fromEntries(error), evidence: rests, seconds, test, text };
    }),
    {
      hash: "HASH",
      ...Object.fromEntries(
        objectives.flatMap((id) => [
          [id, id.toUpperCase()],
          ...(rows.some(({ standardErrors }) => standardErrors?.[id] !== undefined)
            ? [[`${id} error`, "±"]]
            : []),
        ]),
      ),
      ...(rows.some(({ evidence }) => evidence !== undefined && evidence !== "table")
        ? { evidence: "RESTS ON" }
        : {}),
      ...(rows.some((row) => row.seconds != null) ? { seconds: "SECONDS" } : {}),
      ...(rows.some(({ testAccuracy }) => testAccuracy != null) ? { test: "TEST ACCURACY" } : {}),
      ...(showsArchitecture ? { text: "ARCHITECTURE" } : {}),
    },
  );
}

/** What to say of a front none of whose networks was trained; nothing where some were, or a table has the values. */
export function untrainedNote(rows: readonly Pick<FrontRow, "evidence" | "trainingSteps">[]): string {
  if (rows.length === 0 || !rows.every(isOfSharedWeights)) return "";
  return "\n\nThese accuracies rest on shared weights: they order architectures, and no network has them. Short trainings (`reranking`) give a front of trained networks.";
}

export interface Point {
  accuracy: number;
  parameters: number;
  /** Of the accuracy, in percent. */
  standardError?: number | undefined;
}

/**
 * Accuracy over parameters.
 *
 * @param others drawn as dots beneath the front
 * @returns lines, or an empty text when there is nothing to draw
 */
export function frontPlot(front: readonly Point[], others: readonly Point[] = []): string {
  const points = [...others, ...front];
  if (front.length === 0) return "";
  const [left, right] = extent(points.map(({ parameters }) => parameters));
  const [low, high] = extent(points.map(({ accuracy }) => accuracy));
  const grid = Array.from({ length: PLOT_HEIGHT }, () => new Array<string>(PLOT_WIDTH).fill(" "));
  const draw = (point: Point, mark: string) => {
    const column = Math.round(((point.parameters - left) / (right - left)) * (PLOT_WIDTH - 1));
    const row = Math.round(((high - point.accuracy) / (high - low)) * (PLOT_HEIGHT - 1));
    const line = grid[row];
    if (line) line[column] = mark;
  };
  for (const point of others) draw(point, "·");
  for (const point of front) draw(point, "●");
  const lines = grid.map((row, index) => {
    const label = index === 0 ? high.toFixed(1) : index === PLOT_HEIGHT - 1 ? low.toFixed(1) : "";
    return `${label.padStart(AXIS_WIDTH - 2)} │${row.join("").trimEnd()}`;
  });
  const [first, last] = [left, right].map((value) => Math.round(value).toLocaleString("en-US"));
  const gap = PLOT_WIDTH - (first?.length ?? 0) - (last?.length ?? 0);
  return [
    "accuracy, %",
    ...lines,
    `${" ".repeat(AXIS_WIDTH - 1)}└${"─".repeat(PLOT_WIDTH)}`,
    `${" ".repeat(AXIS_WIDTH)}${first}${"parameters".padStart(Math.floor((gap + 10) / 2)).padEnd(gap)}${last}`,
  ].join("\n");
}

function extent(values: readonly number[]): [number, number] {
  const low = Math.min(...values);
  const high = Math.max(...values);
  return low === high ? [low - 1, high + 1] : [low, high];
}

/** The rows that have both values. */
export function pointsOf(
  rows: readonly {
    values: Record<string, number | null>;
    standardErrors?: Record<string, number> | undefined;
  }[],
): Point[] {
  return rows.flatMap(({ values: { accuracy, parameters }, standardErrors }) =>
    accuracy == null || parameters == null
      ? []
      : [{ accuracy, parameters, standardError: standardErrors?.accuracy }],
  );
}
