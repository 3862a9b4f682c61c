/** `nasturtium profile`: what a specification's space holds, before anything is spent. */

import { profileSchema } from "../api.ts";
import type { CommandRow } from "../command.ts";
import { readSpecification } from "../specificationFile.ts";
import { textTable } from "../table.ts";

export const profile: CommandRow = {
  name: "profile",
  args: "<specification>",
  description: "show the range of each cheap objective and the length of a search, before it is started",
  async run(ctx, [file = ""]) {
    const result = await ctx.client().json("/v1/profiles", profileSchema, {
      method: "POST",
      body: await readSpecification(file),
    });
    const rows = Object.entries(result.ranges).map(([objective, { minimum, median, maximum }]) => ({
      objective,
      minimum,
      median,
      maximum,
    }));
    ctx.print(
      result,
      [
        textTable(rows, { objective: "OBJECTIVE", minimum: "MINIMUM", median: "MEDIAN", maximum: "MAXIMUM" }),
        "",
        `${result.architectures.toExponential(1)} architectures; ${result.rounds} rounds, ${result.steps} weight steps, ${result.evaluations} evaluations`,
      ].join("\n"),
    );
  },
};
