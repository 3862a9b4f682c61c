/** What was spent day by day, the searches that cost most apart from each other. */

import { money, number } from "../ui/format.ts";
import type { Palette } from "./palette.ts";
import { base, type PictureSpec, valueAxis } from "./spec.ts";

export interface SpendingData {
  /** Rows as /v1/budgets/days answers them. */
  rows: readonly { day: string; searchId: string; name: string | null; spentUsd: number }[];
  /** `2026-03-02`: the last day that is drawn, and so many before it. */
  until: string;
  days: number;
}

const mostApart = 6;
const dayMs = 86_400_000;
const longestName = 28;

interface Bars {
  title: string;
  byDay: Map<string, number>;
  sum: number;
}

export function spending({ rows, until, days }: SpendingData, palette: Palette): PictureSpec {
  const last = Date.parse(until);
  const dates = Array.from({ length: days }, (_, index) =>
    new Date(last - (days - 1 - index) * dayMs).toISOString().slice(0, 10),
  );
  const bars = barsOf(rows);
  const total = bars.reduce((sum, one) => sum + one.sum, 0);
  return {
    option: {
      ...base(palette),
      legend: {
        top: 0,
        left: 0,
        type: "plain",
        itemWidth: 12,
        itemHeight: 12,
        textStyle: { color: palette.text },
        data: bars.map(({ title }) => title),
        selectedMode: false,
      },
      grid: {
        left: 8,
        right: 16,
        top: bars.length > 3 ? 64 : 40,
        bottom: 8,
        outerBoundsMode: "same",
        outerBoundsContain: "all",
      },
      xAxis: {
        type: "category",
        data: dates.map(shortDay),
        axisLine: { lineStyle: { color: palette.soft } },
        axisTick: { show: false },
        axisLabel: { color: palette.soft, hideOverlap: true },
      },
      yAxis: { ...valueAxis({ name: "", palette, format: (usd) => `$${number(usd)}` }, "y"), scale: false },
      series: bars.map(({ title, byDay }, index) => ({
        id: `search ${index}`,
        name: title,
        type: "bar" as const,
        stack: "all",
        silent: true,
        barMaxWidth: 40,
        itemStyle: { color: palette.series[index % palette.series.length] ?? palette.accent },
        data: dates.map((day) => byDay.get(day) ?? 0),
      })),
    },
    summary:
      bars.length === 0
        ? `Nothing was spent in ${days} days.`
        : `${money(total)} in ${days} days, most of it on ${bars[0]?.title}.`,
    table: {
      columns: ["Day", ...bars.map(({ title }) => title)],
      rows: dates
        .filter((day) => bars.some(({ byDay }) => byDay.has(day)))
        .map((day) => [day, ...bars.map(({ byDay }) => money(byDay.get(day) ?? 0))]),
    },
  };
}

/** The dearest first; the rest in one. Titles differ, since the legend tells them apart by them. */
function barsOf(rows: SpendingData["rows"]): Bars[] {
  const bySearch = new Map<string, Bars>();
  const titles = new Set<string>();
  for (const { searchId, name, day, spentUsd } of rows) {
    const bars = bySearch.get(searchId) ?? {
      title: titleOf(name, searchId, titles),
      byDay: new Map(),
      sum: 0,
    };
    bySearch.set(searchId, bars);
    bars.byDay.set(day, (bars.byDay.get(day) ?? 0) + spentUsd);
    bars.sum += spentUsd;
  }
  const sorted = [...bySearch.values()].sort((a, b) => b.sum - a.sum);
  if (sorted.length <= mostApart + 1) return sorted;
  const others: Bars = { title: "all others", byDay: new Map(), sum: 0 };
  for (const { byDay, sum } of sorted.slice(mostApart)) {
    for (const [day, usd] of byDay) others.byDay.set(day, (others.byDay.get(day) ?? 0) + usd);
    others.sum += sum;
  }
  return [...sorted.slice(0, mostApart), others];
}

function titleOf(name: string | null, searchId: string, taken: Set<string>): string {
  const told = name ?? "deleted search";
  const short = told.length > longestName ? `${told.slice(0, longestName - 1)}…` : told;
  const title = taken.has(short) ? `${short} (${searchId.slice(0, 6)})` : short;
  taken.add(title);
  return title;
}

const shortDay = (day: string): string =>
  new Date(day).toLocaleDateString("en-US", { month: "short", day: "numeric", timeZone: "UTC" });
