/** The real Worker in workerd with a local D1 and R2, as a child of this process. */

import { mkdirSync } from "node:fs";
import { createServer } from "node:net";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { ensureDashboard } from "../setup/dashboard.mjs";
import { rootDir } from "../setup/node.mjs";
import { temporaryBlame } from "../setup/temporary.mjs";
import { type Child, startChild } from "./children.ts";
import { CliError, reasonOf } from "./errors.ts";

const READY_LIMIT_MS = 120_000;
const MIGRATION_LIMIT_MS = 120_000;
const PORT_LIMIT_MS = 5000;
const PORT_POLL_MS = 250;
const SCHEDULE_MS = 60_000;
const WRANGLER = path.join(rootDir, "node_modules", "wrangler", "bin", "wrangler.js");
const ADDRESS = "127.0.0.1";

export interface LocalEdge {
  url: string;
  token: string;
  /** Settles when the edge has ended by itself or was stopped. */
  exited: Promise<number | null>;
  tail(): string;
  stop(): Promise<void>;
}

export interface LocalEdgeOptions {
  /** Folder of the database and the bucket; kept between starts. */
  stateDir: string;
  /** The first admin token. */
  token: string;
  /** 0 takes a free one. */
  port: number;
  signal: AbortSignal;
  /** Further variables of its environment. */
  vars?: Record<string, string>;
  /** Folder of the Worker's sources; without it this checkout. */
  root?: string;
  onLine?: ((line: string) => void) | undefined;
}

/**
 * Applies the migrations, starts the Worker and waits until it answers.
 *
 * @throws CliError when the port is taken, or with the end of wrangler's output when it does not start
 */
export async function startLocalEdge(options: LocalEdgeOptions): Promise<LocalEdge> {
  await assertFree(options);
  mkdirSync(options.stateDir, { recursive: true });
  await ensureDashboard();
  await migrate(options);
  let ready: (url: string) => void = () => {};
  const url = new Promise<string>((resolve) => {
    ready = resolve;
  });
  const child = wrangler(
    options,
    [
      ...["dev", "--local", "--ip", ADDRESS, "--port", String(options.port), "--inspector-port", "0"],
      "--show-interactive-dev-session=false",
      ...Object.entries({ NASTURTIUM_ADMIN_TOKEN: options.token, ...options.vars }).flatMap(
        ([name, value]) => ["--var", `${name}:${value}`],
      ),
    ],
    (line) => {
      const match = /Ready on (https?:\/\/\S+)/.exec(line);
      if (match?.[1] !== undefined) ready(match[1]);
      options.onLine?.(line);
    },
  );
  try {
    const outcome = await within(READY_LIMIT_MS, options.signal, Promise.race([url, child.exited]));
    if (typeof outcome !== "string") throw failure("The local edge did not start", child);
    // wrangler runs no schedule by itself.
    const schedule = setInterval(() => void runSchedule(outcome).catch(() => {}), SCHEDULE_MS);
    void child.exited.then(() => clearInterval(schedule));
    return {
      url: outcome,
      token: options.token,
      exited: child.exited,
      tail: child.tail,
      stop: child.stop,
    };
  } catch (error) {
    await child.stop();
    throw error;
  }
}

/** Has the Worker do what it does every minute. Rejects where it fails. */
export async function runSchedule(edge: string): Promise<void> {
  const response = await fetch(`${edge}/cdn-cgi/local/scheduled?cron=*+*+*+*+*`);
  const text = await response.text();
  if (!response.ok) throw new Error(`The schedule answered ${response.status}: ${text}`);
}

/** Waits until the signal. @throws CliError when the edge ends before */
export async function serveUntil(signal: AbortSignal, edge: LocalEdge): Promise<void> {
  const stopped = new Promise<"stopped">((resolve) => {
    if (signal.aborted) resolve("stopped");
    signal.addEventListener("abort", () => resolve("stopped"), { once: true });
  });
  if ((await Promise.race([edge.exited, stopped])) === "stopped") return;
  const blame = temporaryBlame(edge.tail());
  if (blame !== undefined) throw new CliError("The edge ended by itself.", blame);
  throw new CliError(`The edge ended by itself. wrangler said: ${edge.tail()}`, "Start it again.");
}

/** wrangler says so only after the database is migrated, and not always. */
async function assertFree({ port, signal }: LocalEdgeOptions): Promise<void> {
  // What a killed edge leaves needs a moment to end.
  for (const until = Date.now() + PORT_LIMIT_MS; ; ) {
    const refused = await listens(port);
    if (refused === undefined) return;
    if (Date.now() > until)
      throw new CliError(
        `Port ${port} of ${ADDRESS} cannot be used: ${reasonOf(refused)}.`,
        "End what listens there, or give another port; 0 takes a free one.",
      );
    await pause(PORT_POLL_MS, undefined, { signal });
  }
}

/** @returns why nothing can listen there; undefined where it can */
async function listens(port: number): Promise<unknown> {
  const server = createServer();
  const refused = await new Promise<unknown>((resolve) => {
    server.once("error", resolve);
    server.listen(port, ADDRESS, () => resolve(undefined));
  });
  if (refused === undefined) await new Promise((resolve) => server.close(resolve));
  return refused;
}

async function migrate(options: LocalEdgeOptions): Promise<void> {
  const child = wrangler(options, ["d1", "migrations", "apply", "DB", "--local"], options.onLine);
  try {
    const code = await within(MIGRATION_LIMIT_MS, options.signal, child.exited);
    if (code !== 0) throw failure("The database of the local edge could not be migrated", child);
  } finally {
    await child.stop();
  }
}

function wrangler(options: LocalEdgeOptions, args: string[], onLine?: (line: string) => void): Child {
  const env = {
    ...process.env,
    CI: "1",
    CLOUDFLARE_CF_FETCH_ENABLED: "false",
    WRANGLER_SEND_METRICS: "false",
    WRANGLER_LOG_PATH: path.join(options.stateDir, "logs"),
  };
  const config = path.join(options.root ?? rootDir, "wrangler.toml");
  const common = ["--config", config, "--persist-to", options.stateDir];
  return startChild(process.execPath, [WRANGLER, ...args, ...common], {
    cwd: rootDir,
    env,
    ...(onLine === undefined ? {} : { onLine }),
  });
}

function failure(what: string, child: Child): CliError {
  const blame = temporaryBlame(child.tail());
  if (blame !== undefined) return new CliError(`${what}.`, blame);
  return new CliError(`${what}. wrangler said: ${child.tail() || "nothing"}`, "Run `nasturtium doctor`.");
}

/** Waits for `work`, at most so long and only until the signal. */
async function within<T>(limitMs: number, signal: AbortSignal, work: Promise<T>): Promise<T> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
  let onAbort = () => {};
  const stopped = new Promise<never>((_, reject) => {
    onAbort = () =>
      reject(
        signal.aborted
          ? signal.reason
          : new CliError(
              `The local edge was not ready after ${limitMs / 1000} s.`,
              "Try again on a machine with less load.",
            ),
      );
    if (limit.aborted) onAbort();
    else limit.addEventListener("abort", onAbort, { once: true });
  });
  try {
    return await Promise.race([work, stopped]);
  } finally {
    limit.removeEventListener("abort", onAbort);
  }
}
