/**
 * Architectures that a search need not have met, for its short trainings: what shared weights think of a network does not
 * decide whether it is tried. They are of the sizes that are wanted: the best by scores without training, or where
 * nothing was scored such as hold convolutions. Pure.
 */

import { codeOfText, selectionOf } from "../../shared/code.ts";
import { isParametric } from "../../shared/operations.ts";
import { Random } from "../../shared/random.ts";
import type { Selection } from "../../shared/space.ts";
import { objectiveId } from "../../shared/specification.ts";
import type { Archived } from "./archive.ts";
import type { Context } from "./context.ts";
import { noStrangers, type Strangers } from "./rerank.ts";

/** Of the short trainings, the share that is theirs: scores without training order better than a short search's shared weights. */
const shares = { scored: 1 / 2, drawn: 1 / 5 };
/** With fewer that were scored and are wanted, some are drawn at random. */
const fewestScored = 4;
const draws = 200;
/** Of a target, the sizes that are wanted: small ones are the front's other end. */
const wanted = { from: 1 / 3, to: 1.05 };
/** Of the operations at most without weights, in expectation. */
const leastParametric = 0.15;

/** None where sizes cannot be counted, or where something else has to be measured before they can be compared. */
export function strangersOf(
  context: Context,
  { seed, round, scored }: { seed: number; round: number; scored?: readonly string[] | undefined },
): Strangers<Archived> {
  const size = context.specification.objectives.find(({ goal }) => goal === "minimize");
  const isCounted = context.deviceObjectives.length === 0 && context.runnerObjectives.length === 0;
  if (context.isTabular || !isCounted || size === undefined) return noStrangers;
  const id = objectiveId(size);
  const { target } = size;
  const wantedOf = (selections: readonly Selection[]): Archived[] =>
    selections.flatMap((selection) => {
      const values = { ...context.cheap(selection), accuracy: null };
      const value = (values as Record<string, number | null>)[id];
      if (typeof value !== "number" || !context.isFeasible(selection, values)) return [];
      if (target !== undefined && (value < wanted.from * target || value > wanted.to * target)) return [];
      const hash = context.hash(selection);
      return { hash, selection, values, feasible: true, images: 0, round, confirmed: false, version: 1 };
    });
  const best = wantedOf((scored ?? []).map((code) => selectionOf(context.positions, codeOfText(code))));
  const others = best.length < fewestScored ? wantedOf(drawnAtRandom(context, new Random(seed))) : [];
  const list = [...new Map([...best, ...others].map((member) => [member.hash, member])).values()];
  return { list, share: best.length < fewestScored ? shares.drawn : shares.scored };
}

function drawnAtRandom(context: Context, random: Random): Selection[] {
  return Array.from({ length: draws }, () =>
    drawn(context, leastParametric + (1 - leastParametric) * random.uniform(), random),
  );
}

/** @param share of operations with weights, in expectation */
function drawn({ space, positions }: Context, share: number, random: Random): Selection {
  const selection: Selection = {};
  for (const { kind } of positions) {
    const { operations = [] } = space.cells[kind] ?? {};
    const parametric = operations.filter(isParametric);
    const others = operations.filter((name) => !isParametric(name));
    const isParametricDrawn = random.uniform() < share;
    const pool = isParametricDrawn && parametric.length > 0 ? parametric : others;
    const from = pool.length > 0 ? pool : operations;
    selection[kind] ??= [];
    selection[kind].push(from[random.integer(from.length)] as string);
  }
  return selection;
}
