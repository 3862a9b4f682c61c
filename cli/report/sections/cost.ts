/** What it cost: time of runners and, where machines were rented, dollars. */

import { duration, money, percent } from "../../../dashboard/ui/format.ts";
import { isTabular } from "../../api.ts";
import type { ReportData } from "../data.ts";
import { facts, section } from "../parts.ts";

export function cost({ search, series, trainings, budget }: ReportData) {
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const training = trainings.map(({ report, validation }) => report?.seconds ?? validation?.seconds ?? 0);
  const { startedAt, finishedAt } = search;
  const wall =
    startedAt === null || finishedAt === null
      ? undefined
      : (Date.parse(finishedAt) - Date.parse(startedAt)) / 1000;
  const hasRented = budget !== null && (budget.spentUsd > 0 || budget.reservedUsd > 0);
  return section(
    "What it cost",
    facts([
      ["Training the shared weights", isTabular(search) ? undefined : duration(sum(series.trainSeconds))],
      ["Measuring candidates", duration(sum(series.evaluateSeconds))],
      ["Training for real", trainings.length === 0 ? undefined : duration(sum(training))],
      ["Runners idle", search.progress.idleShare === null ? undefined : percent(search.progress.idleShare)],
      ["From start to end", wall === undefined ? undefined : duration(wall)],
      ["Rented machines", budget === null ? undefined : hasRented ? money(budget.spentUsd) : "none"],
      ["Set aside for machines that run", hasRented ? money(budget.reservedUsd) : undefined],
      ["For each architecture on the front", hasRented ? money(budget.perArchitectureUsd) : undefined],
    ]),
  );
}
