/** What of a provider's offers suits a search. Pure. */

import { wantsGpu } from "./gpus.ts";
import type { Offer, QuoteFilter } from "./provider.ts";

/** Of the GPUs that are wanted and within the ceiling, cheapest first. */
export const suiting = (
  offers: readonly Offer[],
  { gpus, maxUsdPerHour }: Pick<QuoteFilter, "gpus" | "maxUsdPerHour">,
): Offer[] =>
  offers
    .filter(({ gpu, priceUsdPerHour }) => wantsGpu(gpus, gpu) && priceUsdPerHour <= maxUsdPerHour)
    .sort((one, other) => one.priceUsdPerHour - other.priceUsdPerHour);
