/** What a command is, and what it gets: one row for commander, and a context made from the global options. */

import { EdgeClient } from "./client.ts";
import { readDevFile } from "./devFile.ts";
import { badInput, CliError, exitCodes } from "./errors.ts";
import { createProgress, type Progress } from "./progress.ts";

export interface GlobalOptions {
  edge?: string;
  token?: string;
  json?: boolean;
}

export interface Context {
  json: boolean;
  progress: Progress;
  /** Aborted by Ctrl-C and the like. */
  signal: AbortSignal;
  /** A result, on stdout: the text, or with --json the value. */
  print(value: unknown, text: string): void;
  /** A remark, on stderr. */
  log(line: string): void;
  /** The edge that the options, the environment or `nasturtium dev` name. @throws CliError when none does */
  client(): EdgeClient;
}

/** One option: commander's flags, what it does, its default, and how its text becomes a value. */
export interface OptionRow {
  flags: string;
  description: string;
  default?: string | number | boolean;
  parse?: (text: string, previous: unknown) => unknown;
  required?: boolean;
}

export interface CommandRow {
  /** Words, e.g. `searches list`. */
  name: string;
  /** Arguments as commander writes them, e.g. `<id> <hash>`. */
  args?: string;
  description: string;
  options?: OptionRow[];
  run(ctx: Context, args: string[], options: Record<string, unknown>): Promise<void>;
}

export function createContext(options: GlobalOptions, signal: AbortSignal): Context {
  const json = options.json === true;
  return {
    json,
    signal,
    progress: createProgress(),
    print(value, text) {
      process.stdout.write(json ? `${JSON.stringify(value, null, 2)}\n` : `${text}\n`);
    },
    log(line) {
      process.stderr.write(`${line}\n`);
    },
    client() {
      const { edge, token } = findEdge(options);
      return new EdgeClient(edge, token, signal);
    },
  };
}

function findEdge(options: GlobalOptions): { edge: string; token: string | undefined } {
  const dev = readDevFile();
  const edge = options.edge ?? process.env.NASTURTIUM_EDGE ?? dev?.edge;
  if (edge === undefined) {
    throw new CliError(
      "No edge is named.",
      "Start one with `nasturtium dev`, or give --edge or NASTURTIUM_EDGE.",
      exitCodes.unreachable,
    );
  }
  if (!/^https?:\/\/[^/]/.test(edge)) {
    throw badInput(`"${edge}" is not the URL of an edge.`, "Give one such as http://127.0.0.1:8787.");
  }
  // The token of the local edge goes to no other.
  const devToken = dev !== undefined && edge.replace(/\/+$/, "") === dev.edge ? dev.token : undefined;
  return { edge, token: options.token ?? process.env.NASTURTIUM_TOKEN ?? devToken };
}

/** Parses a whole number of at least `minimum`. */
export const integer =
  (name: string, minimum: number, maximum = Number.MAX_SAFE_INTEGER) =>
  (text: string): number => {
    const value = Number(text);
    if (text.trim() !== "" && Number.isSafeInteger(value) && value >= minimum && value <= maximum)
      return value;
    const range = maximum === Number.MAX_SAFE_INTEGER ? `at least ${minimum}` : `${minimum} to ${maximum}`;
    throw badInput(`${name} is a whole number, ${range}, not "${text}".`, "See --help.");
  };

/** Parses one of a fixed set of words. */
export const oneOf =
  (name: string, words: readonly string[]) =>
  (text: string): string => {
    if (words.includes(text)) return text;
    throw badInput(`${name} is one of ${words.join(", ")}, not "${text}".`, "See --help.");
  };

/** Collects an option that may be given several times. */
export const repeated = (text: string, previous: unknown): string[] => [
  ...((previous as string[] | undefined) ?? []),
  text,
];
