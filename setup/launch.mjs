/**
 * Starts a part of the project on a machine that may have nothing but an old Node: installs the packages,
 * makes TensorFlow ready where it is needed, and runs the target under the right Node. Says nothing when
 * everything is ready, and never writes to stdout, which belongs to the target.
 *
 *     node setup/launch.mjs [--tensorflow] SCRIPT ARGS...    a file of this checkout
 *     node setup/launch.mjs [--tensorflow] @BIN ARGS...      a program of an npm package, such as @vitest
 */

import { spawn } from "node:child_process";
import { realpathSync } from "node:fs";
import { constants } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { guard } from "./guard.mjs";
import { resolveNode, rootDir } from "./node.mjs";
import { ensurePackages } from "./packages.mjs";
import { log, SetupError } from "./progress.mjs";
import { ensureTensorFlow } from "./tensorflow.mjs";

const CLI = "cli/main.ts";
/** How long the target may take to end when this process is gone: a runner stores a checkpoint first. */
const ORPHAN_SECONDS = 120;

/** The commands of the CLI that train; the others start without TensorFlow. */
const TENSORFLOW_COMMANDS = new Set(["demo", "doctor", "runner", "train"]);

/**
 * Prepares the machine, runs the target and ends this process the way the target ended: with its exit code,
 * or 128 plus the number of the signal.
 *
 * @param {string[]} argv as after `node setup/launch.mjs`
 */
export async function launch(argv) {
  try {
    const wantsTensorFlow = argv[0] === "--tensorflow";
    const [target, ...args] = wantsTensorFlow ? argv.slice(1) : argv;
    if (target === undefined) {
      throw new SetupError(
        "Nothing to launch.",
        "Use: node setup/launch.mjs [--tensorflow] SCRIPT|@BIN ARGS...",
      );
    }
    await ensurePackages();
    const node = resolveNode();
    const env = { ...process.env, PATH: `${path.dirname(node)}${path.delimiter}${process.env.PATH ?? ""}` };
    if (wantsTensorFlow || needsTensorFlow(target, args)) {
      const { backend } = await ensureTensorFlow();
      env.NASTURTIUM_BACKEND = backend;
      // Read when a process starts. With an arena for each thread, 200 MB that a training step does not use stay taken.
      env.GLIBC_TUNABLES ??= "glibc.malloc.arena_max=1";
    }
    process.exitCode = await run(node, [resolveTarget(target), ...args], env);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    log(error.message);
    log(error.fix);
    process.exitCode = 1;
  }
}

/**
 * @param {string} target
 * @param {string[]} args
 */
export function needsTensorFlow(target, args) {
  const command = args.find((arg) => !arg.startsWith("-"));
  const asksForHelp = args.includes("--help") || args.includes("-h");
  const needs =
    command === "device"
      ? args.some((arg) => /^(--backend=)?tensorflow$/.test(arg)) // it has other backends, too
      : command !== undefined && TENSORFLOW_COMMANDS.has(command);
  return target === CLI && needs && !asksForHelp;
}

/**
 * @param {string} target
 * @returns {string} the file to run
 */
function resolveTarget(target) {
  const file = target.startsWith("@") ? path.join("node_modules", ".bin", target.slice(1)) : target;
  try {
    return realpathSync(path.resolve(rootDir, file));
  } catch {
    throw new SetupError(
      `${file} does not exist.`,
      `Give a file of ${rootDir} or @ and the name of an npm program.`,
    );
  }
}

/**
 * What is said of a process that could not say anything itself.
 *
 * @param {"SIGKILL" | "SIGABRT"} signal
 */
const suddenEnd = (signal) =>
  `The process was ended by ${signal}. Where memory ran out that is how: a runner that is started again takes smaller batches then, and says why.`;

/**
 * @param {string} node
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<number>} the exit code
 */
function run(node, args, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(node, args, { stdio: "inherit", env });
    const release = guard(child.pid, ORPHAN_SECONDS);
    const onTerminal = process.stdin.isTTY || process.stderr.isTTY;
    for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) {
      process.on(signal, () => {
        // Ctrl-C reaches the child from the terminal itself; a second one would tell it to stop at once.
        if (signal !== "SIGINT" || !onTerminal) child.kill(signal);
      });
    }
    child.on("error", (error) => {
      reject(new SetupError(`${node} could not be started: ${error.message}`, "Run `npm ci` and try again."));
    });
    child.on("exit", (code, signal) => {
      if (signal === "SIGKILL" || signal === "SIGABRT") log(suddenEnd(signal));
      release();
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  await launch(process.argv.slice(2));
}
