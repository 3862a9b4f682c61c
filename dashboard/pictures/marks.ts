/** What the marks of pictures mean: for the legend of a page, and of a report. Pure. */

import type { Palette } from "./palette.ts";

export interface Mark {
  shape: "dot" | "ring" | "speck" | "area" | "line" | "dashes" | "triangle" | "diamond" | "square";
  color: (palette: Palette) => string;
  text: string;
}

const second = ({ series, text }: Palette): string => series[1] ?? text;

export const frontMarks = (hasLimit: boolean): readonly Mark[] => (hasLimit ? limitMarks : marks);

const marks: readonly Mark[] = [
  { shape: "dot", color: ({ accent }) => accent, text: "on the front" },
  { shape: "ring", color: ({ text }) => text, text: "beaten in these two" },
  { shape: "speck", color: ({ soft }) => soft, text: "candidate" },
];
const limitMarks: readonly Mark[] = [
  ...marks,
  { shape: "area", color: ({ bad }) => bad, text: "beyond a limit" },
];

export const bestMarks: readonly Mark[] = [
  { shape: "line", color: ({ accent }) => accent, text: "best within the limits" },
  { shape: "line", color: second, text: "middle of each round" },
  { shape: "speck", color: ({ soft }) => soft, text: "candidate" },
];

export const lossMarks: readonly Mark[] = [
  { shape: "line", color: ({ accent }) => accent, text: "training" },
  { shape: "line", color: second, text: "candidates, mean of each round" },
];

export const objectivesMarks: readonly Mark[] = [
  { shape: "line", color: ({ accent }) => accent, text: "on the front" },
  { shape: "line", color: ({ soft }) => soft, text: "others" },
  { shape: "line", color: ({ bad }) => bad, text: "infeasible" },
  { shape: "dashes", color: ({ warn }) => warn, text: "not all measured" },
];

export const timelineMarks: readonly Mark[] = [
  { shape: "triangle", color: ({ bad }) => bad, text: "fault" },
  { shape: "diamond", color: ({ warn }) => warn, text: "warning" },
  { shape: "square", color: ({ good }) => good, text: "checkpoint" },
];
