/**
 * Programs that end when this one does, even by `kill -9`. Each runs in a process group of its own, so that what it starts
 * in turn (workerd under wrangler) ends with it, and so that Ctrl-C in the terminal reaches us only.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";
import { guard } from "../setup/guard.mjs";

/** How long a child may take to end by itself before its group is killed. */
const STOP_SECONDS = 8;
/** How long the output of a killed group is waited for: what has left the group may keep it open. */
const CLOSE_SECONDS = 2;
const TAIL_LINES = 12;

export interface Child {
  process: ChildProcess;
  /** Settles with the exit code when the child and all that shares its output have ended; null for a signal. */
  exited: Promise<number | null>;
  /** The last lines that it printed. */
  tail(): string;
  /** Ends the child and all it started, and waits for it. */
  stop(): Promise<void>;
}

const running = new Set<number>();

process.on("exit", () => {
  for (const groupId of running) signalGroup(groupId, "SIGKILL");
});

/** @param options.onLine receives each line of stdout and stderr */
export function startChild(
  command: string,
  args: readonly string[],
  options: { cwd: string; env: NodeJS.ProcessEnv; onLine?: (line: string) => void },
): Child {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: options.env,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const groupId = child.pid;
  if (groupId !== undefined) running.add(groupId);
  const release = guard(groupId === undefined ? undefined : -groupId, STOP_SECONDS);
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    let rest = "";
    stream.setEncoding("utf8");
    stream.on("data", (chunk: string) => {
      const parts = (rest + chunk).split("\n");
      rest = parts.pop() ?? "";
      for (const line of parts) {
        if (lines.push(line) > TAIL_LINES) lines.shift();
        options.onLine?.(line);
      }
    });
  }
  const exited = new Promise<number | null>((resolve) => {
    child.on("error", (error) => {
      lines.push(error.message);
      resolve(1);
    });
    child.on("close", (code) => resolve(code));
  });
  void exited.then(() => {
    // What has closed its output and still runs.
    if (groupId !== undefined && running.delete(groupId)) signalGroup(groupId, "SIGKILL");
    release();
  });
  return {
    process: child,
    exited,
    tail: () => lines.filter((line) => line.trim() !== "").join("\n"),
    stop: () => stopGroup(groupId, exited),
  };
}

async function stopGroup(groupId: number | undefined, exited: Promise<unknown>): Promise<void> {
  if (groupId === undefined || !running.has(groupId)) return;
  signalGroup(groupId, "SIGTERM");
  await within(STOP_SECONDS, exited);
  if (running.has(groupId)) signalGroup(groupId, "SIGKILL");
  await within(CLOSE_SECONDS, exited);
}

async function within(seconds: number, work: Promise<unknown>): Promise<void> {
  const ended = new AbortController();
  const limit = pause(1000 * seconds, undefined, { signal: ended.signal }).catch(() => {});
  await Promise.race([work, limit]);
  ended.abort();
}

function signalGroup(groupId: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-groupId, signal);
  } catch {
    // nothing of it is left
  }
}
