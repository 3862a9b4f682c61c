/** The losses of trainings, with which line is whose. */

import { Legend } from "../pictures/legend.tsx";
import { Picture } from "../pictures/picture.tsx";
import { curveMarks, type TrainingLossesData, trainingLosses } from "../pictures/trainingLosses.ts";

interface LossPictureProps {
  title: string;
  /** Kept by the page with useMemo, as the data of every picture. */
  curves: TrainingLossesData;
}

export const LossPicture = ({ title, curves }: LossPictureProps) => (
  <Picture title={title} draw={trainingLosses} data={curves}>
    <Legend marks={curveMarks(curves)} />
  </Picture>
);
