/** Which architecture to take and why, as the page for choosing says it. */

import { h } from "preact";
import { objectivesOf } from "../../../dashboard/app/objectives.ts";
import { type Alternative, type Recommendation, recommend } from "../../../dashboard/choice/recommend.ts";
import {
  behindText,
  comparedText,
  intervalText,
  savingText,
  whyText,
} from "../../../dashboard/choice/words.ts";
import { GenotypeDrawing } from "../../../dashboard/drawing/cell.ts";
import { evidenceSentence } from "../../../dashboard/ui/evidence.ts";
import { measured, unitOf } from "../../../dashboard/ui/format.ts";
import { resolveSpace } from "../../../shared/space.ts";
import type { FrontRow } from "../../api.ts";
import type { ReportData } from "../data.ts";
import { code, facts, section } from "../parts.ts";

/** Null where nothing on the front has an accuracy. */
export const recommendationOf = ({ search, front }: ReportData): Recommendation<FrontRow> | null =>
  recommend(front, objectivesOf(search));

export function recommended(data: ReportData) {
  const { search, front } = data;
  const recommendation = recommendationOf(data);
  if (recommendation === null) return null;
  const { row, interval, bargain, alternatives } = recommendation;
  const objectives = objectivesOf(search);
  const isLess = (id: string) =>
    objectives.some((objective) => objective.id === id && objective.goal === "minimize");
  const gained = (alternative: Alternative<FrontRow>) =>
    `${savingText(alternative, isLess(alternative.objective))}, ${behindText(alternative)}`;
  return section(
    "Which one to take",
    h("h3", null, code(row.hash)),
    facts([
      ...objectives.map(({ id }) => [unitOf(id).title, valueWords(row, id, interval)] as const),
      ["Test accuracy", row.testAccuracy === null ? undefined : measured("accuracy", row.testAccuracy)],
    ]),
    h(GenotypeDrawing, { genotype: row.genotype, space: resolveSpace(search.specification.space) }),
    h(
      "p",
      null,
      `${whyText(recommendation, front.length, "on the front")} ${evidenceSentence(row.evidence)}`,
    ),
    bargain === null ? null : h("p", null, "Think about ", code(bargain.row.hash), `: ${gained(bargain)}.`),
    alternatives.length === 0
      ? null
      : h(
          "ul",
          null,
          alternatives.map((alternative) =>
            h(
              "li",
              { key: alternative.objective },
              `The next with ${comparedText(alternative.objective, isLess(alternative.objective))}: ${gained(alternative)}. `,
              code(alternative.row.hash),
            ),
          ),
        ),
    h("details", null, h("summary", null, "As text"), h("pre", null, row.text)),
  );
}

function valueWords(row: FrontRow, id: string, interval: readonly [number, number] | null): string {
  const value = measured(id, row.values[id]);
  if (row.predicted.includes(id)) return `${value}, predicted`;
  return id === "accuracy" && interval !== null ? `${value} (95 %: ${intervalText(id, interval)})` : value;
}
