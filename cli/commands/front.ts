/** `nasturtium front`: the non-dominated architectures of a search. */

import { frontRowSchema, isTabular, scaledRowSchema, searchPath, searchSchema } from "../api.ts";
import type { EdgeClient } from "../client.ts";
import { type CommandRow, integer, repeated } from "../command.ts";
import { badInput } from "../errors.ts";
import { frontPlot, frontTable, pointsOf } from "../frontText.ts";

export const front: CommandRow = {
  name: "front",
  args: "<id>",
  description: "print the front of a search",
  options: [
    { flags: "--max <objective=value>", description: "at most this; may be repeated", parse: repeated },
    { flags: "--min <objective=value>", description: "at least this; may be repeated", parse: repeated },
    { flags: "--sort <objective>", description: "order by this objective; - in front reverses" },
    { flags: "--limit <n>", description: "at most so many rows", parse: integer("--limit", 1) },
    { flags: "--csv", description: "as CSV" },
    { flags: "--plot", description: "also draw accuracy over parameters" },
  ],
  async run(ctx, [id = ""], options) {
    const query = new URLSearchParams();
    for (const bound of ["max", "min"] as const) {
      for (const text of (options[bound] as string[] | undefined) ?? []) {
        const { objective, value } = parseBound(bound, text);
        query.set(`${bound}_${objective}`, String(value));
      }
    }
    if (options.sort !== undefined) query.set("sort", options.sort as string);
    if (options.limit !== undefined) query.set("limit", String(options.limit));
    const client = ctx.client();
    if (options.csv === true) {
      query.set("format", "csv");
      const csv = await (await client.send(searchPath(id, `/front?${query}`))).text();
      ctx.print({ csv }, csv.trimEnd());
      return;
    }
    const suffix = query.size > 0 ? `?${query}` : "";
    const rows = await client.all(searchPath(id, `/front${suffix}`), frontRowSchema);
    const plot = options.plot === true ? `${frontPlot(pointsOf(rows))}\n` : "";
    const search = await client.json(searchPath(id), searchSchema);
    const note = ctx.json || isTabular(search) ? "" : await scaledNote(client, id);
    ctx.print({ data: rows }, `${plot}${frontTable(rows, isTabular(search))}${note}`);
  },
};

/** Where there are networks of other sizes, which are not of the front; otherwise nothing. */
async function scaledNote(client: EdgeClient, id: string): Promise<string> {
  const rows = await client.all(searchPath(id, "/scaled"), scaledRowSchema);
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
