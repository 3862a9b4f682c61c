/**
 * Measured candidates in columns that grow as pages and rounds come: 50,000 of them are a few arrays and no objects. What
 * devices measure late changes rounds that are known: those are taken back and read again.
 */

import type { Points } from "../../app/answers.ts";

const firstCapacity = 1024;

/** Numbers of one kind; NaN for what is missing. */
class Column {
  #values = new Float64Array(firstCapacity).fill(Number.NaN);

  set(index: number, value: number | null | undefined): void {
    if (index >= this.#values.length) {
      const capacity = 2 * Math.max(index, this.#values.length);
      const wider = new Float64Array(capacity).fill(Number.NaN);
      wider.set(this.#values);
      this.#values = wider;
    }
    this.#values[index] = value ?? Number.NaN;
  }

  first(count: number): Float64Array {
    return this.#values.subarray(0, count);
  }
}

export class Candidates {
  readonly hash: string[] = [];
  /** Another with each change. */
  version = 0;
  readonly #round = new Column();
  readonly #stage = new Column();
  readonly #feasible = new Column();
  readonly #loss = new Column();
  readonly #values = new Map<string, Column>();

  get size(): number {
    return this.hash.length;
  }

  append(page: Omit<Points, "nextCursor">): void {
    const first = this.size;
    for (const id of Object.keys(page.values)) if (!this.#values.has(id)) this.#values.set(id, new Column());
    for (let index = 0; index < page.hash.length; index++) {
      const at = first + index;
      this.hash.push(page.hash[index] ?? "");
      this.#round.set(at, page.round[index]);
      this.#stage.set(at, page.stage[index]);
      this.#feasible.set(at, page.feasible[index] ? 1 : 0);
      this.#loss.set(at, page.loss[index]);
      for (const [id, column] of this.#values) column.set(at, page.values[id]?.[index]);
    }
    if (page.hash.length > 0) this.version += 1;
  }

  /** Forgets those of all later rounds. */
  keepUpTo(round: number): void {
    const beyond = this.round.findIndex((one) => one > round);
    if (beyond < 0) return;
    this.hash.length = beyond;
    this.version += 1;
  }

  /** Of the newest candidate; -1 before the first. */
  get lastRound(): number {
    return this.round.at(-1) ?? -1;
  }

  get round(): Float64Array {
    return this.#round.first(this.size);
  }

  get stage(): Float64Array {
    return this.#stage.first(this.size);
  }

  /** 1 where it is within all limits. */
  get feasible(): Float64Array {
    return this.#feasible.first(this.size);
  }

  get loss(): Float64Array {
    return this.#loss.first(this.size);
  }

  /** By objective id. */
  values(id: string): Float64Array {
    return this.#values.get(id)?.first(this.size) ?? new Float64Array(this.size).fill(Number.NaN);
  }
}
