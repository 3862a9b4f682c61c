/** `nasturtium runner`: this machine trains for an edge. */

import { hostname } from "node:os";
import { fileURLToPath } from "node:url";
import type { EdgeError } from "../../gpu-runner/edgeClient.ts";
import { type CommandRow, type Context, integer, oneOf } from "../command.ts";
import { badInput, CliError, type ExitCode, exitCodes, reasonOf } from "../errors.ts";

const CLI = fileURLToPath(new URL("../main.ts", import.meta.url));
const MOST_WORKERS = 64;
const BACKENDS = ["tensorflow", "wasm"] as const;

export const runner: CommandRow = {
  name: "runner",
  description: "train on this machine for the edge",
  options: [
    {
      flags: "--name <name>",
      description: "what the edge calls this runner (default: NASTURTIUM_NAME, else the machine's name)",
    },
    { flags: "--data <folder>", description: "folder with the data set's official files" },
    {
      flags: "--backend <name>",
      description: "tensorflow or wasm (default: TensorFlow where it is ready)",
      parse: oneOf("--backend", BACKENDS),
    },
    { flags: "--until-idle", description: "end when there is nothing to do" },
    {
      flags: "--search <id>",
      description: "work for this search only (default: NASTURTIUM_SEARCH, else any)",
    },
    {
      flags: "--checkpoint-seconds <n>",
      description: "time between two checkpoints (default: 60)",
      parse: integer("--checkpoint-seconds", 0),
    },
    {
      flags: "--workers <n>",
      description:
        "runners side by side, each a process: a number, or auto for one per GPU, else per 4 cores",
      parse: (text) => (text === "auto" ? text : integer("--workers", 1, MOST_WORKERS)(text)),
    },
    { flags: "--self-test", description: "train a few steps first, and take no work if that fails" },
  ],
  async run(ctx, _args, options) {
    const { edge, token } = ctx.client();
    if (token === undefined) {
      throw badInput(
        "A runner needs a token.",
        "Create one: `nasturtium tokens create --scope runner --name NAME`.",
      );
    }
    const backend = (options.backend ??
      process.env.NASTURTIUM_BACKEND ??
      "tensorflow") as (typeof BACKENDS)[number];
    const name = (options.name as string | undefined) || process.env.NASTURTIUM_NAME || hostname();
    await onMachine(ctx, { edge, token }, (machine) =>
      options.workers === undefined
        ? runOne({ ...ctx, ...machine }, { edge, token, name, backend }, options)
        : runSideBySide({ ...ctx, ...machine }, { edge, token, name, backend }, options),
    );
  },
};

const keptLines = 60;
const longestLog = 8000;
const longestMessage = 1000;

/** What a machine gives the work on it. */
type OnMachine = Pick<Context, "signal" | "log"> & { heard?: (() => void) | undefined };

/** A rented machine is watched, tells why it cannot be worked on, and is given back when the work ends. */
async function onMachine(
  ctx: Context,
  { edge, token }: Pick<Identity, "edge" | "token">,
  work: (machine: OnMachine) => Promise<void>,
): Promise<void> {
  const { giveMachineBack, lifetimeOf, watch } = await import("../../gpu-runner/rented.ts");
  const lifetimeSeconds = lifetimeOf(process.env);
  if (lifetimeSeconds === null) return work(ctx);
  const lines: string[] = [];
  const log = (line: string) => {
    lines.push(line);
    if (lines.length > keptLines) lines.shift();
    ctx.log(line);
  };
  const watched = watch(lifetimeSeconds, log);
  try {
    await work({ signal: AbortSignal.any([ctx.signal, watched.signal]), log, heard: watched.heard });
  } catch (error) {
    const { EdgeClient } = await import("../../gpu-runner/edgeClient.ts");
    const message = reasonOf(error).slice(0, longestMessage) || "unknown";
    const told = { message, log: lines.join("\n").slice(-longestLog) };
    await new EdgeClient({ edge, token }).machineFailed(told).catch(() => {});
    throw error;
  } finally {
    watched.stop();
    await giveMachineBack(process.env, log);
  }
}

async function runOne(
  ctx: Context & OnMachine,
  { edge, token, name, backend }: Identity,
  options: Record<string, unknown>,
): Promise<void> {
  if (options.selfTest === true) {
    const { describeSelfTest, runSelfTest, wantsGpu } = await import("../../gpu-runner/selfTest.ts");
    const result = await runSelfTest({ backend, needsGpu: wantsGpu(), signal: ctx.signal });
    ctx.log(`Self-test passed: ${describeSelfTest(result)}.`);
  }
  const { runRunner } = await import("../../gpu-runner/main.ts");
  const edgeClient = await import("../../gpu-runner/edgeClient.ts");
  await runRunner({
    edge,
    token,
    name,
    backend,
    untilIdle: options.untilIdle === true,
    searchId: (options.search as string | undefined) || process.env.NASTURTIUM_SEARCH || undefined,
    dataFolder: options.data as string | undefined,
    checkpointSeconds: options.checkpointSeconds as number | undefined,
    log: ctx.log,
    onAnswer: ctx.heard,
    signal: ctx.signal,
  }).catch((error: unknown) => {
    throw error instanceof edgeClient.EdgeError ? new CliError(error.message, "", exitCodeOf(error)) : error;
  });
  ctx.print({ done: true }, "The runner has ended.");
}

/** Of a runner that the edge refused. */
function exitCodeOf({ status, isProtocolMismatch }: EdgeError): ExitCode {
  if (isProtocolMismatch) return exitCodes.protocolMismatch;
  return status === 401 || status === 403 ? exitCodes.unauthorised : exitCodes.failed;
}

/** With these a new start would end the same way. */
const finalCodes: readonly ExitCode[] = [
  exitCodes.badInput,
  exitCodes.unauthorised,
  exitCodes.protocolMismatch,
];

interface Identity {
  edge: string;
  token: string;
  name: string;
  backend: (typeof BACKENDS)[number];
}

/** Options that each worker gets as they were given. */
const passedOn = {
  data: "--data",
  selfTest: "--self-test",
  untilIdle: "--until-idle",
  search: "--search",
  checkpointSeconds: "--checkpoint-seconds",
};

async function runSideBySide(
  ctx: Context,
  { edge, token, name, backend }: Identity,
  options: Record<string, unknown>,
): Promise<void> {
  const { planWorkers, runWorkers, thisMachine, WorkerDown } = await import("../../gpu-runner/workers.ts");
  const { requireThreads, runnerThreads, startThreads } = await import("../../gpu-runner/limits/threads.ts");
  const workers = planWorkers(options.workers as "auto" | number, thisMachine());
  const threads = workers.map((worker) => startThreads + runnerThreads({ ...process.env, ...worker }));
  if (backend === "tensorflow")
    requireThreads(
      `${workers.length} workers`,
      threads.reduce((sum, count) => sum + count, 0),
    );
  const rest = Object.entries(passedOn).flatMap(([key, flag]) => {
    const value = options[key];
    if (value === undefined) return [];
    return value === true ? [flag] : [flag, String(value)];
  });
  ctx.log(`${workers.length} ${workers.length === 1 ? "worker" : "workers"}.`);
  await runWorkers({
    workers,
    command: process.execPath,
    args: (index) => [CLI, "runner", "--name", `${name}-${index + 1}`, ...rest],
    // A token in the arguments could be read by all who list processes.
    env: {
      ...process.env,
      NASTURTIUM_EDGE: edge,
      NASTURTIUM_TOKEN: token,
      NASTURTIUM_BACKEND: backend,
      NASTURTIUM_LIFETIME_SECONDS: "",
    },
    log: ctx.log,
    signal: ctx.signal,
    isFinal: (code) => finalCodes.some((final) => final === code),
  }).catch((error: unknown) => {
    const code = error instanceof WorkerDown && finalCodes.find((final) => final === error.code);
    throw code ? new CliError((error as Error).message, "Its last lines say why.", code) : error;
  });
  ctx.print({ done: true, workers: workers.length }, "The runners have ended.");
}
