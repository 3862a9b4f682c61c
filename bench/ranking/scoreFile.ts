/** Scores of the cells that are done, in a file beside the checkpoint: scoring goes on where it was interrupted. */

import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { z } from "zod";

const scoreSchema = z.object({ loss: z.number(), accuracy: z.number() });
const fileSchema = z.object({ of: z.string(), scores: z.array(scoreSchema) });

/** What a cell gets: mean cross-entropy on held-out images, and accuracy in percent. */
export type Score = z.infer<typeof scoreSchema>;

export class ScoreFile {
  readonly #file: string | undefined;
  readonly #of: string;

  /**
   * @param checkpoint beside which it lies; without one nothing is kept
   * @param of everything that the scores depend on
   */
  constructor(checkpoint: string | undefined, of: unknown) {
    this.#file = checkpoint === undefined ? undefined : `${checkpoint}.scores.json`;
    this.#of = JSON.stringify(of);
  }

  /** Those of the first cells, or none where the file is of something else. */
  read(): Score[] {
    if (this.#file === undefined || !existsSync(this.#file)) return [];
    const { of, scores } = fileSchema.parse(JSON.parse(readFileSync(this.#file, "utf8")));
    return of === this.#of ? scores : [];
  }

  /** Appears complete or not at all. */
  write(scores: readonly Score[]): void {
    if (this.#file === undefined) return;
    writeFileSync(`${this.#file}.part`, JSON.stringify({ of: this.#of, scores }));
    renameSync(`${this.#file}.part`, this.#file);
  }
}
