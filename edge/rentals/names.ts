/**
 * Names of rented machines: they tell whose they are and how old, so that a lost creation is found and what nobody wants
 * is ended, and two deployments on one account never touch each other's. Pure.
 */

export interface InstanceName {
  deployment: string;
  searchId: string;
  /** Machines rented for the search before. */
  attempt: number;
  /** Seconds since 1970. */
  launchedAt: number;
}

const pattern = /^nas-([a-z2-7]+)-([a-z2-7]+)-(\d+)-t(\d+)$/;

/** What all names of a deployment begin with. */
export const namePrefix = (deployment: string): string => `nas-${deployment}-`;

export const instanceName = ({ deployment, searchId, attempt, launchedAt }: InstanceName): string =>
  `${namePrefix(deployment)}${searchId}-${attempt}-t${launchedAt}`;

/** Undefined for a name that is none. */
export function parseInstanceName(name: string): InstanceName | undefined {
  const [, deployment, searchId, attempt, launchedAt] = pattern.exec(name) ?? [];
  if (deployment === undefined || searchId === undefined) return undefined;
  return { deployment, searchId, attempt: Number(attempt), launchedAt: Number(launchedAt) };
}
