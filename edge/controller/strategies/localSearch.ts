/**
 * Pareto local search (Paquete, Chiarandini and Stützle 2004): an archive of architectures that none is better than,
 * whose neighbours, those that differ in one operation, are measured until none enters the archive; then from random
 * architectures again.
 *
 * Neighbours are taken from all of the archive in turn instead of one member's whole neighbourhood first, so that the
 * front moves everywhere while evaluations are few.
 */

import type { Code } from "../../../shared/code.ts";
import { deriveSeed, Random } from "../../../shared/random.ts";
import { isBetter, lonelyFirst, type Member, membersOf } from "./members.ts";
import { Seen } from "./seen.ts";
import { type Problem, randomCode, type Strategy } from "./strategy.ts";
import { frequencyLogits, neighboursOf, type Proposed, proposal } from "./variation.ts";

/** Random architectures that it starts from. */
const startSize = 10;
/** With many objectives nearly everything is on the front: the most crowded members are left out. */
const archiveCapacity = 200;

interface Explored extends Member {
  /** How many of its neighbours were taken. */
  taken: number;
}

export interface LocalSearchState extends Proposed {
  archive: Explored[];
}

export const localSearch: Strategy<LocalSearchState> = {
  start(problem, random, first = []) {
    const drawn = Array.from({ length: startSize }, () => randomCode(problem, random));
    return { seen: "", first: [...first, ...drawn], archive: [] };
  },

  propose(state, problem, count, random) {
    const archive = state.archive.map((member) => ({ ...member }));
    const drawer = (seen: Seen) => stepper(archive, problem, seen, random);
    return proposal({ ...state, archive }, problem, count, random, drawer);
  },

  learn(state, problem, observations) {
    let { archive } = state;
    for (const member of membersOf(observations, problem)) archive = withMember(archive, member);
    return {
      ...state,
      seen: Seen.barring(state.seen, problem, observations),
      archive: archive.length > archiveCapacity ? lonelyFirst(archive).slice(0, archiveCapacity) : archive,
    };
  },

  logits: ({ archive }, problem) =>
    frequencyLogits(
      archive.map(({ code }) => code),
      problem,
    ),
};

/** Takes neighbours of random members, counting them there, as long as there are new ones; then random codes. */
function stepper(archive: readonly Explored[], problem: Problem, seen: Seen, random: Random): () => Code {
  const open = archive.map((member) => ({ member, neighbours: orderedNeighbours(member, problem) }));
  return () => {
    while (open.length > 0) {
      const place = random.integer(open.length);
      const { member, neighbours } = open[place] as (typeof open)[number];
      while (member.taken < neighbours.length) {
        const code = neighbours[member.taken++] as number[];
        if (!seen.has(code)) return code;
      }
      open.splice(place, 1);
    }
    return randomCode(problem, random);
  };
}

/** In an order of the member's own, the same in every round. */
function orderedNeighbours({ code }: Member, problem: Problem): number[][] {
  return new Random(deriveSeed(code.join())).shuffle(neighboursOf(code, problem));
}

function withMember(archive: readonly Explored[], member: Member): Explored[] {
  const text = member.code.join();
  const earlier = archive.find(({ code }) => code.join() === text);
  const others = archive.filter((other) => other !== earlier);
  if (others.some((other) => isBetter(other, member))) return others;
  const kept = others.filter((other) => !isBetter(member, other));
  return [...kept, { ...member, taken: earlier?.taken ?? 0 }];
}
