/** How far a search is, in a few numbers, kept beside the controller's state so that lists need not parse it. */

import type { Summary } from "../schema/searches.ts";
import type { RoundReport } from "../shared/protocol.ts";
import type { Specification } from "../shared/specification.ts";
import { paretoEntries } from "./controller/archive.ts";
import type { ControllerState } from "./controller/state.ts";

/** `previous` stands in for the front while a new stage has measured nothing yet; `seconds` are a round's. */
export function summarize(
  state: ControllerState,
  specification: Specification,
  previous?: Summary,
  seconds?: RoundReport["seconds"],
): Summary {
  const front = paretoEntries(state.archive, specification.objectives);
  const accuracies = front.flatMap(({ values }) => values.accuracy ?? []);
  const measured = front.length > 0;
  return {
    stage: state.stage,
    phase: state.phase,
    evaluations: state.evaluations,
    hypervolume: measured ? state.hypervolume : (previous?.hypervolume ?? null),
    frontSize: measured ? front.length : (previous?.frontSize ?? 0),
    bestAccuracy:
      measured && accuracies.length > 0 ? Math.max(...accuracies) : (previous?.bestAccuracy ?? null),
    ...(previous?.bestTrainedAccuracy === undefined
      ? {}
      : { bestTrainedAccuracy: previous.bestTrainedAccuracy }),
    seconds: {
      busy: (previous?.seconds.busy ?? 0) + (seconds?.train ?? 0) + (seconds?.evaluate ?? 0),
      idle: (previous?.seconds.idle ?? 0) + (seconds?.idle ?? 0),
    },
  };
}
