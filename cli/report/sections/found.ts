/** What was found: the front for each pair of objectives, all objectives at once, and the front as a table, a few drawn. */

import { h } from "preact";
import { GenotypeDrawing } from "../../../dashboard/drawing/cell.ts";
import { axisOf, halfWidth, pointOf } from "../../../dashboard/pages/search/frontData.ts";
import { axesOf, rowsOf } from "../../../dashboard/pages/search/views/objectiveRows.ts";
import { frontMarks, objectivesMarks } from "../../../dashboard/pictures/marks.ts";
import { parallelObjectives } from "../../../dashboard/pictures/parallelObjectives.ts";
import { type FrontAxis, type FrontData, paretoFront } from "../../../dashboard/pictures/paretoFront.ts";
import { measured, number, unitOf, whole } from "../../../dashboard/ui/format.ts";
import { evidenceText, isOfSharedWeights } from "../../../shared/evidence.ts";
import { resolveSpace } from "../../../shared/space.ts";
import { objectiveId } from "../../../shared/specification.ts";
import type { FrontRow } from "../../api.ts";
import type { ReportData } from "../data.ts";
import { code, hint, scrolled, section, table } from "../parts.ts";
import type { Pictures } from "../picture.ts";
import { recommendationOf } from "./recommended.ts";

/** More would make a file that nobody can send; how many there were is said. */
const mostPoints = 5000;
const drawn = 3;
const mostRows = 50;
/** Two of them say no more at once than the front does. */
const leastObjectives = 3;

export function found(data: ReportData, pictures: Pictures) {
  const { search, points } = data;
  if (points.hash.length === 0)
    return section("What was found", h("p", null, "No candidate was measured yet."), hint(nextStep(data)));
  const [first, ...others] = search.specification.objectives.map(axisOf);
  if (first === undefined) return null;
  return section(
    "What was found",
    h("p", null, summaryOf(data)),
    ...others.map((other) => {
      const title = `${unitOf(first.id).title} against ${unitOf(other.id).title}`;
      const note = thinNote(points.hash.length);
      const marks = frontMarks(first.limit !== undefined || other.limit !== undefined);
      return pictures.draw({ title, draw: paretoFront, data: frontDataOf(data, other, first), marks, note });
    }),
    objectivesPicture(data, pictures),
  );
}

function objectivesPicture({ search, candidates, front: rows }: ReportData, pictures: Pictures) {
  const { objectives } = search.specification;
  if (objectives.length < leastObjectives) return null;
  const ids = objectives.map(objectiveId);
  return pictures.draw({
    title: "All objectives at once",
    draw: parallelObjectives,
    data: { axes: axesOf(objectives, new URLSearchParams()), rows: rowsOf(candidates, rows, ids) },
    marks: objectivesMarks,
  });
}

export function front(data: ReportData) {
  const { search, front: rows } = data;
  if (rows.length === 0) return null;
  const space = resolveSpace(search.specification.space);
  const ids = search.specification.objectives.map(objectiveId);
  const recommended = recommendationOf(data)?.row.hash;
  const tests = rows.some(({ testAccuracy }) => testAccuracy !== null);
  return section(
    "The front",
    hint(
      "Of each of these no other is better in every objective. After ± is the half of a 95 % interval, where a value is a mean over images.",
    ),
    scrolled(
      "The front",
      table(
        [
          "Architecture",
          ...ids.map((id) => unitOf(id).title),
          ...(tests ? ["Test accuracy"] : []),
          "Evidence",
        ],
        rows
          .slice(0, mostRows)
          .map((row) => [
            code(row.hash),
            ...ids.map((id) => valueText(row, id)),
            ...(tests ? [measured("accuracy", row.testAccuracy)] : []),
            evidenceText(row),
          ]),
      ),
    ),
    rows.length > mostRows ? hint(`${whole(rows.length - mostRows)} more are left out.`) : null,
    ...rows
      .filter(({ hash }) => hash !== recommended)
      .slice(0, drawn)
      .map((row) =>
        h(
          "article",
          { class: "architecture", key: row.hash },
          h("h3", null, code(row.hash), " ", ids.map((id) => measured(id, row.values[id])).join(", ")),
          h(GenotypeDrawing, { genotype: row.genotype, space }),
          h("details", null, h("summary", null, "As text"), h("pre", null, row.text)),
        ),
      ),
  );
}

function nextStep({ search: { state } }: ReportData): string {
  const ended = ["completed", "failed", "cancelled"].includes(state);
  return ended
    ? "The search ended before its first round."
    : "Make this report again once a runner has ended the first round with candidates.";
}

function summaryOf({ search: { specification, progress }, points, front: rows }: ReportData): string {
  const [first] = specification.objectives;
  const id = first === undefined ? "" : objectiveId(first);
  const [top] = rows;
  const best = top?.values[id];
  const candidates = `${whole(progress.evaluations || points.hash.length)} candidates were measured in ${whole(progress.round)} of ${whole(progress.rounds)} rounds`;
  if (rows.length === 0) return `${candidates}. None is on the front yet.`;
  const are = rows.length === 1 ? "one is" : `${whole(rows.length)} are`;
  const bestText =
    best == null || top === undefined
      ? ""
      : isOfSharedWeights(top)
        ? ` None of them was trained: their accuracies rest on shared weights, which only order them.`
        : ` The best ${top.evidence === "table" ? "" : "trained "}${unitOf(id).title.toLowerCase()} of them is ${measured(id, best)}.`;
  return `${candidates}; ${are} on the front.${bestText}`;
}

const thinNote = (count: number): string | undefined =>
  count > mostPoints ? `Of the candidates ${whole(mostPoints)}, evenly taken, are drawn.` : undefined;

function frontDataOf({ points, front: rows }: ReportData, x: FrontAxis, y: FrontAxis): FrontData {
  const step = Math.max(1, points.hash.length / mostPoints);
  const kept = Array.from({ length: Math.min(points.hash.length, mostPoints) }, (_, at) =>
    Math.floor(at * step),
  );
  const thinned = <T>(column: readonly T[] | undefined, fallback: T): T[] =>
    kept.map((index) => column?.[index] ?? fallback);
  return {
    x,
    y,
    candidates: {
      hash: thinned(points.hash, ""),
      x: thinned(points.values[x.id], null),
      y: thinned(points.values[y.id], null),
      feasible: thinned(points.feasible, false),
    },
    archive: rows.map((row) => pointOf(row, x.id, y.id)),
  };
}

function valueText(row: FrontRow, id: string): string {
  const width = halfWidth(row, id);
  const text = measured(id, row.values[id]);
  const isPredicted = row.predicted.includes(id) ? ", predicted" : "";
  return `${text}${width === undefined ? "" : ` ± ${number(width, 2)}`}${isPredicted}`;
}
