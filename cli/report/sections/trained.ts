/** What training for real reached. */

import { duration, measured, number, whole } from "../../../dashboard/ui/format.ts";
import type { Training } from "../../api.ts";
import type { ReportData } from "../data.ts";
import { code, hint, scrolled, section, table } from "../parts.ts";

export function trained({ trainings }: ReportData) {
  const final = trainings.filter(({ purpose }) => purpose === "final");
  const short = trainings.length - final.length;
  if (trainings.length === 0) return null;
  return section(
    "Training",
    final.length === 0
      ? hint("No architecture was trained for real yet.")
      : scrolled(
          "Trainings",
          table(
            ["Architecture", "State", "Test accuracy", "Parameters", "MACs", "Steps", "Time"],
            final.map(rowOf),
          ),
        ),
    short === 0 ? null : hint(`${whole(short)} short trainings ordered the front before that.`),
  );
}

const rowOf = ({ hash, state, failure, report, progress }: Training) => [
  code(hash),
  failure === null ? state : `${state}: ${failure}`,
  measured("accuracy", report?.testAccuracy),
  number(report?.parameters),
  number(report?.macs),
  whole(report?.steps ?? progress?.done),
  duration(report?.seconds),
];
