/** `nasturtium front`: the non-dominated architectures of a search. */

import { isTabular, readFront, readFrontCsv, readSearch } from "../api.ts";
import type { EdgeClient } from "../client.ts";
import { type CommandRow, integer, repeated } from "../command.ts";
import { badInput } from "../errors.ts";
import { frontPlot, frontTable, pointsOf, untrainedNote } from "../frontText.ts";

export const front: CommandRow = {
  name: "front",
  args: "<id>",
  description: "print the front of a search",
  options: [
    { flags: "--max <objective=value>", description: "at most this; may be repeated", parse: repeated },
    { flags: "--min <objective=value>", description: "at least this; may be repeated", parse: repeated },
    { flags: "--sort <objective>", description: "order by this objective; - in front reverses" },
    {
      flags: "--objectives <ids>",
      description: "the front of these alone, parted by commas, such as accuracy,latency.phone",
    },
    { flags: "--limit <n>", description: "at most so many rows", parse: integer("--limit", 1) },
    { flags: "--csv", description: "as CSV" },
    { flags: "--plot", description: "also draw accuracy over parameters" },
  ],
  async run(ctx, [id = ""], options) {
    const bounds: Record<string, string> = {};
    for (const bound of ["max", "min"] as const) {
      for (const text of (options[bound] as string[] | undefined) ?? []) {
        const { objective, value } = parseBound(bound, text);
        bounds[`${bound}_${objective}`] = String(value);
      }
    }
    const { sort, limit, objectives } = options as { sort?: string; limit?: number; objectives?: string };
    const query = { ...bounds, sort, limit, objectives };
    const client = ctx.client();
    if (options.csv === true) {
      const csv = await readFrontCsv(client, id, query);
      ctx.print({ csv }, csv.trimEnd());
      return;
    }
    const rows = await readFront(client, id, query);
    const plot = options.plot === true ? `${frontPlot(pointsOf(rows))}\n` : "";
    const search = await readSearch(client, id);
    const note = ctx.json || isTabular(search) ? "" : await scaledNote(client, id);
    ctx.print({ data: rows }, `${plot}${frontTable(rows, isTabular(search))}${untrainedNote(rows)}${note}`);
  },
};

/** Where there are networks of other sizes, which are not of the front; otherwise nothing. */
async function scaledNote(client: EdgeClient, id: string): Promise<string> {
  const rows = await client.all(
    () => client.v1.searches[":id"].scaled.$get({ param: { id }, query: {} }),
    ["hash", "channels", "layers"],
  );
  const { size } = new Set(rows.map(({ hash, channels, layers }) => `${hash} ${channels} ${layers}`));
  if (size === 0) return "";
  const are = size === 1 ? "1 network is" : `${size} networks are`;
  return `\n\n${are} trained at other sizes, apart from this front: nasturtium scale ${id}`;
}

/** @example parseBound("max", "parameters=1e6") // { objective: "parameters", value: 1000000 } */
export function parseBound(bound: string, text: string): { objective: string; value: number } {
  const [objective, number, ...rest] = text.split("=");
  const value = Number(number);
  if (
    objective &&
    number !== undefined &&
    number.trim() !== "" &&
    rest.length === 0 &&
    Number.isFinite(value)
  ) {
    return { objective, value };
  }
  throw badInput(`--${bound} ${text} is not a bound.`, `Write it as --${bound} parameters=1000000.`);
}
