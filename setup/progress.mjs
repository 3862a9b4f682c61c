/**
 * What the set-up says while it works. Everything goes to stderr, so that the output of the command that is
 * being prepared stays clean: a line that is rewritten on a terminal, plain lines elsewhere.
 */

import { spawn } from "node:child_process";
import { temporaryBlame } from "./temporary.mjs";

const SPINNER_INTERVAL_MS = 120;
const SPINNER_FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
/** Long enough not to fill a CI log, short enough that a silent minute never looks like a hang. */
const PLAIN_INTERVAL_MS = 15_000;
const OUTPUT_TAIL_LINES = 12;

/** A failure of the set-up with the thing to do about it. */
export class SetupError extends Error {
  /**
   * @param {string} message what is wrong
   * @param {string} fix what to do next
   */
  constructor(message, fix) {
    super(message);
    this.name = "SetupError";
    this.fix = fix;
  }
}

/** Why native TensorFlow cannot be had here; never leaves the set-up, which goes on without it. */
export class Unavailable extends Error {}

/** @param {string} line */
export function log(line) {
  process.stderr.write(`nasturtium: ${line}\n`);
}

/**
 * Runs one step and says how long it takes.
 *
 * @template T
 * @param {string} label what the step does, e.g. "Installing npm packages"
 * @param {() => Promise<T>} work
 * @param {(line: string) => void} [say] where finished lines go
 * @returns {Promise<T>} what `work` returns; its error passes through
 */
export async function step(label, work, say = log) {
  const startMs = performance.now();
  const elapsed = () => `${Math.round((performance.now() - startMs) / 1000)} s`;
  const terminal = process.stderr.isTTY === true;
  let frame = 0;
  const draw = () => {
    frame = (frame + 1) % SPINNER_FRAMES.length;
    process.stderr.write(`\r\x1b[K${SPINNER_FRAMES[frame]} ${label} (${elapsed()})`);
  };
  if (!terminal) say(`${label} ...`);
  const timer = setInterval(
    terminal ? draw : () => say(`${label}: still working (${elapsed()})`),
    terminal ? SPINNER_INTERVAL_MS : PLAIN_INTERVAL_MS,
  );
  let outcome = "failed after";
  try {
    const result = await work();
    outcome = "done in";
    return result;
  } finally {
    clearInterval(timer);
    if (terminal) process.stderr.write("\r\x1b[K");
    say(`${label}: ${outcome} ${elapsed()}`);
  }
}

/**
 * Runs a program and keeps what it prints.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {import("node:child_process").SpawnOptions & { input?: string }} [options]
 * @returns {Promise<{ ok: boolean, output: string }>} `ok` is false for a non-zero exit and for a program
 *   that cannot be started; `output` is stdout and stderr together
 */
export function capture(command, args, { input, ...options } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { ...options, stdio: ["pipe", "pipe", "pipe"] });
    let output = "";
    const keep = (/** @type {Buffer} */ chunk) => {
      output += chunk;
    };
    child.stdout?.on("data", keep);
    child.stderr?.on("data", keep);
    child.on("error", (error) => resolve({ ok: false, output: error.message }));
    child.on("close", (code) => {
      const blame = code === 0 ? undefined : temporaryBlame(output, options.env?.TMPDIR);
      resolve({ ok: code === 0, output: blame === undefined ? output : `${output.trimEnd()}\n${blame}\n` });
    });
    child.stdin?.on("error", () => {}); // a program that ends before it reads its input has its own message
    child.stdin?.end(input);
  });
}

/**
 * The end of a program's output, which is where the cause stands.
 *
 * @param {string} output
 * @returns {string}
 */
export function tail(output) {
  return output.trim().split("\n").slice(-OUTPUT_TAIL_LINES).join("\n");
}
