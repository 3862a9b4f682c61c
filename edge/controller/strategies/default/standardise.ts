/** Values with mean 0 and standard deviation 1, and what turns them back; of equal values all are 0. */
export function standardise(values: readonly number[]): {
  scaled: Float64Array;
  center: number;
  deviation: number;
} {
  const center = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - center) ** 2, 0) / values.length;
  const deviation = Math.sqrt(variance) || 1;
  return { scaled: Float64Array.from(values, (value) => (value - center) / deviation), center, deviation };
}
