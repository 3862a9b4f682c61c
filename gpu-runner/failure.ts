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
  return exhausted.some((pattern) => pattern.test(err.message)) || isOutOfMemory(err.cause);
}
