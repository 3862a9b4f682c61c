/** `nasturtium dev`: the whole edge on this machine, until Ctrl-C. */

import { randomBytes } from "node:crypto";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type CommandRow, type Context, integer } from "../command.ts";
import { dashboardLink } from "../dashboardLink.ts";
import { type DevFile, devFolder, readDevFile, writeDevFile } from "../devFile.ts";
import { CliError } from "../errors.ts";
import { serveUntil, startLocalEdge } from "../localEdge.ts";

const DEFAULT_PORT = 8787;
const ANSWER_MS = 2000;
/** Longer than what is left of an edge takes to end when its `dev` was killed. */
const LEFTOVER_MS = 15_000;
const POLL_MS = 500;

export const dev: CommandRow = {
  name: "dev",
  description: "run the edge on this machine with a local database and bucket",
  options: [
    {
      flags: "--port <n>",
      description: "port; 0 takes a free one",
      default: DEFAULT_PORT,
      parse: integer("--port", 0, 65535),
    },
  ],
  async run(ctx, _args, options) {
    // The database outlives the edge, and its first token with it.
    const before = readDevFile();
    const token = before?.token ?? newToken();
    if (before !== undefined) await assertEnded(before, ctx);
    ctx.log("Starting the edge ...");
    const edge = await startLocalEdge({
      stateDir: path.join(devFolder(), "state"),
      token,
      port: options.port as number,
      signal: ctx.signal,
    });
    try {
      writeDevFile({ edge: edge.url, token, processId: process.pid });
      ctx.print(
        {
          edge: edge.url,
          dashboard: edge.url,
          docs: `${edge.url}/docs`,
          tokenFile: path.join(devFolder(), "dev.json"),
        },
        [
          `Edge       ${edge.url}`,
          `Dashboard  ${dashboardLink(edge.url, "/searches", token)}`,
          `API docs   ${edge.url}/docs`,
          `Token      in .nasturtium/dev.json; the commands in this folder find it`,
          "",
          "In another terminal `nasturtium runner`, which trains; then start a search on the dashboard or with `nasturtium search SPEC.yaml`. Ctrl-C ends the edge.",
        ].join("\n"),
      );
      await serveUntil(ctx.signal, edge);
    } finally {
      await edge.stop();
    }
  },
};

/**
 * Two edges on one state would write over each other. What a killed `dev` leaves ends within seconds.
 *
 * @throws CliError where the edge of this folder still runs
 */
async function assertEnded({ edge, token, processId }: DevFile, ctx: Context): Promise<void> {
  const isOurs = () => answers(edge, token, ctx.signal);
  if (!(await isOurs())) return;
  if (processId !== undefined && isRunning(processId))
    throw new CliError(
      `The edge of this folder already runs at ${edge}, as process ${processId}.`,
      `Use it, or end it first: \`kill ${processId}\`.`,
    );
  ctx.log(`Waiting for what is left of the edge at ${edge} to end ...`);
  for (const until = Date.now() + LEFTOVER_MS; Date.now() < until; ) {
    await pause(POLL_MS, undefined, { signal: ctx.signal });
    if (!(await isOurs())) return;
  }
  const { port } = new URL(edge);
  throw new CliError(
    `An edge of this folder still answers at ${edge}, though the \`nasturtium dev\` that started it has ended.`,
    `End its processes, which \`lsof -i :${port}\` lists, and try again.`,
  );
}

/** Whether there is an edge that knows the token; any other program there is none of ours. */
async function answers(edge: string, token: string, stopped: AbortSignal): Promise<boolean> {
  const signal = AbortSignal.any([stopped, AbortSignal.timeout(ANSWER_MS)]);
  const headers = { authorization: `Bearer ${token}` };
  try {
    return (await fetch(`${edge}/v1/me`, { headers, signal })).ok;
  } catch {
    stopped.throwIfAborted();
    return false;
  }
}

function isRunning(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch {
    return false;
  }
}

/** A token that nobody guesses. */
export const newToken = (): string => `nst_${randomBytes(24).toString("hex")}`;
