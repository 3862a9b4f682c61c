/** Scores of the cells that are done, in a file beside the checkpoint: scoring goes on where it was interrupted. */

import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { z } from "zod";

export const scoreSchema = z.object({ loss: z.number(), accuracy: z.number() });

/** What a supernet gives a cell: mean cross-entropy on held-out images, and accuracy in percent. */
export type Score = z.infer<typeof scoreSchema>;

export class ScoreFile<T> {
  readonly #file: string | undefined;
  readonly #schema: z.ZodType<{ of: string; scores: T[] }>;
  readonly #of: string;

  /**
   * @param file without one nothing is kept
   * @param score what a cell has in it
   * @param of everything that the scores depend on
   */
  constructor(file: string | undefined, score: z.ZodType<T>, of: unknown) {
    this.#file = file;
    this.#schema = z.object({ of: z.string(), scores: z.array(score) });
    this.#of = JSON.stringify(of);
  }

  /** Those of the first cells, or none where the file is of something else. */
  read(): T[] {
    if (this.#file === undefined || !existsSync(this.#file)) return [];
    const { of, scores } = this.#schema.parse(JSON.parse(readFileSync(this.#file, "utf8")));
    return of === this.#of ? scores : [];
  }

  /** Appears complete or not at all. */
  write(scores: readonly T[]): void {
    if (this.#file === undefined) return;
    writeFileSync(`${this.#file}.part`, JSON.stringify({ of: this.#of, scores }));
    renameSync(`${this.#file}.part`, this.#file);
  }
}
