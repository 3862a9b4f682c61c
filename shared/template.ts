/**
 * A template: a specification or a campaign with placeholders, `{{ name }}`, which get their values when it is started.
 * Pure; what it gives is checked as if somebody had written it.
 */

import { z } from "zod";
import { campaignSchema } from "./campaign.ts";
import { fieldErrors, within } from "./fieldErrors.ts";
import { pointerOf } from "./jsonPointer.ts";
import { type FieldError, nameSchema, specificationSchema } from "./specification.ts";
import { campaignErrors, checkSpecification } from "./validate.ts";

const mostCharacters = 1000;

/** What a placeholder can stand for. */
export const valueSchema = z.union([z.string().max(mostCharacters), z.number(), z.boolean()]);
export type Value = z.infer<typeof valueSchema>;
export type Values = Readonly<Record<string, Value>>;

export const placeholderSchema = z
  .string()
  .regex(/^[A-Za-z]\w{0,62}$/, "a letter, then letters, digits and underscores, at most 63");
const placeholder = /\{\{ *([A-Za-z]\w{0,62}) *\}\}/g;

const body = z.record(z.string(), z.unknown());

export const templateFields = z.strictObject({
  name: nameSchema,
  description: z.string().max(500).default(""),
  specification: body.optional().describe("of a search, with placeholders in texts"),
  campaign: body.optional().describe("a campaign, with placeholders in texts"),
});
const { description, specification, campaign } = templateFields.shape;
/** What can be changed of a template; nothing stands for what is not given. */
export const templateChanges = z.strictObject({
  description: description.unwrap().optional(),
  specification,
  campaign,
});
export const templateSchema = templateFields
  .refine(
    ({ specification, campaign }) => (specification === undefined) !== (campaign === undefined),
    "give either specification or campaign",
  )
  .describe("A Nasturtium template");
export type Template = z.infer<typeof templateSchema>;
export type TemplateInput = z.input<typeof templateSchema>;

export type CheckedTemplate =
  | { template: Template; errors?: never }
  | { template?: never; errors: FieldError[] };

/** Checks what holds whatever the values will be: unknown keys, placeholders, and every field that has none. */
export function checkTemplate(input: unknown): CheckedTemplate {
  const parsed = templateSchema.safeParse(input);
  if (!parsed.success) return { errors: fieldErrors(parsed.error.issues) };
  const template = parsed.data;
  const errors = within(`/${kindOf(template)}`, bodyErrors(template));
  return errors.length > 0 ? { errors } : { template };
}

export type TemplateKind = "specification" | "campaign";

export const kindOf = ({ campaign }: Pick<Template, "campaign">): TemplateKind =>
  campaign === undefined ? "specification" : "campaign";

const bodyOf = (template: Template): Record<string, unknown> => template[kindOf(template)] ?? {};

function bodyErrors(template: Template): FieldError[] {
  const texts = textsOf(bodyOf(template));
  const malformed = texts.filter(({ text }) => /\{\{|\}\}/.test(text.replaceAll(placeholder, " ")));
  if (malformed.length > 0)
    return malformed.map(({ path }) => ({
      pointer: pointerOf(path),
      detail: "a placeholder is written {{ name }}, its name a letter, then letters, digits and underscores",
    }));
  const open = texts.filter(({ text }) => text.search(placeholder) >= 0).map(({ path }) => pointerOf(path));
  const isOpen = (pointer: string) => open.some((one) => one === pointer || one.startsWith(`${pointer}/`));
  const parts = partsOf(template);
  const issues = parts.flatMap(({ schema, value, path }) =>
    (schema.safeParse(value).error?.issues ?? []).map((issue) => ({
      ...issue,
      path: [...path, ...issue.path],
    })),
  );
  if (issues.length > 0)
    return fieldErrors(
      issues.filter(({ code, path }) => code === "unrecognized_keys" || !isOpen(pointerOf(path))),
    );
  const errors =
    template.campaign === undefined
      ? (checkSpecification(template.specification, "elsewhere").errors ?? [])
      : campaignErrors(template.campaign);
  return errors.filter(({ pointer }) => !isOpen(pointer));
}

interface Part {
  schema: z.ZodType;
  value: unknown;
  path: string[];
}

/** What has a schema of its own. */
function partsOf({ specification, campaign }: Template): Part[] {
  if (campaign === undefined) return [{ schema: specificationSchema, value: specification, path: [] }];
  const parts: Part[] = [{ schema: campaignSchema, value: campaign, path: [] }];
  const search = body.safeParse(campaign.search).data;
  // Its name is made from the campaign's.
  if (search !== undefined)
    parts.push({ schema: specificationSchema, value: { ...search, name: "search" }, path: ["search"] });
  return parts;
}

interface Text {
  path: (string | number)[];
  text: string;
}

/** Every text of a value, with where it stands. */
function textsOf(value: unknown, path: Text["path"] = []): Text[] {
  if (typeof value === "string") return [{ path, text: value }];
  if (Array.isArray(value)) return value.flatMap((item, index) => textsOf(item, [...path, index]));
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) => textsOf(item, [...path, key]));
}

/** Names of a template's placeholders, each once. */
export const placeholdersOf = (template: Template): string[] => [
  ...new Set(
    textsOf(bodyOf(template)).flatMap(({ text }) =>
      [...text.matchAll(placeholder)].map(([, name = ""]) => name),
    ),
  ),
];

/** Whether what it starts has a budget of runner time, whatever the values will be. */
export const hasGpuHours = (template: Template): boolean =>
  z
    .looseObject({ budget: z.looseObject({ gpuHours: z.union([z.number(), z.string()]) }) })
    .safeParse(bodyOf(template)).success;

/**
 * What a template asks for with these values, not checked yet. A text that is nothing but a placeholder becomes the
 * value itself, with its type; values are not searched for placeholders.
 *
 * @returns the names of placeholders without a value, if there are any
 */
export function fill(template: Template, values: Values): { input: unknown } | { missing: string[] } {
  const missing = placeholdersOf(template).filter((name) => !Object.hasOwn(values, name));
  if (missing.length > 0) return { missing };
  return { input: filled(bodyOf(template), values) };
}

const whole = new RegExp(`^${placeholder.source}$`);

function filled(value: unknown, values: Values): unknown {
  if (typeof value === "string") {
    const name = whole.exec(value)?.[1];
    if (name !== undefined) return values[name];
    return value.replaceAll(placeholder, (_, inner: string) => String(values[inner]));
  }
  if (Array.isArray(value)) return value.map((item) => filled(item, values));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, filled(item, values)]));
}
