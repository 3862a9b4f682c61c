/**
 * Has a program end when this process does, whatever ends it: `kill -9` and crashes leave no time for handlers. A shell of
 * its own waits for the end of a pipe that only this process holds, which every system closes with it.
 */

import { spawn } from "node:child_process";

/** Asks first, and kills what is left after a while. A group that is gone is left alone: its number may be another's. */
const SCRIPT = `read -r line
kill -TERM "$1" || exit 0
waited=0
while [ "$waited" -lt "$2" ]; do
  sleep 1
  kill -0 "$1" || exit 0
  waited=$((waited + 1))
done
kill -KILL "$1"`;

/**
 * @param {number | undefined} target a process, or negative a process group; undefined where none was started
 * @param {number} graceSeconds how long it may take to end by itself once it was asked to
 * @returns {() => void} to be called when it has ended
 */
export function guard(target, graceSeconds) {
  if (target === undefined || process.platform === "win32") return () => {};
  const watcher = spawn("/bin/sh", ["-c", SCRIPT, "guard", String(target), String(graceSeconds)], {
    cwd: "/",
    detached: true, // Ctrl-C in the terminal is not for it
    stdio: ["pipe", "ignore", "ignore"],
  });
  watcher.on("error", () => {}); // without a shell there is no guard
  watcher.unref();
  /** @type {import("node:net").Socket} */ (watcher.stdin).unref();
  return () => {
    watcher.kill("SIGKILL");
  };
}
