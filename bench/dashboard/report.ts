/** The measurements against their limits, and for people. */

import type { weights } from "./bundle.ts";
import type { Frames } from "./frames.ts";
import type { Loads } from "./loads.ts";
import type { streamsCut } from "./streams.ts";

export interface Results {
  candidates: number;
  loads?: Loads[];
  bundle?: ReturnType<typeof weights>;
  frames?: Frames[];
  streams?: Awaited<ReturnType<typeof streamsCut>>;
  machine: { cpu: string | undefined; cores: number; node: string; chromium: string };
}

export interface Held {
  limit: string;
  value: number;
  below: number;
  holds: boolean;
}

const paintMs = 1000;
const usableMs = 2000;
const bundleKb = 400;
const frameMs = 100;
/** Of the machine; with more for other programs, times say little. */
const quietShare = 0.1;

/** What the dashboard promises, each with what was measured. */
export function limitsOf({ loads = [], bundle, frames = [], streams }: Results): Held[] {
  const below = (limit: string, value: number, most: number): Held => ({
    limit,
    value,
    below: most,
    holds: value < most,
  });
  return [
    ...loads.flatMap(({ page, firstContentfulPaintMs, interactiveMs }) => [
      below(`first contentful paint of the ${page}, ms`, firstContentfulPaintMs.median, paintMs),
      below(`the ${page} interactive, ms`, interactiveMs.median, usableMs),
    ]),
    ...Object.entries(bundle?.pages ?? {}).map(([page, { gzipKb }]) =>
      below(`scripts and styles of the ${page} without the charts, kB gzipped`, gzipKb, bundleKb),
    ),
    ...frames.map(({ doing, longestMs }) => below(`longest frame while ${doing}, ms`, longestMs, frameMs)),
    ...(streams === undefined
      ? []
      : [
          below("events lost", streams.lost, 1),
          below("events that came twice", streams.twice, 1),
          below("events out of order", streams.outOfOrder, 1),
        ]),
  ];
}

export function printed(results: Results): string {
  const { machine, candidates, loads, bundle, frames, streams } = results;
  const lines = [
    `${machine.cpu}, ${machine.cores} cores, Node ${machine.node}, Chromium ${machine.chromium}; ${candidates.toLocaleString("en-US")} candidates`,
  ];
  if (loads !== undefined)
    lines.push(
      "",
      "| page | first contentful paint, ms (largest) | interactive, ms (largest) | cold loads | other load |",
      "| --- | --: | --: | --: | --: |",
      ...loads.map(
        ({ page, firstContentfulPaintMs: paint, interactiveMs: usable, loads: count, otherLoad }) =>
          `| ${page} | ${paint.median} (${paint.largest}) | ${usable.median} (${usable.largest}) | ${count} | ${percent(otherLoad)} |`,
      ),
    );
  if (bundle !== undefined)
    lines.push(
      "",
      "| scripts and styles | files | kB gzip | kB brotli |",
      "| --- | --: | --: | --: |",
      ...Object.entries({ ...bundle.pages, charts: bundle.charts }).map(
        ([name, { files, gzipKb, brotliKb }]) => `| ${name} | ${files} | ${gzipKb} | ${brotliKb} |`,
      ),
    );
  if (frames !== undefined)
    lines.push(
      "",
      "| while | frames | median, ms | p99, ms | longest, ms | longest task, ms | other load |",
      "| --- | --: | --: | --: | --: | --: | --: |",
      ...frames.map(
        (frame) =>
          `| ${frame.doing} | ${frame.frames} | ${frame.medianMs} | ${frame.p99Ms} | ${frame.longestMs} | ${frame.longestTaskMs} | ${percent(frame.otherLoad)} |`,
      ),
    );
  if (streams !== undefined)
    lines.push(
      "",
      `${streams.events} events over ${streams.connections} connections, ${streams.cuts} cut and ${streams.refusals} refused: ${streams.lost} lost, ${streams.twice} twice, ${streams.outOfOrder} out of order`,
    );
  const shares = [...(loads ?? []), ...(frames ?? [])].map(({ otherLoad }) => otherLoad);
  if (Math.max(0, ...shares) > quietShare)
    lines.push("", "Other programs took part of the machine: measure again when it is idle.");
  const limits = limitsOf(results);
  const missed = limits.filter(({ holds }) => !holds);
  lines.push(
    "",
    missed.length === 0 ? `All ${limits.length} limits hold.` : "Limits that do not hold:",
    ...missed.map(({ limit, value, below }) => `- ${limit}: ${value}, not below ${below}`),
  );
  return lines.join("\n");
}

const percent = (share: number): string => `${Math.round(share * 100)} %`;
