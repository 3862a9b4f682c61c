/** When a provider takes the next request: the intervals that it documents, kept by one client of it. Pure. */

import type { ProviderOperation } from "./http.ts";

/** The least time between two requests of these operations; of any where none are given. */
export interface Pace {
  operations?: readonly ProviderOperation[];
  intervalMs: number;
}

export class Pacer {
  readonly #paces: { pace: Pace; freeAt: number }[];

  constructor(paces: readonly Pace[]) {
    this.#paces = paces.map((pace) => ({ pace, freeAt: 0 }));
  }

  /** Takes a turn. @returns how long it is until then; where that is longer than `mostMs`, none was taken */
  take(operation: ProviderOperation, now: number, mostMs: number): number {
    const own = this.#of(operation);
    const turnAt = Math.max(now, ...own.map(({ freeAt }) => freeAt));
    const waitMs = turnAt - now;
    if (waitMs > mostMs) return waitMs;
    for (const one of own) one.freeAt = turnAt + one.pace.intervalMs;
    return waitMs;
  }

  /** It is answered: however long its way was, the provider has counted it by now. */
  answered(operation: ProviderOperation, now: number): void {
    for (const one of this.#of(operation)) one.freeAt = Math.max(one.freeAt, now + one.pace.intervalMs);
  }

  /** 0 where nothing is documented. */
  intervalMs(operation: ProviderOperation): number {
    return Math.max(0, ...this.#of(operation).map(({ pace }) => pace.intervalMs));
  }

  #of(operation: ProviderOperation) {
    return this.#paces.filter(({ pace: { operations } }) => operations?.includes(operation) ?? true);
  }
}
