/** The front as a picture: candidates and front over the two objectives, on a light background. */

import type { Point } from "../frontText.ts";

const WIDTH = 720;
const HEIGHT = 440;
const MARGIN = { left: 64, right: 24, top: 68, bottom: 56 };
/** Where the entries of the legend start. */
const LEGEND = [0, 134, 294];
/** About so many; their values are round. */
const TICKS = 5;
const MARGIN_SHARE = 0.05;

/** @param trained the architecture that was trained in the end */
export function frontSvg(
  title: string,
  others: readonly Point[],
  front: readonly Point[],
  trained?: Point,
): string {
  const points = [...others, ...front];
  const x = scale(
    points.map(({ parameters }) => parameters),
    MARGIN.left,
    WIDTH - MARGIN.right,
  );
  const y = scale(
    points.flatMap(({ accuracy, standardError = 0 }) => [accuracy - standardError, accuracy + standardError]),
    HEIGHT - MARGIN.bottom,
    MARGIN.top,
  );
  const dot = (point: Point, radius: number, style: string) =>
    `<circle cx="${x.at(point.parameters)}" cy="${y.at(point.accuracy)}" r="${radius}" ${style}/>`;
  const line = [...front]
    .sort((left, right) => left.parameters - right.parameters)
    .map((point) => `${x.at(point.parameters)},${y.at(point.accuracy)}`)
    .join(" ");
  const bottom = HEIGHT - MARGIN.bottom;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" font-family="system-ui, sans-serif" font-size="12" fill="#333">`,
    `<title>${escapeXml(title)}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    `<text x="${MARGIN.left}" y="24" font-size="15" font-weight="600">${escapeXml(title)}</text>`,
    ...y.ticks.map(
      ({ value, position }) =>
        `<path d="M${MARGIN.left} ${position}H${WIDTH - MARGIN.right}" stroke="#e5e5e5"/><text x="${MARGIN.left - 8}" y="${position + 4}" text-anchor="end">${value.toLocaleString("en-US")}</text>`,
    ),
    ...x.ticks.map(
      ({ value, position }) =>
        `<path d="M${position} ${bottom}v5" stroke="#888"/><text x="${position}" y="${bottom + 20}" text-anchor="middle">${value.toLocaleString("en-US")}</text>`,
    ),
    `<path d="M${MARGIN.left} ${MARGIN.top}V${bottom}H${WIDTH - MARGIN.right}" fill="none" stroke="#888"/>`,
    `<text x="${(MARGIN.left + WIDTH - MARGIN.right) / 2}" y="${HEIGHT - 14}" text-anchor="middle">parameters</text>`,
    `<text transform="translate(18 ${(MARGIN.top + bottom) / 2}) rotate(-90)" text-anchor="middle">accuracy, %</text>`,
    ...others.map((point) => dot(point, 2.5, 'fill="#b8c4ce" fill-opacity="0.6"')),
    `<polyline points="${line}" fill="none" stroke="#d9480f" stroke-width="1.5"/>`,
    ...front.map(({ accuracy, parameters, standardError = 0 }) => {
      const [low, high] = [y.at(accuracy - standardError), y.at(accuracy + standardError)];
      const left = x.at(parameters);
      return `<path d="M${left - 4} ${high}h8M${left} ${high}V${low}M${left - 4} ${low}h8" fill="none" stroke="#d9480f"/>`;
    }),
    ...front.map((point) => dot(point, 4.5, 'fill="#d9480f"')),
    ...(trained ? [dot(trained, 8, 'fill="none" stroke="#1b6e4b" stroke-width="2"')] : []),
    legend(trained !== undefined),
    "</svg>",
    "",
  ].join("\n");
}

function legend(hasTrained: boolean): string {
  const entries = [
    ['fill="#b8c4ce"', "trained, behind it"],
    ['fill="#d9480f"', "front ± standard error"],
    ...(hasTrained ? [['fill="none" stroke="#1b6e4b" stroke-width="2"', "trained in full"]] : []),
  ];
  return entries
    .map(([style, name], index) => {
      const left = MARGIN.left + 5 + (LEGEND[index] ?? 0);
      return `<circle cx="${left}" cy="44" r="4.5" ${style}/><text x="${left + 10}" y="48">${name}</text>`;
    })
    .join("\n");
}

function scale(values: readonly number[], start: number, end: number) {
  const low = values.length > 0 ? Math.min(...values) : 0;
  const high = values.length > 0 ? Math.max(...values) : 1;
  const pad = (high - low) * MARGIN_SHARE || 1;
  const [from, to] = [low - pad, high + pad];
  const at = (value: number) =>
    Math.round((start + ((value - from) / (to - from)) * (end - start)) * 10) / 10;
  const ticks = roundValues(from, to).map((value) => ({ value, position: at(value) }));
  return { at, ticks };
}

/** Multiples of 1, 2 or 5 times a power of ten between the two. */
function roundValues(from: number, to: number): number[] {
  const rough = (to - from) / TICKS;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10);
  const first = Math.ceil(from / step);
  return Array.from({ length: Math.floor(to / step) - first + 1 }, (_, index) =>
    Number(((first + index) * step).toPrecision(12)),
  );
}

export const escapeXml = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
