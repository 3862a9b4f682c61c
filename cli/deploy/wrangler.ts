/** The pinned wrangler in a folder of its own, which only this user can read and which is gone afterwards. */

import { rmSync } from "node:fs";
import path from "node:path";
import { stripVTControlCharacters } from "node:util";
import { rootDir } from "../../setup/node.mjs";
import { temporaryBlame, temporaryFolder, writeTemporary } from "../../setup/temporary.mjs";
import { startChild } from "../children.ts";
import { CliError } from "../errors.ts";

const LIMIT_MS = 600_000;
const TAIL_CHARACTERS = 1500;
export const WRANGLER_DIR = path.join(rootDir, "node_modules", "wrangler");

export interface WranglerRun {
  ok: boolean;
  output: string;
}

export class Workspace {
  readonly folder = temporaryFolder("nasturtium-deploy-");
  readonly #signal: AbortSignal;
  #env: NodeJS.ProcessEnv = {};
  // A second Ctrl-C ends the process without unwinding.
  readonly #onExit = () => rmSync(this.folder, { recursive: true, force: true });

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    process.on("exit", this.#onExit);
  }

  /** Further variables of what wrangler runs with. */
  useEnv(env: Record<string, string>): void {
    this.#env = { ...this.#env, ...env };
  }

  /** @returns the path of a file that only this user can read */
  write(name: string, text: string): string {
    const file = path.join(this.folder, name);
    writeTemporary(file, text, { mode: 0o600 });
    return file;
  }

  /** Runs it to its end. Nothing in `args` is secret: all who list processes can read them. */
  async wrangler(args: readonly string[]): Promise<WranglerRun> {
    const lines: string[] = [];
    const child = startChild(process.execPath, [path.join(WRANGLER_DIR, "bin", "wrangler.js"), ...args], {
      // Not the caller's folder, whose .env wrangler would read.
      cwd: this.folder,
      env: {
        ...process.env,
        CI: "1",
        NO_COLOR: "1",
        FORCE_COLOR: "0",
        WRANGLER_SEND_METRICS: "false",
        WRANGLER_HIDE_BANNER: "true",
        WRANGLER_LOG_PATH: path.join(this.folder, "logs"),
        ...this.#env,
      },
      onLine: (line) => lines.push(stripVTControlCharacters(line)),
    });
    const limit = AbortSignal.any([this.#signal, AbortSignal.timeout(LIMIT_MS)]);
    const stop = () => void child.stop();
    limit.addEventListener("abort", stop, { once: true });
    if (limit.aborted) stop();
    try {
      const code = await child.exited;
      this.#signal.throwIfAborted();
      if (limit.aborted) throw tookTooLong(args);
      return { ok: code === 0, output: lines.join("\n").trim() };
    } finally {
      limit.removeEventListener("abort", stop);
      await child.stop();
    }
  }

  /** Removes the folder. */
  close(): void {
    process.off("exit", this.#onExit);
    this.#onExit();
  }
}

const tookTooLong = (args: readonly string[]): CliError =>
  new CliError(
    `wrangler ${args[0]} did not end within ${LIMIT_MS / 60_000} minutes.`,
    "Run the same command again; it goes on where it stopped.",
  );

/** The end of what wrangler printed, for a failure that is not one of Cloudflare's. */
export const wranglerFailure = (what: string, { output }: WranglerRun): CliError =>
  new CliError(
    `${what} failed. wrangler said: ${output.slice(-TAIL_CHARACTERS) || "nothing"}`,
    temporaryBlame(output) ?? "Run the same command again once that is mended; it goes on where it stopped.",
  );
