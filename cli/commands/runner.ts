/** `nasturtium runner`: this machine trains for an edge. */

import { hostname } from "node:os";
import { type CommandRow, oneOf } from "../command.ts";
import { badInput } from "../errors.ts";

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
    if (options.selfTest === true) {
      const { describeSelfTest, runSelfTest, wantsGpu } = await import("../../gpu-runner/selfTest.ts");
      const result = await runSelfTest({ backend, needsGpu: wantsGpu(), signal: ctx.signal });
      ctx.log(`Self-test passed: ${describeSelfTest(result)}.`);
    }
    const { runRunner } = await import("../../gpu-runner/main.ts");
    await runRunner({
      edge,
      token,
      name: (options.name as string | undefined) || process.env.NASTURTIUM_NAME || hostname(),
      backend,
      untilIdle: options.untilIdle === true,
      searchId: (options.search as string | undefined) || process.env.NASTURTIUM_SEARCH || undefined,
      dataFolder: options.data as string | undefined,
      log: ctx.log,
      signal: ctx.signal,
    });
    ctx.print({ done: true }, "The runner has ended.");
  },
};
