/** What the search learned: how probable each operation was on each edge at last, and what was pruned. */

import { heatOf, mostOf, operationsOf, stepsOf } from "../../../dashboard/pages/search/views/policySteps.ts";
import { policyHeat } from "../../../dashboard/pictures/policyHeat.ts";
import { whole } from "../../../dashboard/ui/format.ts";
import { finishedStates } from "../../api.ts";
import type { ReportData } from "../data.ts";
import { hint, section } from "../parts.ts";
import type { Pictures } from "../picture.ts";

const edgePixels = 26;
const headPixels = 76;

export function policy(data: ReportData, pictures: Pictures) {
  const { policy: now, policyHistory, points } = data;
  if (points.hash.length === 0 || now.strategy === "random" || Object.keys(now.cells).length === 0)
    return null;
  const steps = stepsOf(policyHistory, now, finishedStates.includes(data.search.state));
  const step = steps.at(-1);
  if (step === undefined) return null;
  const most = mostOf(steps);
  return section(
    "What it learned",
    hint(
      prunedText(data),
      " The darker, the more probable, in %. Crossed: pruned by evidence. Struck through once: by the schedule.",
    ),
    ...[...operationsOf(steps, now)].map(([kind, operations]) => {
      const heat = heatOf({ policy: now, step, kind, operations, most, marked: null });
      return pictures.draw({
        title: titleOf(kind),
        draw: policyHeat,
        data: heat,
        heightPixels: heat.edges.length * edgePixels + headPixels,
      });
    }),
  );
}

function prunedText({ policy: { strategy, prunings } }: ReportData): string {
  const dropped = prunings.reduce((sum, pruning) => sum + pruning.dropped.length, 0);
  const kept = `Strategy ${strategy}.`;
  if (dropped === 0) return `${kept} Nothing was pruned.`;
  const proved = prunings
    .flatMap(({ reasons }) => Object.values(reasons))
    .filter((why) => why === "evidence").length;
  return `${kept} ${whole(dropped)} operations were pruned, ${whole(proved)} of them by evidence, the others because a stage's end took so many.`;
}

const titleOf = (kind: string): string =>
  kind === "positions" ? "Places" : `${kind.charAt(0).toUpperCase()}${kind.slice(1)} cells`;
