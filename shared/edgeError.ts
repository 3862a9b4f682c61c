/** How an edge refuses what it is asked over HTTP, and what is thrown where it cannot be reached. */

/** The edge refused a request: an RFC 9457 problem, or whatever it answered. */
export class EdgeError extends Error {
  readonly status: number;
  /** Last part of the problem's type, such as `lease-lost`. */
  readonly type: string;

  constructor(status: number, type: string, detail: string) {
    super(detail);
    this.name = "EdgeError";
    this.status = status;
    this.type = type;
  }

  get isLeaseLost(): boolean {
    return this.status === 409 && this.type === "lease-lost";
  }

  /** The edge comes from a version that this side cannot work with. */
  get isProtocolMismatch(): boolean {
    return this.type === "protocol-mismatch";
  }

  /** Whether the same request may succeed later. */
  get passes(): boolean {
    return this.status === 429 || this.status >= 500;
  }
}

/** The edge cannot be reached, and the time for trying is over. */
export class EdgeUnreachable extends Error {
  constructor(edge: string, reason: string) {
    super(`${edge} does not answer: ${reason}`);
    this.name = "EdgeUnreachable";
  }
}

/** @param text the body of a response that is no success */
export function edgeErrorOf(status: number, text: string): EdgeError {
  try {
    const problem = JSON.parse(text) as { type?: string; title?: string; detail?: string };
    const type = (problem.type ?? "").split(/[/#:]/).at(-1) ?? "";
    return new EdgeError(status, type, problem.detail ?? problem.title ?? `HTTP ${status}`);
  } catch {
    return new EdgeError(status, "", `HTTP ${status}: ${text.slice(0, 200)}`);
  }
}

/** Why a `fetch` failed: it says only that it did, the reason is beneath. */
export function innermostMessage(err: unknown): string {
  if (!(err instanceof Error)) return String(err);
  return err.cause instanceof Error ? err.cause.message : err.message;
}
