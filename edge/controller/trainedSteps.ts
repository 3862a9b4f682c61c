/** What a runner reports of a stage's training, with the names of the operations. */

import type { RoundReport, RoundTask } from "../../shared/protocol.ts";
import type { StageTraining } from "./state.ts";

/** The stage that the round ends; nothing where the report does not tell, or not of this stage's operations. */
export function stageTraining(task: RoundTask, report: RoundReport): StageTraining[] {
  if (task.kind !== "trainRound" || report.kind !== "trainRound") return [];
  const { trainedSteps } = report;
  const { index: stage, choices } = task.stage;
  if (trainedSteps === undefined) return [];
  const fits = Object.entries(choices).every(([kind, edges]) =>
    edges.every((operations, edge) => trainedSteps[kind]?.[edge]?.length === operations.length),
  );
  if (!fits) return [];
  const named = Object.entries(choices).map(([kind, edges]) => [
    kind,
    edges.map((operations, edge) =>
      Object.fromEntries(
        operations.map((operation, index) => [operation, trainedSteps[kind]?.[edge]?.[index] ?? 0]),
      ),
    ),
  ]);
  return [{ stage, trainedSteps: Object.fromEntries(named) }];
}
