/** The losses of trainings, with which line is whose. */

import { Legend } from "../pictures/legend.tsx";
import type { Mark } from "../pictures/marks.ts";
import { Picture } from "../pictures/picture.tsx";
import { curveColor, type TrainingCurve, trainingLosses } from "../pictures/trainingLosses.ts";

interface LossPictureProps {
  title: string;
  /** Kept by the page with useMemo, as the data of every picture. */
  curves: readonly TrainingCurve[];
}

export const LossPicture = ({ title, curves }: LossPictureProps) => (
  <Picture title={title} draw={trainingLosses} data={curves}>
    <Legend
      marks={curves.map(({ name }, place): Mark => {
        return { shape: "line", color: (palette) => curveColor(palette, place), text: name };
      })}
    />
  </Picture>
);
