/** Money in millionths of a US dollar: whole numbers, so that the ledger adds up to the last one. Pure. */

const hourMs = 3_600_000;
const perUsd = 1_000_000;

export const microUsd = (usd: number): number => Math.round(usd * perUsd);
export const usd = (micro: number): number => micro / perUsd;

/** Of a time at a price, rounded up: never less than is billed. */
export const costOf = (microUsdPerHour: number, ms: number): number =>
  Math.ceil((microUsdPerHour * Math.max(0, ms)) / hourMs);

/** How long the money lasts, in milliseconds; infinite for a machine that costs nothing. */
export const lastsMs = (micro: number, microUsdPerHour: number): number =>
  microUsdPerHour <= 0
    ? Number.POSITIVE_INFINITY
    : Math.floor((Math.max(0, micro) * hourMs) / microUsdPerHour);

/** What a search's money bought, in US dollars each; null before there is any. */
export const pricesOf = (
  spentUsd: number,
  { frontSize, hypervolume }: { frontSize: number; hypervolume: number | null },
) => ({
  perArchitectureUsd: frontSize > 0 ? spentUsd / frontSize : null,
  perHypervolumePercentUsd: hypervolume ? spentUsd / (100 * hypervolume) : null,
});
