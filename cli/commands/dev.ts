/** `nasturtium dev`: the whole edge on this machine, until Ctrl-C. */

import { randomBytes } from "node:crypto";
import path from "node:path";
import { type CommandRow, integer } from "../command.ts";
import { dashboardLink } from "../dashboardLink.ts";
import { devFolder, readDevFile, writeDevFile } from "../devFile.ts";
import { serveUntil, startLocalEdge } from "../localEdge.ts";

const DEFAULT_PORT = 8787;

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
    const token = readDevFile()?.token ?? newToken();
    ctx.log("Starting the edge ...");
    const edge = await startLocalEdge({
      stateDir: path.join(devFolder(), "state"),
      token,
      port: options.port as number,
      signal: ctx.signal,
    });
    try {
      writeDevFile({ edge: edge.url, token });
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

/** A token that nobody guesses. */
export const newToken = (): string => `nst_${randomBytes(24).toString("hex")}`;
