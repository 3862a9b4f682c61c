/** What happened, in short: the first and the last events, and how many there were of each type. */

import { h } from "preact";
import { sentenceOf } from "../../../dashboard/pages/search/sentences.ts";
import { whole } from "../../../dashboard/ui/format.ts";
import type { ReportData, SearchEvent } from "../data.ts";
import { code, hint, scrolled, section, table } from "../parts.ts";

const firstShown = 10;
const lastShown = 30;

export function events({ events: all }: ReportData) {
  if (all.length === 0) return null;
  const isShort = all.length <= firstShown + lastShown;
  const shown = isShort ? all : [...all.slice(0, firstShown), ...all.slice(-lastShown)];
  const left = all.length - shown.length;
  return section(
    "What happened",
    hint(countsText(all)),
    h(
      "details",
      null,
      h(
        "summary",
        null,
        left === 0 ? "All events" : `The first ${firstShown} and the last ${lastShown} events`,
      ),
      scrolled(
        "Events",
        table(
          ["Number", "Time (UTC)", "What happened", "Event"],
          shown.map((event) => [
            whole(event.sequence),
            timeText(event.createdAt),
            sentenceOf(event),
            code(event.type),
          ]),
        ),
      ),
    ),
  );
}

function countsText(all: readonly SearchEvent[]): string {
  const counts = new Map<string, number>();
  for (const { type } of all) counts.set(type, (counts.get(type) ?? 0) + 1);
  return `${[...counts].map(([type, count]) => (count === 1 ? type : `${type} ×${whole(count)}`)).join(", ")}.`;
}

const timeText = (iso: string): string => iso.slice(0, 19).replace("T", " ");
