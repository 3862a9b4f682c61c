/** Part B: spaces without a table. What each search hands over is trained by one recipe and tested. */

import { availableParallelism } from "node:os";
import type { FrontRow } from "../../cli/api.ts";
import { finalTrainingSchema, type SpecificationInput } from "../../shared/specification.ts";
import { answerOf, type Member } from "./answer.ts";
import { type Architecture, type Arena, arenaOf, type ContestDataset } from "./arena.ts";
import { drawControls } from "./controls.ts";
import { type ContestOptions, cifarFolder } from "./options.ts";
import {
  type OutsideContestantB,
  outsideContestantsB,
  type SearchResult,
  searchOutside,
} from "./outsideB.ts";
import { runOwnSearch } from "./ownSearch.ts";
import { lengthsOf, network, type OwnContestant, ownSpecification, rungSteps } from "./settings.ts";
import type { ContestState, Unit } from "./state.ts";
import { type Tested, Trainer } from "./trainer.ts";

export const ownContestantsB = ["default", "training"] as const satisfies readonly OwnContestant[];
export const partBDefaults = { hours: 1 / 3, contestants: [...ownContestantsB, ...outsideContestantsB] };

/** Trainings of an architecture of an answer; a control has the first alone. */
export const testSeeds = [1, 2];

export const isOwnB = (name: string): name is (typeof ownContestantsB)[number] =>
  (ownContestantsB as readonly string[]).includes(name);

/** One data set's share of part B. */
export class PartB {
  readonly arena: Arena;
  readonly #options: ContestOptions;
  readonly #log: (line: string) => void;
  readonly #signal: AbortSignal;
  #trainer: Promise<Trainer> | undefined;

  constructor(
    dataset: ContestDataset,
    options: ContestOptions,
    { log, signal }: { log: (line: string) => void; signal: AbortSignal },
  ) {
    this.arena = arenaOf(options.space, dataset);
    this.#options = options;
    this.#log = log;
    this.#signal = signal;
  }

  /** Seeds outermost, so that what there is after an interruption can be compared. */
  searchUnits(): Unit<SearchResult>[] {
    const { seeds, contestants } = this.#options;
    return seeds.flatMap((seed) => contestants.map((name) => this.searchUnit(name, seed)));
  }

  searchUnit(name: string, seed: number): Unit<SearchResult> {
    return isOwnB(name) ? this.#ownUnit(name, seed) : this.#outsideUnit(name as OutsideContestantB, seed);
  }

  /** Of every answer that is there, and its controls. */
  testUnits(state: ContestState): Unit<Tested>[] {
    const members = unique(this.answers(state).flatMap(({ answer }) => answer));
    return [
      ...members.flatMap((member) => testSeeds.map((seed) => this.testUnit(member, seed))),
      ...this.controls(members)
        .filter(({ hash }) => members.every((member) => member.hash !== hash))
        .map((control) => this.testUnit(control, testSeeds[0] ?? 1)),
    ];
  }

  answers(state: ContestState): ({ name: string; seed: number } & SearchResult)[] {
    const { seeds, contestants } = this.#options;
    return seeds.flatMap((seed) =>
      contestants.flatMap((name) => {
        const result = state.read(this.searchUnit(name, seed));
        return result === undefined ? [] : [{ name, seed, ...result }];
      }),
    );
  }

  controls(members: readonly Architecture[]): Architecture[] {
    const sizes = members.map(({ parameters }) => parameters);
    return drawControls(this.arena, sizes, this.#options.controls);
  }

  testUnit(architecture: Architecture, seed: number): Unit<Tested> {
    const { finalSteps } = this.#options;
    const { hash } = architecture;
    const recipe = finalTrainingSchema.parse({ preset: "demo", steps: finalSteps });
    return {
      name: `${this.#folder}/trained/${hash}-${seed}`,
      settings: { dataset: this.arena.dataset, hash, seed, recipe, network },
      wallSeconds: finalSteps / 10,
      run: async () => (await this.#loaded()).test(architecture, finalSteps, seed),
    };
  }

  get #folder(): string {
    return `B/${this.arena.space}/${this.arena.dataset}`;
  }

  get #dataFolder(): string | undefined {
    return this.arena.dataset === "cifar10" ? cifarFolder(this.#options) : undefined;
  }

  #loaded(): Promise<Trainer> {
    const context = { log: this.#log, signal: this.#signal };
    this.#trainer ??= Trainer.load(this.arena.dataset, this.#dataFolder, context);
    return this.#trainer;
  }

  #ownUnit(name: OwnContestant, seed: number): Unit<SearchResult> {
    const { hours } = this.#options;
    const { space, dataset } = this.arena;
    const specification: SpecificationInput = {
      name: `Contest B, ${name}, seed ${seed}`,
      dataset: { name: dataset },
      space,
      ...ownSpecification(name, { hours, seed, lengths: lengthsOf(space, dataset) }),
    };
    return {
      ...this.#searchCosts(name, seed),
      settings: { hours, specification },
      run: async () => {
        const { fronts, processorSeconds, evaluations } = await runOwnSearch(specification, {
          dataFolder: this.#dataFolder,
          memberOf,
          mostProcessorSeconds: 3600 * hours,
          log: this.#log,
          signal: this.#signal,
        });
        const answer = answerOf(fronts.at(-1)?.front ?? []);
        return { answer, processorSeconds, seen: evaluations };
      },
    };
  }

  #outsideUnit(name: OutsideContestantB, seed: number): Unit<SearchResult> {
    const { hours } = this.#options;
    const { space, dataset } = this.arena;
    const rungs = rungSteps(lengthsOf(space, dataset), hours);
    return {
      ...this.#searchCosts(name, seed),
      settings: { hours, contestant: name, space, dataset, network, rungs, seed },
      run: async () => {
        const trainer = await this.#loaded();
        const mostProcessorSeconds = 3600 * hours;
        return searchOutside(name, { arena: this.arena, trainer, seed, mostProcessorSeconds, rungs });
      },
    };
  }

  #searchCosts(name: string, seed: number): Pick<Unit<SearchResult>, "name" | "wallSeconds"> {
    const wallSeconds = (3600 * this.#options.hours) / availableParallelism();
    return { name: `${this.#folder}/${name}-${seed}`, wallSeconds };
  }
}

function memberOf({ hash, genotype, values }: FrontRow): Member {
  const { accuracy, parameters } = values;
  if (accuracy == null || parameters == null) throw new Error(`${hash} is on the front without values.`);
  return { hash, genotype, parameters, accuracy };
}

const unique = <T extends { hash: string }>(members: readonly T[]): T[] => [
  ...new Map(members.map((member) => [member.hash, member])).values(),
];
