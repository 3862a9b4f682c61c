/** Which architectures are not to be proposed: none is paid for twice where measuring again tells nothing new. */

import type { Code } from "../../../shared/code.ts";
import { fnv1a64 } from "../../../shared/hash.ts";
import type { Random } from "../../../shared/random.ts";
import { type Observation, type Problem, randomCode, sizeOf } from "./strategy.ts";

/** Draws of a strategy that are all known before it is helped out with random architectures. */
const tries = 40;
/** Spaces up to here are walked through when random draws find nothing new. */
const walked = 100_000;
const bytesPerHash = 4;

type Identified = Pick<Problem, "noisy" | "identityOf">;

/**
 * A set of architectures by 32 bits of their hash: four bytes each, in base64 as text. Of 30,000 architectures one
 * in 140,000 is taken for another and never proposed, which costs nothing that matters.
 */
export class Seen {
  readonly #hashes: Set<number>;
  readonly #tracks: boolean;

  readonly #identityOf: Problem["identityOf"];

  private constructor(hashes: Set<number>, { noisy, identityOf }: Identified) {
    this.#hashes = hashes;
    this.#tracks = !noisy;
    this.#identityOf = identityOf;
  }

  /** Where measuring is noisy, only barred architectures are remembered: any other may be proposed again. */
  static of(text: string, problem: Identified): Seen {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    const view = new DataView(bytes.buffer);
    const hashes = new Set<number>();
    for (let at = 0; at < bytes.length; at += bytesPerHash) hashes.add(view.getUint32(at));
    return new Seen(hashes, problem);
  }

  text(): string {
    const view = new DataView(new ArrayBuffer(bytesPerHash * this.#hashes.size));
    let at = 0;
    for (const hash of this.#hashes) {
      view.setUint32(at, hash);
      at += bytesPerHash;
    }
    let text = "";
    for (const byte of new Uint8Array(view.buffer)) text += String.fromCharCode(byte);
    return btoa(text);
  }

  has(code: Code): boolean {
    return this.#hashes.has(this.#hashOf(code));
  }

  /** Whether it was new. */
  add(code: Code): boolean {
    const hash = this.#hashOf(code);
    if (this.#hashes.has(hash)) return false;
    if (this.#tracks) this.#hashes.add(hash);
    return true;
  }

  /** The text of a set that also has the architectures that diverged, so that none of them comes again. */
  static barring(text: string, problem: Identified, observations: readonly Observation[]): string {
    const diverged = observations.filter((observation) => observation.diverged === true);
    if (diverged.length === 0) return text;
    const seen = Seen.of(text, problem);
    for (const { code } of diverged) seen.#hashes.add(seen.#hashOf(code));
    return seen.text();
  }

  /** As many new architectures as there are up to `count`, from `draw` as long as it finds any. */
  fresh(count: number, problem: Problem, random: Random, draw: () => Code): Code[] {
    const codes: Code[] = [];
    const batch = new Set<number>();
    const take = (code: Code): boolean => {
      const hash = this.#hashOf(code);
      if (batch.has(hash) || !this.add(code)) return false;
      batch.add(hash);
      codes.push(code);
      return true;
    };
    const wanted = Math.min(count, sizeOf(problem));
    while (codes.length < wanted) {
      let isFound = false;
      for (let left = tries; left > 0 && !isFound; left--) isFound = take(draw());
      for (let left = tries; left > 0 && !isFound; left--) isFound = take(randomCode(problem, random));
      isFound ||= sizeOf(problem) <= walked && this.#walk(problem, take);
      if (!isFound) break;
    }
    return codes;
  }

  #walk({ allowed }: Problem, take: (code: Code) => boolean): boolean {
    const total = sizeOf({ allowed });
    for (let number = 0; number < total; number++) {
      let rest = number;
      const code = allowed.map((indices) => {
        const index = indices[rest % indices.length] as number;
        rest = Math.floor(rest / indices.length);
        return index;
      });
      if (!this.has(code) && take(code)) return true;
    }
    return false;
  }

  #hashOf(code: Code): number {
    const { high, low } = fnv1a64(this.#identityOf(code));
    return (high ^ low) >>> 0;
  }
}
