/** Every strategy by its name in the specification. */

import type { Schedule } from "../../../shared/schedule.ts";
import type { StrategyName } from "../../../shared/specification.ts";
import { defaultStrategy } from "./default/index.ts";
import { localSearch } from "./localSearch.ts";
import { nsga2 } from "./nsga2.ts";
import { randomStrategy } from "./random.ts";
import { regularizedEvolution } from "./regularizedEvolution.ts";
import type { Strategy } from "./strategy.ts";
import { tndNas } from "./tndNas.ts";

/** What a state is made of is the strategy's own affair. */
const opaque = <State>(strategy: Strategy<State>) => strategy as Strategy<unknown>;

/** @param options of the policy that TND-NAS learns */
export function strategyOf(name: StrategyName, options: Schedule["policy"]): Strategy<unknown> {
  const strategies: Record<StrategyName, () => Strategy<unknown>> = {
    default: () => opaque(defaultStrategy),
    "tnd-nas": () => opaque(tndNas(options)),
    random: () => opaque(randomStrategy),
    nsga2: () => opaque(nsga2),
    "regularized-evolution": () => opaque(regularizedEvolution),
    "local-search": () => opaque(localSearch),
  };
  return strategies[name]();
}
