/** What the runner on a rented machine is told: whose it is, where the edge is, and when its time is over. Pure. */

export interface RunnerStart {
  /** Address of the edge. */
  edge: string;
  /** Bound to this machine and its search. */
  token: string;
  name: string;
  searchId: string;
  lifetimeSeconds: number;
}

export const runnerEnv = ({
  edge,
  token,
  name,
  searchId,
  lifetimeSeconds,
}: RunnerStart): Record<string, string> => ({
  NASTURTIUM_EDGE: edge,
  NASTURTIUM_TOKEN: token,
  NASTURTIUM_NAME: name,
  NASTURTIUM_SEARCH: searchId,
  NASTURTIUM_LIFETIME_SECONDS: String(lifetimeSeconds),
});
