/** The strategies that are measured, by the name that chooses them. */

import { localSearch } from "../../edge/controller/strategies/localSearch.ts";
import { nsga2 } from "../../edge/controller/strategies/nsga2.ts";
import { randomStrategy } from "../../edge/controller/strategies/random.ts";
import { regularizedEvolution } from "../../edge/controller/strategies/regularizedEvolution.ts";
import type { Strategy } from "../../edge/controller/strategies/strategy.ts";

/** What a state is made of is the strategy's own affair. */
const entry = <State>(strategy: Strategy<State>) => strategy as Strategy<unknown>;

export const strategies: Readonly<Record<string, Strategy<unknown>>> = {
  random: entry(randomStrategy),
  nsga2: entry(nsga2),
  "regularized-evolution": entry(regularizedEvolution),
  "local-search": entry(localSearch),
};
