/** Puts a cloud's faults in front of what a fake does: each fake says how its provider words them. */

import type { FakeCloud, Operation } from "./cloud.ts";

/** How a provider words each fault. */
export interface FaultAnswers {
  error(): Response;
  /** After a launch that was done; as `error` where it is absent. */
  errorAfterwards?(): Response;
  rate(retryAfterSeconds: number | null): Response;
  capacity(): Response;
  balance(): Response;
  auth(): Response;
  invalid?(): Response;
  /** As `capacity` where it is absent: it is always told. */
  unclear?(): Response;
}

/**
 * Does what was asked for, or what the fault that is due says.
 *
 * @throws where the connection breaks
 */
export function withFaults(
  cloud: FakeCloud,
  operation: Operation,
  answers: FaultAnswers,
  act: () => Response,
): Response {
  const fault = cloud.meet(operation);
  if (fault === undefined) return act();
  switch (fault.kind) {
    case "error":
      return answers.error();
    case "errorAfterwards":
      act();
      return (answers.errorAfterwards ?? answers.error)();
    case "rate":
      return answers.rate(fault.retryAfterSeconds);
    case "malformed":
      return new Response('{"data": [{"id', { status: act().status === 201 ? 201 : 200 });
    case "broken":
      if (operation === "launch") act();
      throw new Error("the connection breaks");
    case "invalid":
      return (answers.invalid ?? answers.error)();
    case "unclear":
      return (answers.unclear ?? answers.capacity)();
    default:
      return answers[fault.kind]();
  }
}
