/** What a search hands over: a few architectures that no other it saw beats. */

import { ParetoFront } from "../../shared/pareto.ts";
import type { Architecture } from "./arena.ts";

export const mostInAnswer = 6;

/** An architecture as a search saw it. */
export interface Member extends Architecture {
  /** In percent. */
  accuracy: number;
}

/** By rising parameters; if there are too many, the smallest, the largest and those spread evenly between them. */
export function answerOf(seen: readonly Member[]): Member[] {
  const front = new ParetoFront<Member>(2);
  for (const member of seen) front.insert([member.parameters, -member.accuracy], member);
  const members = front
    .entries()
    .map(({ item }) => item)
    .sort((left, right) => left.parameters - right.parameters);
  if (members.length <= mostInAnswer) return members;
  return Array.from(
    { length: mostInAnswer },
    (_, index) => members[Math.round((index * (members.length - 1)) / (mostInAnswer - 1))] as Member,
  );
}
