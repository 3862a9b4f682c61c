/** Curves by processor hours as a picture: logarithmic axes, a line for each contestant with its name at its end. */

import { escapeXml } from "../../cli/demo/svg.ts";
import { type Curve, meanCurve } from "./curve.ts";

const WIDTH = 760;
const PANEL = { height: 380, left: 56, right: 128, top: 40, bottom: 48 };
const NAME_HEIGHT = 15;
/** Legible on white and on black. */
const COLOURS = ["#d9480f", "#1c7ed6", "#2f9e44", "#868e96", "#ae3ec9", "#0c8599", "#b08800"];
const LEAST_REGRET_PERCENT = 0.1;

export interface Panel {
  title: string;
  /** By contestant and seed. */
  curves: Record<string, Curve[]>;
}

interface Line {
  name: string;
  colour: string;
  points: { hours: number; percent: number }[];
}

export function curvesPicture(panels: readonly Panel[]): string {
  const height = panels.length * PANEL.height;
  const names = [...new Set(panels.flatMap(({ curves }) => Object.keys(curves)))];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="system-ui, sans-serif" font-size="12">`,
    `<title>${escapeXml(panels.map(({ title }) => title).join("; "))}</title>`,
    "<style>:root{color-scheme:light dark}svg{background:#fff;color:#333}@media(prefers-color-scheme:dark){svg{background:#16181b;color:#ddd}}text{fill:currentColor}.axis{stroke:currentColor;fill:none}.grid{stroke:currentColor;opacity:.15}</style>",
    ...panels.map((panel, index) => panelPicture(panel, names, index * PANEL.height)),
    "</svg>",
    "",
  ].join("\n");
}

function panelPicture({ title, curves }: Panel, names: readonly string[], top: number): string {
  const lines = Object.entries(curves).flatMap(([name, bySeed]) => lineOf(name, bySeed, names));
  const points = lines.flatMap((line) => line.points);
  if (points.length === 0) return "";
  const x = logScale(
    points.map(({ hours }) => hours),
    PANEL.left,
    WIDTH - PANEL.right,
  );
  const bottom = PANEL.height - PANEL.bottom;
  const y = logScale(
    points.map(({ percent }) => percent),
    bottom,
    PANEL.top,
  );
  const middle = (PANEL.left + WIDTH - PANEL.right) / 2;
  return [
    `<g transform="translate(0 ${top})">`,
    `<text x="${PANEL.left}" y="24" font-size="14" font-weight="600">${escapeXml(title)}</text>`,
    ...y.ticks.map(
      ({ value, position }) =>
        `<path class="grid" d="M${PANEL.left} ${position}H${WIDTH - PANEL.right}"/><text x="${PANEL.left - 8}" y="${position + 4}" text-anchor="end">${value}</text>`,
    ),
    ...x.ticks.map(
      ({ value, position }) =>
        `<path class="axis" d="M${position} ${bottom}v5"/><text x="${position}" y="${bottom + 19}" text-anchor="middle">${value}</text>`,
    ),
    `<path class="axis" d="M${PANEL.left} ${PANEL.top}V${bottom}H${WIDTH - PANEL.right}"/>`,
    `<text x="${middle}" y="${PANEL.height - 10}" text-anchor="middle">processor hours</text>`,
    `<text transform="translate(14 ${(PANEL.top + bottom) / 2}) rotate(-90)" text-anchor="middle">regret, %</text>`,
    ...lines.map((line) => stepPath(line, x.at, y.at)),
    ...nameTexts(lines, x.at, y.at),
    "</g>",
  ].join("\n");
}

function lineOf(name: string, bySeed: readonly Curve[], names: readonly string[]): Line[] {
  const points = meanCurve(bySeed).map(({ processorSeconds, regretPercent }) => ({
    hours: processorSeconds / 3600,
    percent: Math.max(LEAST_REGRET_PERCENT, regretPercent),
  }));
  if (points.length === 0) return [];
  return [{ name, colour: COLOURS[names.indexOf(name) % COLOURS.length] as string, points }];
}

type At = (value: number) => number;

/** A regret holds until the next one. */
function stepPath({ colour, points }: Line, x: At, y: At): string {
  const [first, ...rest] = points.map(({ hours, percent }) => ({ left: x(hours), top: y(percent) }));
  if (first === undefined) return "";
  const steps = rest.map(({ left, top }) => `H${left}V${top}`).join("");
  return `<path d="M${first.left} ${first.top}${steps}" fill="none" stroke="${colour}" stroke-width="1.8"/>`;
}

/** At the lines' ends, moved apart where they would overlap. */
function nameTexts(lines: readonly Line[], x: At, y: At): string[] {
  const ends = lines.flatMap(({ name, colour, points }) => {
    const last = points.at(-1);
    return last === undefined ? [] : [{ name, colour, left: x(last.hours) + 6, top: y(last.percent) + 4 }];
  });
  let free = 0;
  return ends
    .sort((left, right) => left.top - right.top)
    .map(({ name, colour, left, top }) => {
      free = Math.max(free + NAME_HEIGHT, top);
      return `<text x="${left}" y="${free}" style="fill:${colour}" font-weight="600">${escapeXml(name)}</text>`;
    });
}

function logScale(values: readonly number[], start: number, end: number) {
  const [low, high] = [Math.log10(Math.min(...values)), Math.log10(Math.max(...values))];
  const span = high - low || 1;
  const at = (value: number) =>
    Math.round((start + ((Math.log10(value) - low) / span) * (end - start)) * 10) / 10;
  const ticks = roundValues(low, low + span).map((value) => ({ value, position: at(value) }));
  return { at, ticks };
}

/** 1, 2 and 5 times powers of ten; powers alone where there are many. */
function roundValues(low: number, high: number): number[] {
  const factors = high - low > 3 ? [1] : [1, 2, 5];
  const powers = Array.from(
    { length: Math.ceil(high) - Math.floor(low) + 1 },
    (_, index) => Math.floor(low) + index,
  );
  return powers
    .flatMap((power) => factors.map((factor) => Number((factor * 10 ** power).toPrecision(3))))
    .filter((value) => Math.log10(value) >= low && Math.log10(value) <= high);
}
