/** Work on many items at a time, but not on all of them. */

/** Image decoders and connections work in threads of their own; more at once only wait. */
const AT_ONCE = 8;

/**
 * Calls `work` for every item. After a failure nothing new is begun, and what is under way is waited for.
 *
 * @throws what the first failure threw
 */
export async function eachInParallel<T>(
  items: readonly T[],
  work: (item: T, index: number) => Promise<void>,
  atOnce = AT_ONCE,
): Promise<void> {
  let next = 0;
  const failures: unknown[] = [];
  const worker = async () => {
    while (next < items.length && failures.length === 0) {
      const index = next++;
      try {
        await work(items[index] as T, index);
      } catch (err) {
        failures.push(err);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  if (failures.length > 0) throw failures[0];
}
