/** `nasturtium templates`: specifications and campaigns with placeholders, to start again and again. */

import type { InferResponseType } from "hono/client";
import { stringify } from "yaml";
import { placeholderSchema, type Value } from "../../shared/template.ts";
import type { EdgeClient } from "../client.ts";
import { type CommandRow, repeated } from "../command.ts";
import { badInput } from "../errors.ts";
import { readTemplate } from "../specificationFile.ts";
import { textTable } from "../table.ts";

const columns = { name: "NAME", starts: "STARTS", placeholders: "PLACEHOLDERS", description: "DESCRIPTION" };

type Template = InferResponseType<EdgeClient["v1"]["templates"][":name"]["$get"]>;
const templateKeys = ["name", "description", "placeholders"] as const;

const rowOf = ({ name, description, placeholders, campaign }: Template) => ({
  name,
  starts: campaign === undefined ? "search" : "campaign",
  placeholders: placeholders.join(" "),
  description,
});

export const templates: CommandRow[] = [
  {
    name: "templates create",
    args: "<file>",
    description: "store a template from a JSON or YAML file",
    async run(ctx, [file = ""]) {
      const json = await readTemplate(file);
      const client = ctx.client();
      const template = await client.json(client.v1.templates.$post({ json }), templateKeys);
      const values = template.placeholders.map((name) => ` --value ${name}=...`).join("");
      const next = `Start it: nasturtium templates start ${template.name}${values}`;
      ctx.print(template, `${textTable([rowOf(template)], columns)}\n${next}`);
    },
  },
  {
    name: "templates list",
    description: "list templates by name",
    async run(ctx) {
      const client = ctx.client();
      const rows = await client.all((query) => client.v1.templates.$get({ query }), templateKeys);
      ctx.print({ data: rows }, textTable(rows.map(rowOf), columns));
    },
  },
  {
    name: "templates show",
    args: "<name>",
    description: "print a template as `create` takes it",
    async run(ctx, [name = ""]) {
      const client = ctx.client();
      const template = await client.json(
        client.v1.templates[":name"].$get({ param: { name } }),
        templateKeys,
      );
      const { description, specification, campaign } = template;
      ctx.print(template, stringify({ name, description, specification, campaign }).trimEnd());
    },
  },
  {
    name: "templates delete",
    args: "<name>",
    description: "delete a template that no trigger starts",
    async run(ctx, [name = ""]) {
      await ctx.client().v1.templates[":name"].$delete({ param: { name } });
      ctx.print({ name, deleted: true }, `Template ${name} is deleted.`);
    },
  },
  {
    name: "templates start",
    args: "<name>",
    description: "start what a template asks for",
    options: [
      {
        flags: "--value <name=value>",
        description: "value of a placeholder, a number, true or false where it is one; may be repeated",
        parse: repeated,
      },
    ],
    async run(ctx, [name = ""], options) {
      const values = valuesOf((options.value ?? []) as string[]);
      const client = ctx.client();
      const starting = client.v1.templates[":name"].start.$post({ param: { name }, json: { values } });
      const started = await client.json(starting, ["id"]);
      const { id } = started;
      ctx.print(
        started,
        !("searches" in started)
          ? `Search ${id} is started. Look at it: nasturtium searches show ${id}`
          : `Campaign ${id} is started with ${started.searches.length} searches. Look at it: nasturtium campaigns show ${id}`,
      );
    },
  },
];

const valuesOf = (given: readonly string[]): Record<string, Value> =>
  Object.fromEntries(given.map(parseValue));

function parseValue(text: string): [string, Value] {
  const [name = ""] = text.split("=", 1);
  if (!text.includes("=") || !placeholderSchema.safeParse(name).success)
    throw badInput(`--value is NAME=VALUE, not "${text}".`, "See `nasturtium templates show`.");
  return [name, typed(text.slice(name.length + 1))];
}

/** @example typed("7") // 7; typed('"7"') is the text 7 */
function typed(text: string): Value {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "number" || typeof value === "boolean" || typeof value === "string"
      ? value
      : text;
  } catch {
    return text;
  }
}
