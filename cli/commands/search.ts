/** `nasturtium search`: create a search and follow it to its front. */

import { createSearch, isTabular, readFront, type Training } from "../api.ts";
import type { CommandRow } from "../command.ts";
import { dashboardLink } from "../dashboardLink.ts";
import { followSearch } from "../follow.ts";
import { frontPlot, frontTable, pointsOf, untrainedNote } from "../frontText.ts";
import { nearestLines, nearestOf } from "../nearest.ts";
import { readSpecification } from "../specificationFile.ts";
import { untaughtLines } from "../untaught.ts";

export const search: CommandRow = {
  name: "search",
  args: "<specification>",
  description: "create a search from a JSON or YAML file, follow it and print its front",
  options: [{ flags: "--detach", description: "create it and return at once" }],
  async run(ctx, [file = ""], options) {
    const client = ctx.client();
    const created = await createSearch(client, await readSpecification(file));
    const look = `Look at it: ${dashboardLink(client.edge, `/searches/${created.id}`)}`;
    if (options.detach === true) {
      ctx.print(
        created,
        `Search ${created.id} is created. Follow it: nasturtium searches show ${created.id}\n${look}`,
      );
      return;
    }
    ctx.log(`Search ${created.id}. Ctrl-C stops following; the search goes on.\n${look}`);
    const { search: ended, trainings } = await followSearch(ctx, client, created.id);
    const front = await readFront(client, created.id);
    const nearest = front.length > 0 ? null : await nearestOf(client, created.id);
    const text = [
      ...(isTabular(ended) ? [] : [frontPlot(pointsOf(front))]),
      ...(nearest === null
        ? [`${frontTable(front, isTabular(ended))}${untrainedNote(front)}`]
        : nearestLines(nearest, ended)),
      ...(await untaughtLines(client, created.id)),
      ...(isTabular(ended) ? [] : ["", ...trainedLines(created.id, trainings)]),
      `Choose one: ${dashboardLink(client.edge, `/searches/${created.id}/choose`)}`,
    ];
    ctx.print(
      { search: ended, front, trainings, ...(nearest === null ? {} : { nearest }) },
      text.join("\n").trimStart(),
    );
  },
};

function trainedLines(searchId: string, trainings: readonly Training[]): string[] {
  const trained = trainings.filter(({ state }) => state === "completed");
  return [
    ...trained.map(
      ({ id, hash, report }) =>
        `Trained ${hash}: test accuracy ${report?.testAccuracy.toFixed(2)} %. nasturtium export ${id} --format tfjs --out DIR`,
    ),
    `Train another: nasturtium train ${searchId} HASH`,
  ];
}
