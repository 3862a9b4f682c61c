/** How it went over the rounds and over time: hypervolume, the best of each objective, losses, who worked on it. */

import { axisOf, idOf } from "../../../dashboard/pages/search/frontData.ts";
import { curvesOf } from "../../../dashboard/pages/search/trainingCurves.ts";
import { timelineData } from "../../../dashboard/pages/search/views/timelineData.ts";
import { bestOverRounds } from "../../../dashboard/pictures/bestOverRounds.ts";
import { hypervolume } from "../../../dashboard/pictures/hypervolume.ts";
import { losses } from "../../../dashboard/pictures/losses.ts";
import { bestMarks, lossMarks, timelineMarks } from "../../../dashboard/pictures/marks.ts";
import { timeline } from "../../../dashboard/pictures/timeline.ts";
import { curveMarks, trainingLosses } from "../../../dashboard/pictures/trainingLosses.ts";
import { unitOf, whole } from "../../../dashboard/ui/format.ts";
import { isTabular } from "../../api.ts";
import type { ReportData } from "../data.ts";
import { section } from "../parts.ts";
import type { Pictures } from "../picture.ts";

/** More would make a file that nobody can send. */
const mostDrawn = 5000;
const lowPixels = 280;
const lanePixels = 34;
const axisPixels = 60;
/** The search itself, and its faults, of which there are none. */
const emptyLanes = 2;

export function progress(data: ReportData, pictures: Pictures) {
  const { series, points } = data;
  if (series.round.length === 0) return null;
  return section(
    "How it went",
    series.hypervolume.some((value) => value !== null)
      ? pictures.draw({
          title: "Hypervolume over the rounds",
          draw: hypervolume,
          data: series,
          heightPixels: lowPixels,
        })
      : null,
    points.hash.length === 0 ? null : bestPicture(data, pictures),
    isTabular(data.search) ? null : lossPicture(data, pictures),
    trainingPicture(data, pictures),
    timelinePicture(data, pictures),
  );
}

function bestPicture({ search, candidates }: ReportData, pictures: Pictures) {
  const [first] = search.specification.objectives;
  if (first === undefined) return null;
  const { round, stage, feasible, size } = candidates;
  return pictures.draw({
    title: `${unitOf(idOf(first)).title} over the rounds`,
    draw: bestOverRounds,
    data: {
      ...{ round, stage, feasible, mostDrawn },
      objective: axisOf(first),
      value: candidates.values(idOf(first)),
    },
    marks: bestMarks,
    note: size > mostDrawn ? `Of the candidates ${whole(mostDrawn)}, evenly taken, are drawn.` : undefined,
    heightPixels: lowPixels,
  });
}

const lossPicture = ({ series, candidates }: ReportData, pictures: Pictures) =>
  pictures.draw({
    title: "Loss over the rounds",
    draw: losses,
    data: {
      round: series.round,
      trainLoss: series.trainLoss,
      candidates: { round: candidates.round, loss: candidates.loss },
    },
    marks: lossMarks,
    heightPixels: lowPixels,
  });

function trainingPicture({ events }: ReportData, pictures: Pictures) {
  const curves = curvesOf(events);
  if (curves.length === 0) return null;
  return pictures.draw({
    title: "Loss of trainings",
    draw: trainingLosses,
    data: curves,
    marks: curveMarks(curves),
    heightPixels: lowPixels,
  });
}

function timelinePicture(
  { search, events, series, trainings, timeline: people, madeAt }: ReportData,
  pictures: Pictures,
) {
  const data = timelineData({
    ...{ search, events, series, trainings },
    timeline: people,
    nowMs: madeAt.getTime(),
  });
  if (data.lanes.length <= emptyLanes) return null;
  return pictures.draw({
    title: "Who worked on it, and when",
    draw: timeline,
    data,
    marks: timelineMarks,
    heightPixels: data.lanes.length * lanePixels + axisPixels,
  });
}
