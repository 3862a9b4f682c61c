/** Failures of training that are no accident of the machine, and how an exhausted memory is recognised. */

import type { FailureCause } from "../shared/protocol.ts";

/** A task cannot be done, and why is known well enough to say where. */
export class TrainingFailure extends Error {
  readonly failure: FailureCause;

  constructor(message: string, failure: FailureCause) {
    super(message);
    this.name = "TrainingFailure";
    this.failure = failure;
  }
}

/** Memory would not suffice for what was to be begun; the message says how much is needed and there. */
export class NotEnoughMemory extends Error {
  constructor(message: string) {
    super(message);
    this.name = "NotEnoughMemory";
  }
}

/** Of an error, what an event of exhausted memory tells beside where it was. */
export const whyExhausted = (err: unknown): { reason?: string } =>
  err instanceof NotEnoughMemory ? { reason: err.message } : {};

/** What TensorFlow, CUDA, WebAssembly and V8 say when they get no more memory. */
const exhausted = [
  /resource[ _]exhausted/i,
  /OOM when allocating/i,
  /out of memory/i,
  /CUDA_ERROR_OUT_OF_MEMORY|CUDNN_STATUS_ALLOC_FAILED|CUBLAS_STATUS_ALLOC_FAILED/,
  /failed to allocate (?:memory|\d+ bytes)/i,
  /cannot enlarge memory|could not allocate memory/i,
  /array buffer allocation failed|invalid typed array length/i,
  // A WebAssembly kernel that got no memory writes to address 0 and beyond.
  /memory access out of bounds/i,
];

export function isOutOfMemory(err: unknown): boolean {
  if (!(err instanceof Error)) return false;
  return (
    err instanceof NotEnoughMemory ||
    exhausted.some((pattern) => pattern.test(err.message)) ||
    isOutOfMemory(err.cause)
  );
}
