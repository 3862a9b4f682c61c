/**
 * Random architectures under asynchronous successive halving (ASHA, Li et al. 2018, arXiv 1810.05934), written anew here: no
 * part of a search of the product is in it but the rule by which two objectives make a better half.
 */

import { goOn } from "../../shared/candidateTrainings.ts";
import { ParetoFront } from "../../shared/pareto.ts";
import type { Member } from "./answer.ts";
import type { Architecture } from "./arena.ts";

export class Halving {
  readonly #rungs: { trained: Member[]; promoted: Set<string> }[];
  readonly #draw: () => Architecture;

  /** @param draw gives an architecture that it has not given before */
  constructor(rungs: number, draw: () => Architecture) {
    this.#rungs = Array.from({ length: rungs }, () => ({ trained: [], promoted: new Set() }));
    this.#draw = draw;
  }

  /** The best of the highest rung whose better half was not promoted yet, or else a new one on the first. */
  next(): { architecture: Architecture; rung: number } {
    for (let rung = this.#rungs.length - 2; rung >= 0; rung--) {
      const { trained = [], promoted = new Set() } = this.#rungs[rung] ?? {};
      const architecture = ranked(trained)
        .slice(0, goOn(trained.length))
        .find(({ hash }) => !promoted.has(hash));
      if (architecture === undefined) continue;
      promoted.add(architecture.hash);
      return { architecture, rung: rung + 1 };
    }
    return { architecture: this.#draw(), rung: 0 };
  }

  tell(rung: number, member: Member): void {
    this.#rungs[rung]?.trained.push(member);
  }

  /** Every architecture at its longest rung. */
  seen(): Member[] {
    const byHash = new Map(
      this.#rungs.flatMap(({ trained }) => trained.map((member) => [member.hash, member] as const)),
    );
    return [...byHash.values()];
  }
}

/** By non-dominated layer, within one by accuracy. */
export function ranked(members: readonly Member[]): Member[] {
  const order: Member[] = [];
  for (let rest = [...members]; rest.length > 0; ) {
    const front = new ParetoFront<Member>(2);
    for (const member of rest) front.insert([member.parameters, -member.accuracy], member);
    const layer = new Set(front.entries().map(({ item }) => item));
    order.push(...rest.filter((member) => layer.has(member)).sort((a, b) => b.accuracy - a.accuracy));
    rest = rest.filter((member) => !layer.has(member));
  }
  return order;
}
