/** The loss over the rounds: on the images that the shared weights are trained on, and of the candidates on others. */

import { number } from "../ui/format.ts";
import type { Palette } from "./palette.ts";
import { base, type PictureSpec, roundAxis, valueAxis } from "./spec.ts";

export interface LossesData {
  /** Columns as /series answers them. */
  round: readonly number[];
  trainLoss: readonly (number | null)[];
  /** Of each candidate, ascending; NaN for what is not known. */
  candidates: { round: ArrayLike<number>; loss: ArrayLike<number> };
}

type Pair = [round: number, loss: number];

export function losses({ round, trainLoss, candidates }: LossesData, palette: Palette): PictureSpec {
  const training = round.flatMap((at, index): Pair[] => {
    const loss = trainLoss[index];
    return loss == null || !Number.isFinite(loss) ? [] : [[at, loss]];
  });
  const validation = meansOf(candidates);
  const line = (id: string, data: Pair[], color: string) => ({
    id,
    type: "line" as const,
    data,
    sampling: "lttb" as const,
    showSymbol: data.length < 2,
    silent: true,
    lineStyle: { color, width: 2 },
    itemStyle: { color },
  });
  const [lastTraining, lastValidation] = [training.at(-1), validation.at(-1)];
  const byRound = new Map(validation);
  return {
    option: {
      ...base(palette),
      xAxis: roundAxis(palette),
      yAxis: valueAxis({ name: "Loss", palette, format: (value) => number(value) }, "y"),
      series: [
        line("training", training, palette.accent),
        line("candidates", validation, palette.series[1] ?? palette.text),
      ],
    },
    summary:
      lastTraining === undefined
        ? "Loss over the rounds: nothing was trained yet."
        : `Loss over the rounds: training at ${number(lastTraining[1])}, candidates at ${number(lastValidation?.[1])} on average.`,
    table: {
      columns: ["Round", "Training loss", "Mean loss of candidates"],
      rows: training.map(([at, loss]) => [at, number(loss), number(byRound.get(at))]),
    },
  };
}

/** Of the candidates of each round. */
function meansOf({ round, loss }: LossesData["candidates"]): Pair[] {
  const means: Pair[] = [];
  let [sum, count] = [0, 0];
  for (let index = 0; index < round.length; index++) {
    const value = loss[index] ?? Number.NaN;
    if (Number.isFinite(value)) {
      sum += value;
      count += 1;
    }
    if (round[index + 1] === round[index]) continue;
    if (count > 0) means.push([round[index] ?? 0, sum / count]);
    [sum, count] = [0, 0];
  }
  return means;
}
