/** `nasturtium train`: final training of one architecture of a search. */

import { startTraining } from "../api.ts";
import { type CommandRow, integer } from "../command.ts";
import { followTraining } from "../follow.ts";

export const train: CommandRow = {
  name: "train",
  args: "<search> <hash>",
  description: "train an architecture of a search from the beginning",
  options: [
    {
      flags: "--steps <n>",
      description: "weight steps (default: the search's final training)",
      parse: integer("--steps", 1),
    },
    { flags: "--epochs <n>", description: "epochs", parse: integer("--epochs", 1) },
    { flags: "--detach", description: "start it and return at once" },
  ],
  async run(ctx, [id = "", hash = ""], options) {
    const client = ctx.client();
    const recipe = Object.fromEntries(
      ["steps", "epochs"].flatMap((key) => (options[key] === undefined ? [] : [[key, options[key]]])),
    );
    const created = await startTraining(client, id, {
      hash,
      ...(Object.keys(recipe).length > 0 ? { recipe } : {}),
    });
    if (options.detach === true) {
      ctx.print(created, `Training ${created.id} is created.`);
      return;
    }
    ctx.log(`Training ${created.id}. Ctrl-C stops following; the training goes on.`);
    const training = await followTraining(ctx, client, created.id);
    ctx.print(
      training,
      `Test accuracy ${training.report?.testAccuracy.toFixed(2)} %. nasturtium export ${training.id} --format tfjs --out DIR`,
    );
  },
};
