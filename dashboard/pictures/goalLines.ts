/** Limit and target of an objective as lines across a picture. Pure. */

import { measured } from "../ui/format.ts";
import type { Palette } from "./palette.ts";
import type { FrontAxis } from "./paretoFront.ts";

/** @param key the axis that the objective is on */
export function goalLines({ id, limit, target }: FrontAxis, key: "xAxis" | "yAxis", palette: Palette) {
  const line = (value: number | undefined, name: string, color: string, type: "solid" | "dashed") => {
    if (value === undefined) return [];
    const formatter = `${name} ${measured(id, value)}`;
    const label = { formatter, color, position: "insideEndTop" as const, rotate: 0 };
    return [{ [key]: value, lineStyle: { color, type, width: 1.5 }, label }];
  };
  return [...line(limit, "limit", palette.bad, "solid"), ...line(target, "target", palette.good, "dashed")];
}
