/** The recommendation in sentences. Pure. */

import { lowerTitle, measured, number, percent } from "../ui/format.ts";
import type { Alternative, Recommendation, Row } from "./recommend.ts";

/** Counted, so there are fewer of them. */
const counted: readonly string[] = ["parameters", "macs"];

/** `38 % fewer parameters`, `20 % less latency on phone`, `5 % more throughput`. */
export function savingText(
  { saves, objective }: Pick<Alternative<Row>, "saves" | "objective">,
  isLess: boolean,
): string {
  return `${percent(saves)} ${comparedText(objective, isLess)}`;
}

/** `fewer parameters`, `less latency`, `more throughput`. */
export const comparedText = (objective: string, isLess: boolean): string =>
  `${isLess ? (counted.includes(objective) ? "fewer" : "less") : "more"} ${lowerTitle(objective)}`;

export function behindText({
  behind,
  isWithinNoise,
}: Pick<Alternative<Row>, "behind" | "isWithinNoise">): string {
  if (behind < 0) return `${number(-behind, 2)} ${behind === -1 ? "point" : "points"} more accurate`;
  if (behind === 0) return "at the same accuracy";
  const points = `${number(behind, 2)} ${behind === 1 ? "point" : "points"} less accurate`;
  if (isWithinNoise === null) return points;
  return isWithinNoise ? `${points}, too little to tell them apart` : `${points}, a real difference`;
}

export function intervalText(objective: string, interval: readonly [number, number] | null): string {
  if (interval === null) return "";
  const [low, high] = interval;
  return `${number(low)} to ${measured(objective, high)}`;
}

/**
 * Why it is the one.
 *
 * @param where so many they are
 */
export function whyText(
  { row, interval, tied, isWithinTarget }: Recommendation<Row>,
  remaining: number,
  where = "that remain",
): string {
  const value = measured("accuracy", row.values.accuracy);
  if (remaining === 1)
    return `It is the only one ${where === "that remain" ? "that remains" : where}: ${value}.`;
  const best = isWithinTarget ? "it is the best for the target" : "it is the most accurate";
  const most = `Of the ${number(remaining)} ${where} ${best}: ${value}`;
  if (interval === null) return `${most}.`;
  const sure = `${most}, with 95 % certainty ${intervalText("accuracy", interval)}.`;
  if (tied === 0) return `${sure} No other's accuracy could be the same.`;
  return `${sure} ${tied === 1 ? "One other" : `${number(tied)} others`} may be just as accurate: the measurement cannot tell.`;
}
