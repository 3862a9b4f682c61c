/** How long things may take, in milliseconds, and how often they are looked at. */

const second = 1000;
const minute = 60 * second;

export const limits = {
  /** From the launch to the runner's registration: image, self-test and all. */
  boot: 15 * minute,
  /** A launch that got no answer is looked for so long: lists lag. */
  lookUp: 5 * minute,
  /** A machine that is not found so soon after its launch may not be listed yet. */
  appear: 3 * minute,
  /** Nothing heard of a runner: ask the provider. */
  quiet: minute,
  /** Nothing heard of a runner although its machine runs: it is of no use. */
  silent: 10 * minute,
  /** Without work. */
  idle: 2 * minute,
  /** For storing a checkpoint. */
  drain: 2 * minute,
  /** From the decision that a machine goes to its being gone: drain, terminate, confirm, and a round of the loop each. */
  shutdown: 8 * minute,
  /** The least work that is worth a machine. */
  leastWork: 5 * minute,
  /** Money is set aside for so long ahead. */
  reserve: 30 * minute,
  /** Accounts are written so often. */
  account: 5 * minute,
  /** The provider is asked for a machine so often although its runner is at work. */
  check: 5 * minute,
  visit: minute,
  /** A machine ends by itself after so long. */
  life: 24 * 60 * minute,
  /** A host that failed is left alone so long. */
  badHost: 24 * 60 * minute,
  /** An offer that was gone is passed over so long. */
  passedOver: 10 * minute,
  /** A request that its provider called wrong is not sent to it again for so long. */
  barred: 24 * 60 * minute,
  /** The provider's account of an ended machine is asked for then, and given up at last. */
  settle: 60 * minute,
  settleAtLast: 26 * 60 * minute,
  /** Machines that nobody wants are looked for so often. */
  reap: 10 * minute,
  /** After failures to rent, doubled each time up to the last. */
  retry: minute,
  longestRetry: 15 * minute,
} as const;

/** Terminations after which it is told that a machine does not go. */
export const terminationsUntilStuck = 4;
/** Offers that are tried in a row. */
export const offersTried = 5;
