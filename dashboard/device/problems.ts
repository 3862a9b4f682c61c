/** All that can keep the page from measuring, one row each: what it says and what there is to do. */

import { EdgeError, EdgeUnreachable } from "../../device/client.ts";

export interface Problem {
  name: ProblemName;
  /** What the edge or the browser says, where that helps. */
  detail: string | null;
}

interface ProblemRow {
  title: string;
  fix: string;
  /** A command for the computer that the fix speaks of. */
  command?: (name: string) => string;
  /** What the page offers: its form, or the same again. */
  offers: "form" | "again";
}

const linkCommand = (name: string) => `nasturtium device --link --name ${name || "phone-lab"}`;

export const problems = {
  "token-missing": {
    title: "Connect this device",
    fix: "On a computer, run this and scan the code that it prints. Or type a name and paste a token of the scope “device”.",
    command: linkCommand,
    offers: "form",
  },
  "token-refused": {
    title: "The token is not accepted",
    fix: "It has expired, was revoked or is mistyped. Get a new link on a computer, or paste another token.",
    command: linkCommand,
    offers: "form",
  },
  "token-scope": {
    title: "The token may not measure",
    fix: "It is valid but has not the scope “device”. Get a link on a computer, or paste another token.",
    command: linkCommand,
    offers: "form",
  },
  "name-taken": {
    title: "Another device has this name",
    fix: "Times of two devices must not be mixed. Choose another name or backend here, or remove the other device on a computer:",
    command: (name) => `nasturtium devices remove ${name}`,
    offers: "form",
  },
  refused: {
    title: "The edge does not accept this",
    fix: "Correct what it names and try again.",
    offers: "form",
  },
  quarantined: {
    title: "The edge has set this device aside",
    fix: "It measures nothing more until somebody looks at it and releases it on a computer:",
    command: (name) => `nasturtium devices release ${name}`,
    offers: "again",
  },
  "versions-differ": {
    title: "Page and edge are of different versions",
    fix: "Reload this page to get the one that belongs to the edge.",
    offers: "again",
  },
  "no-backend": {
    title: "This browser cannot run networks",
    fix: "None of WebGPU, WebGL and WebAssembly works here. Try a current Chrome, Edge, Firefox or Safari.",
    offers: "again",
  },
  "backend-missing": {
    title: "This backend does not work here",
    fix: "Choose another one, or let the page take the fastest that works.",
    offers: "form",
  },
  unexpected: {
    title: "Something went wrong",
    fix: "Try again. If it stays, reload the page.",
    offers: "again",
  },
} as const satisfies Record<string, ProblemRow>;
export type ProblemName = keyof typeof problems;

export const rowOf = (name: ProblemName): ProblemRow => problems[name];

/** A problem that the page itself finds. */
export class PageError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail ?? problem.name);
    this.problem = problem;
  }
}

/** By the type of the edge's answer. */
const edgeProblems: Record<string, ProblemName> = {
  unauthorized: "token-refused",
  forbidden: "token-scope",
  "device-changed": "name-taken",
  "device-quarantined": "quarantined",
  "protocol-mismatch": "versions-differ",
  validation: "refused",
};

export function problemOf(error: unknown): Problem {
  if (error instanceof PageError) return error.problem;
  const detail = error instanceof Error ? error.message : String(error);
  const name = error instanceof EdgeError ? edgeProblems[error.type] : undefined;
  return { name: name ?? "unexpected", detail };
}

/** Whether the same may work by itself later: no connection, an edge that is busy, or a device that was removed there. */
export const isPassing = (error: unknown): boolean =>
  error instanceof EdgeUnreachable || (error instanceof EdgeError && (error.passes || error.status === 404));
