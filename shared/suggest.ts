/** Finds the known name that a mistyped one most likely meant, for error messages. */

/** Longest distance, as a share of the name's length, at which a suggestion still helps. */
const MAX_DISTANCE_SHARE = 0.5;

/**
 * A sentence naming the closest candidate, or every candidate when none is close.
 *
 * @example didYouMean("sep_conv3x3", ["sep_conv_3x3", "none"]) // 'Did you mean "sep_conv_3x3"?'
 */
export function didYouMean(name: string, candidates: readonly string[]): string {
  const closest = closestName(name, candidates);
  return closest === undefined ? `Known: ${candidates.join(", ")}.` : `Did you mean "${closest}"?`;
}

/** The candidate with the smallest edit distance to `name`, or undefined when all of them are far. */
export function closestName(name: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, name.length * MAX_DISTANCE_SHARE);
  for (const candidate of candidates) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance <= bestDistance && (best === undefined || distance < bestDistance)) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

function editDistance(left: string, right: string): number {
  let previous = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let row = 1; row <= left.length; row++) {
    const current = [row];
    for (let column = 1; column <= right.length; column++) {
      const substitution = (previous[column - 1] ?? 0) + (left[row - 1] === right[column - 1] ? 0 : 1);
      current.push(Math.min(substitution, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[right.length] ?? 0;
}
