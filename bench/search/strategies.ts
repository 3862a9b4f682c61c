/** The strategies that are measured: the product's own, by the name that chooses them in a specification. */

import { strategyOf } from "../../edge/controller/strategies/index.ts";
import type { Strategy } from "../../edge/controller/strategies/strategy.ts";
import { scheduleSchema } from "../../shared/schedule.ts";
import { strategyNames } from "../../shared/specification.ts";

/** TND-NAS's policy as it is by default. */
const { policy } = scheduleSchema.parse({ stages: [{ layers: 1, channels: 1, steps: 1, drop: {} }] });

export const strategies: Readonly<Record<string, Strategy<unknown>>> = Object.fromEntries(
  strategyNames.map((name) => [name, strategyOf(name, policy)]),
);
