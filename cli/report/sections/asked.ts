/** What was asked: data, space, objectives and how long. */

import { measured, operationName, unitOf, whole } from "../../../dashboard/ui/format.ts";
import { resolveSpace } from "../../../shared/space.ts";
import { objectiveId } from "../../../shared/specification.ts";
import type { ReportData } from "../data.ts";
import { facts, section } from "../parts.ts";

const evaluations = {
  tabular: "looked up in a table",
  supernet: "shared weights of a supernet",
  training: "each trained by itself, the better half of a rung longer",
};

export function asked({ search: { specification, progress } }: ReportData) {
  const { dataset, space, evaluation, objectives, schedule, budget, seed } = specification;
  return section(
    "What was asked",
    facts([
      ["Data", dataset.name],
      ["Search space", typeof space === "string" ? space : "of its own"],
      ["Operations", operationsOf(space)],
      ["Evaluation", evaluations[evaluation.kind]],
      ...objectives.map((objective) => {
        const id = objectiveId(objective);
        return [unitOf(id).title, wishOf(objective, id)] as const;
      }),
      evaluation.kind === "training"
        ? [
            "Trainings",
            `${whole(progress.round)} of ${whole(evaluation.architectures)} architectures at most`,
          ]
        : [
            "Schedule",
            "preset" in schedule ? `${schedule.preset}, ${rounds(progress.rounds)}` : rounds(progress.rounds),
          ],
      ["Budget", budgetText(budget)],
      ["Seed", seed],
    ]),
  );
}

const rounds = (count: number): string => `${whole(count)} ${count === 1 ? "round" : "rounds"}`;

function operationsOf(space: Parameters<typeof resolveSpace>[0]): string {
  const { cells } = resolveSpace(space);
  return [...new Set(Object.values(cells).flatMap(({ operations }) => operations))]
    .map(operationName)
    .join(", ");
}

type Objective = ReportData["search"]["specification"]["objectives"][number];

const wishOf = ({ goal, target, limit }: Objective, id: string): string =>
  [
    goal === "maximize" ? "as high as can be" : "as low as can be",
    target === undefined ? [] : `target ${measured(id, target)}`,
    limit === undefined ? [] : `${goal === "maximize" ? "at least" : "at most"} ${measured(id, limit)}`,
  ]
    .flat()
    .join(", ");

const units: Record<string, (value: number) => string> = {
  usd: (value) => `$${value}`,
  gpuHours: (value) => `${value} GPU hours`,
  wallClockHours: (value) => `${value} hours`,
  evaluations: (value) => `${whole(value)} candidates`,
};

function budgetText(budget: Record<string, number | undefined>): string | undefined {
  const parts = Object.entries(budget).flatMap(([name, value]) =>
    value === undefined ? [] : (units[name]?.(value) ?? `${name} ${value}`),
  );
  return parts.length === 0 ? undefined : parts.join(", ");
}
