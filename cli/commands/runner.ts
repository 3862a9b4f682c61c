/** `nasturtium runner`: this machine trains for an edge. */

import { hostname } from "node:os";
import { type CommandRow, oneOf } from "../command.ts";
import { badInput } from "../errors.ts";

const BACKENDS = ["tensorflow", "wasm"] as const;

export const runner: CommandRow = {
  name: "runner",
  description: "train on this machine for the edge",
  options: [
    { flags: "--name <name>", description: "what the edge calls this runner (default: the machine's name)" },
    { flags: "--data <folder>", description: "folder with the data set's official files" },
    {
      flags: "--backend <name>",
      description: "tensorflow or wasm (default: TensorFlow where it is ready)",
      parse: oneOf("--backend", BACKENDS),
    },
    { flags: "--until-idle", description: "end when there is nothing to do" },
    { flags: "--search <id>", description: "work for this search only" },
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
    const { runRunner } = await import("../../gpu-runner/main.ts");
    await runRunner({
      edge,
      token,
      name: (options.name as string | undefined) ?? hostname(),
      backend,
      untilIdle: options.untilIdle === true,
      searchId: options.search as string | undefined,
      dataFolder: options.data as string | undefined,
      log: ctx.log,
      signal: ctx.signal,
    });
    ctx.print({ done: true }, "The runner has ended.");
  },
};
