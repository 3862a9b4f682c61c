/** What an accuracy rests on, in words: one place for every table, page and file that shows it. Pure. */

export interface Evident {
  evidence: string;
  /** Of the short training behind the accuracy; null where there is none. */
  trainingSteps: number | null;
}

/** `shared weights`, `trained 150 steps`, `trained 150 steps, then in full`, `trained in full`, `table`. */
export function evidenceText({ evidence, trainingSteps }: Evident): string {
  const steps = trainingSteps === null ? null : `trained ${trainingSteps.toLocaleString("en-US")} steps`;
  if (evidence === "short-training") return steps ?? "trained";
  if (evidence === "full-training") return steps === null ? "trained in full" : `${steps}, then in full`;
  return evidence === "shared-weights" ? "shared weights" : evidence;
}

/** Whether an accuracy is of shared weights: it orders architectures, and no network has it. */
export const isOfSharedWeights = ({ evidence, trainingSteps }: Evident): boolean =>
  evidence === "shared-weights" || (evidence === "full-training" && trainingSteps === null);
