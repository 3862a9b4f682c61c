/** Part B's searches without the product: they train as the product trains, until the same processor seconds are spent. */

import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { deriveSeed, Random } from "../../shared/random.ts";
import { type Answerer, ensureSearchPeers, runPeer, writeAskedProblem } from "../peers/search.ts";
import { answerOf, type Member } from "./answer.ts";
import type { Arena } from "./arena.ts";
import { Halving } from "./halving.ts";
import { Budget, BudgetSpent, type Trainer } from "./trainer.ts";

export const outsideContestantsB = ["random-halving", "optuna-tpe", "optuna-nsga2"] as const;
export type OutsideContestantB = (typeof outsideContestantsB)[number];

/** More than any budget pays for. */
const evaluations = 100_000;

export interface SearchResult {
  answer: Member[];
  processorSeconds: number;
  /** Distinct architectures of a search without the product; all measurements of one with it. */
  seen: number;
}

export interface OutsideSearch {
  arena: Arena;
  trainer: Trainer;
  seed: number;
  mostProcessorSeconds: number;
  /** Steps of each rung. */
  rungs: readonly number[];
}

export async function searchOutside(name: OutsideContestantB, search: OutsideSearch): Promise<SearchResult> {
  const budget = new Budget(search.mostProcessorSeconds);
  const seen =
    name === "random-halving" ? await byHalving(search, budget) : await byPeer(name, search, budget);
  return { answer: answerOf(seen), processorSeconds: budget.spent, seen: seen.length };
}

async function byHalving({ arena, trainer, seed, rungs }: OutsideSearch, budget: Budget): Promise<Member[]> {
  const random = new Random(deriveSeed(seed, "halving"));
  const drawn = new Set<string>();
  const halving = new Halving(rungs.length, () => {
    let architecture = arena.randomArchitecture(random);
    while (drawn.has(architecture.hash)) architecture = arena.randomArchitecture(random);
    drawn.add(architecture.hash);
    return architecture;
  });
  await untilSpent(async () => {
    for (;;) {
      const { architecture, rung } = halving.next();
      const accuracy = await trainer.validate(architecture, rungs[rung] ?? 1, seed, budget);
      halving.tell(rung, { ...architecture, accuracy });
    }
  });
  return halving.seen();
}

/** Each trial is trained for the middle rung; what is proposed again, or does not see its image, costs nothing. */
async function byPeer(
  peer: string,
  { arena, trainer, seed, rungs }: OutsideSearch,
  budget: Budget,
): Promise<Member[]> {
  const python = await ensureSearchPeers();
  const steps = rungs[Math.floor(rungs.length / 2)] ?? 1;
  const known = new Map<string, { row: number; member: Member }>();
  const answering: Answerer = {
    measure: async (code) => {
      const { isConnected, ...architecture } = arena.architectureOfCode(code);
      const before = known.get(architecture.hash);
      const accuracy =
        before?.member.accuracy ??
        (isConnected ? await trainer.validate(architecture, steps, seed, budget) : arena.trivialAccuracy);
      const row = before?.row ?? known.size;
      known.set(architecture.hash, { row, member: before?.member ?? { ...architecture, accuracy } });
      return { row, measured: [accuracy, architecture.parameters] };
    },
  };
  const problemFile = path.join(tmpdir(), `nasturtium-contest-${process.pid}.json`);
  writeAskedProblem(problemFile, { problem: { positions: arena.positions, noisy: false } }, evaluations);
  try {
    await untilSpent(async () => {
      await runPeer({ python, problemFile, peer }, [seed], () => {}, answering);
    });
  } finally {
    rmSync(problemFile, { force: true });
  }
  return [...known.values()].map(({ member }) => member);
}

async function untilSpent(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof BudgetSpent)) throw error;
  }
}
