/** Why something could not be had, as people are told: each kind has a title and a way on. */

export interface FieldProblem {
  pointer: string;
  detail: string;
}

interface ProblemFields {
  status: number;
  /** Last part of the type, such as `not-found`. */
  type: string;
  title: string;
  detail: string;
  errors?: FieldProblem[] | undefined;
  requestId?: string | undefined;
  retryAfterSeconds?: number | undefined;
}

/** The edge's answer was a problem (RFC 9457), or something else that is no success. */
export class ApiProblem extends Error {
  readonly status: number;
  readonly type: string;
  readonly title: string;
  readonly errors: readonly FieldProblem[];
  readonly requestId: string | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor({ detail, ...fields }: ProblemFields) {
    super(detail);
    this.name = "ApiProblem";
    this.status = fields.status;
    this.type = fields.type;
    this.title = fields.title;
    this.errors = fields.errors ?? [];
    this.requestId = fields.requestId;
    this.retryAfterSeconds = fields.retryAfterSeconds;
  }
}

/** No answer came. */
export class Unreachable extends Error {
  constructor() {
    super("The edge does not answer.");
    this.name = "Unreachable";
  }
}

export async function problemOf(response: Response): Promise<ApiProblem> {
  const { status } = response;
  const after = Number(response.headers.get("retry-after") ?? Number.NaN);
  const retryAfterSeconds = Number.isFinite(after) ? after : undefined;
  const text = await response.text().catch(() => "");
  try {
    const body = JSON.parse(text) as Partial<ProblemFields>;
    return new ApiProblem({
      status,
      type:
        String(body.type ?? "")
          .split("/")
          .at(-1) ?? "",
      title: String(body.title ?? `The edge answered ${status}`),
      detail: String(body.detail ?? ""),
      errors: Array.isArray(body.errors) ? body.errors : undefined,
      requestId: body.requestId,
      retryAfterSeconds,
    });
  } catch {
    const detail = text.slice(0, 200);
    return new ApiProblem({
      status,
      type: "",
      title: `The edge answered ${status}`,
      detail,
      retryAfterSeconds,
    });
  }
}

const problemKinds = [
  "token-missing",
  "token-refused",
  "forbidden",
  "not-found",
  "unreachable",
  "rate-limited",
  "refused",
  "unexpected",
] as const;
export type ProblemKind = (typeof problemKinds)[number];

const kinds: Record<number, ProblemKind> = { 403: "forbidden", 404: "not-found", 429: "rate-limited" };

export function kindOf(error: unknown, hasToken: boolean): ProblemKind {
  if (error instanceof Unreachable) return "unreachable";
  if (!(error instanceof ApiProblem)) return "unexpected";
  if (error.status === 401) return hasToken ? "token-refused" : "token-missing";
  const known = kinds[error.status];
  if (known !== undefined) return known;
  return error.status >= 400 && error.status < 500 ? "refused" : "unexpected";
}

/** Whether the same may work by itself later. */
export const passes = (error: unknown): boolean =>
  error instanceof Unreachable ||
  (error instanceof ApiProblem && (error.status === 429 || error.status >= 500));

/** In one line, for a toast. */
export function lineOf(error: unknown): string {
  if (error instanceof ApiProblem) {
    if (error.status === 412)
      return "It was changed by somebody else meanwhile. Look at it, and repeat your change.";
    return error.message || error.title;
  }
  return error instanceof Error ? error.message : String(error);
}
