/** Runs the command line as a user does, for tests. */

import { spawn } from "node:child_process";
import path from "node:path";
import { rootDir } from "../setup/node.mjs";

export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** @param options.env added to an environment without any of the command line's own variables */
export function runCli(
  args: readonly string[],
  options: { input?: string; env?: Record<string, string>; cwd?: string } = {},
): Promise<Outcome> {
  const { NASTURTIUM_EDGE: _edge, NASTURTIUM_TOKEN: _token, ...env } = process.env;
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [path.join(rootDir, "cli", "main.ts"), ...args], {
      cwd: options.cwd ?? rootDir,
      env: { ...env, ...options.env },
    });
    const outcome: Outcome = { code: null, stdout: "", stderr: "" };
    child.stdout.on("data", (chunk) => {
      outcome.stdout += chunk;
    });
    child.stderr.on("data", (chunk) => {
      outcome.stderr += chunk;
    });
    child.on("error", reject);
    child.on("close", (code) => resolve({ ...outcome, code }));
    child.stdin.end(options.input ?? "");
  });
}
