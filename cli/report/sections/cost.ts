/** What it cost: time of runners and, where machines were rented, dollars. */

import { type SpendingData, spending } from "../../../dashboard/pictures/spending.ts";
import { duration, money, percent } from "../../../dashboard/ui/format.ts";
import { isByTraining, isTabular } from "../../api.ts";
import type { ReportData } from "../data.ts";
import { facts, section } from "../parts.ts";
import type { Pictures } from "../picture.ts";

export function cost(data: ReportData, pictures: Pictures) {
  const { search, series, trainings, budget } = data;
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const training = trainings.map(({ report, validation }) => report?.seconds ?? validation?.seconds ?? 0);
  const { startedAt, finishedAt } = search;
  const hasSupernet = !isTabular(search) && !isByTraining(search);
  const wall =
    startedAt === null || finishedAt === null
      ? undefined
      : (Date.parse(finishedAt) - Date.parse(startedAt)) / 1000;
  const hasRented = budget !== null && (budget.spentUsd > 0 || budget.reservedUsd > 0);
  return section(
    "What it cost",
    facts([
      ["Training the shared weights", hasSupernet ? duration(sum(series.trainSeconds)) : undefined],
      ["Measuring candidates", isByTraining(search) ? undefined : duration(sum(series.evaluateSeconds))],
      ["Training for real", sum(training) === 0 ? undefined : duration(sum(training))],
      ["Runners idle", search.progress.idleShare === null ? undefined : percent(search.progress.idleShare)],
      ["From start to end", wall === undefined ? undefined : duration(wall)],
      ["Rented machines", budget === null ? undefined : hasRented ? money(budget.spentUsd) : "none"],
      ["Set aside for machines that run", hasRented ? money(budget.reservedUsd) : undefined],
      ["For each architecture on the front", hasRented ? money(budget.perArchitectureUsd) : undefined],
    ]),
    spendingPicture(data, pictures),
  );
}

const dayMs = 86_400_000;
const mostDays = 92;

/** Where it went on for more than a day: one bar says no more than its figure. */
function spendingPicture({ search: { id, name }, ledger }: ReportData, pictures: Pictures) {
  const rows = Map.groupBy(
    (ledger ?? []).filter(({ kind }) => kind !== "reserved"),
    ({ at }) => new Date(at).toISOString().slice(0, 10),
  );
  const days = [...rows.keys()].sort();
  const [first, last] = [days[0], days.at(-1)];
  if (first === undefined || last === undefined || first === last) return null;
  const data: SpendingData = {
    rows: [...rows].map(([day, entries]) => ({
      day,
      searchId: id,
      name,
      spentUsd: entries.reduce((sum, { amountUsd }) => sum + amountUsd, 0),
    })),
    until: last,
    days: Math.min(mostDays, 1 + Math.round((Date.parse(last) - Date.parse(first)) / dayMs)),
  };
  return pictures.draw({ title: "Spending by day", draw: spending, data, heightPixels: 260 });
}
