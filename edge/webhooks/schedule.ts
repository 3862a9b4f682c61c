/** When a delivery is tried again. Pure. */

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;

/** Before each attempt, from the failure of the one before. */
const delaysMs = [
  0,
  5 * second,
  5 * minute,
  30 * minute,
  2 * hour,
  5 * hour,
  10 * hour,
  14 * hour,
  20 * hour,
  24 * hour,
];
/** A delay is longer or shorter by at most this share, so that what failed together does not come back together. */
const jitter = 0.1;
const longestMs = 24 * hour;

export const maxTries = delaysMs.length;

/**
 * Milliseconds until the next attempt after so many failed ones; null when it is given up.
 *
 * @param random from 0 to 1
 * @param retryAfterMs what the receiver asked for; never waited for longer than a day
 */
export function delayAfter(tries: number, random: number, retryAfterMs: number | null = null): number | null {
  const delay = delaysMs[tries];
  if (delay === undefined) return null;
  const jittered = Math.round(delay * (1 + jitter * (2 * random - 1)));
  return Math.max(jittered, Math.min(retryAfterMs ?? 0, longestMs));
}

/** Milliseconds that a Retry-After header asks for, given as seconds or as a date; null where it says neither. */
export function retryAfter(header: string | null, now: number): number | null {
  if (header === null) return null;
  if (/^\s*\d+\s*$/.test(header)) return Number(header) * second;
  const date = Date.parse(header);
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}
