/** A trigger: which deliveries of a webhook start a template, with which values and within which limits. Pure. */

import { z } from "zod";
import { fieldErrors } from "./fieldErrors.ts";
import { jsonPointerPattern, valueAt } from "./jsonPointer.ts";
import { type FieldError, nameSchema } from "./specification.ts";
import {
  hasGpuHours,
  placeholderSchema,
  placeholdersOf,
  type Template,
  type Value,
  valueSchema,
} from "./template.ts";

export const triggerSources = ["github", "signed"] as const;
export const githubEvents = ["push", "release", "workflow_run"] as const;
export type GithubEvent = (typeof githubEvents)[number];

/** Days over which a budget counts. */
export const budgetDays = 30;

const list = <S extends z.ZodType>(item: S) => z.array(item).min(1).max(32);
const pattern = z.string().min(1).max(200);
const word = z.string().min(1).max(100);
const pointer = z.string().max(200).regex(jsonPointerPattern, "a JSON pointer such as /release/tag_name");

const filtersSchema = z
  .strictObject({
    refs: list(pattern)
      .optional()
      .describe(
        "patterns of refs such as refs/heads/main or refs/tags/v*: what was pushed, the release's tag, the run's branch",
      ),
    paths: list(pattern).optional().describe("push: patterns, one of which a changed file must match"),
    actions: list(word).optional().describe("release: published unless told"),
    workflows: list(word).optional().describe("workflow_run: names of workflows"),
    conclusions: list(word).optional().describe("workflow_run: such as success"),
  })
  .prefault({});
export type Filters = z.infer<typeof filtersSchema>;

export const triggerFields = z.strictObject({
  name: z.string().min(1).max(80),
  template: nameSchema.describe("name of the template to start"),
  source: z
    .enum(triggerSources)
    .describe(
      "`github` for webhooks of GitHub, `signed` for requests that are signed as Standard Webhooks says",
    ),
  events: list(z.enum(githubEvents)).optional().describe("github only"),
  filters: filtersSchema.describe("github only; all that are given must hold"),
  mapping: z
    .record(
      placeholderSchema,
      z.union([pointer, z.strictObject({ pointer, default: valueSchema.optional() })]),
    )
    .default({})
    .describe("by placeholder, the JSON pointer of its value in the payload"),
  limits: z
    .strictObject({
      maxRunning: z.int().min(1).optional().describe("searches of this trigger that are not over, at most"),
      budget: z
        .strictObject({ gpuHours: z.number().positive() })
        .optional()
        .describe(`of all that it started within ${budgetDays} days, by the budgets they were started with`),
    })
    .prefault({}),
  enabled: z.boolean().default(true),
});
const { name, template, events, filters, mapping, limits, enabled } = triggerFields.shape;
/** What can be changed of a trigger; nothing stands for what is not given. */
export const triggerChanges = z.strictObject({
  name: name.optional(),
  template: template.optional(),
  events,
  filters: filters.unwrap().optional(),
  mapping: mapping.unwrap().optional(),
  limits: limits.unwrap().optional(),
  enabled: enabled.unwrap().optional(),
});
export type Trigger = z.infer<typeof triggerFields>;
export type TriggerInput = z.input<typeof triggerFields>;

export type CheckedTrigger = { trigger: Trigger; errors?: never } | { trigger?: never; errors: FieldError[] };

/** Checks a trigger by itself. */
export function checkTrigger(input: unknown): CheckedTrigger {
  const parsed = triggerFields.safeParse(input);
  if (!parsed.success) return { errors: fieldErrors(parsed.error.issues) };
  const errors = filterErrors(parsed.data);
  return errors.length > 0 ? { errors } : { trigger: parsed.data };
}

/** The event that a filter is about; `refs` is about all. */
const filteredEvent: Partial<Record<keyof Filters, GithubEvent>> = {
  paths: "push",
  actions: "release",
  workflows: "workflow_run",
  conclusions: "workflow_run",
};

function filterErrors({ source, events, filters }: Trigger): FieldError[] {
  if (source === "signed") {
    const keys = Object.keys(filters).map((key) => `/filters/${key}`);
    return [...(events === undefined ? [] : ["/events"]), ...keys].map((one) => ({
      pointer: one,
      detail: "only for source: github; remove it",
    }));
  }
  if (events === undefined)
    return [{ pointer: "/events", detail: `name at least one of ${githubEvents.join(", ")}` }];
  return Object.keys(filters).flatMap((key) => {
    const event = filteredEvent[key as keyof Filters];
    if (event === undefined || events.includes(event)) return [];
    return { pointer: `/filters/${key}`, detail: `is about ${event}; add that to events, or remove it` };
  });
}

/** What keeps a trigger from starting a template. */
export function templateErrors({ mapping, limits }: Trigger, template: Template): FieldError[] {
  const placeholders = placeholdersOf(template);
  const unmapped = placeholders.filter((name) => !Object.hasOwn(mapping, name));
  const unused = Object.keys(mapping).filter((name) => !placeholders.includes(name));
  const errors = unmapped.map((name) => ({
    pointer: "/mapping",
    detail: `the template has the placeholder "${name}"; say where in the payload its value is`,
  }));
  errors.push(
    ...unused.map((name) => ({
      pointer: `/mapping/${name}`,
      detail: `the template has no placeholder "${name}"; it has ${placeholders.join(", ") || "none"}`,
    })),
  );
  if (limits.budget !== undefined && !hasGpuHours(template))
    errors.push({
      pointer: "/limits/budget",
      detail:
        "what the template starts has no budget.gpuHours to count; give it one, or leave this limit out",
    });
  return errors;
}

/** The values that a payload has for a template, or what it lacks. */
export function mappedValues(
  mapping: Trigger["mapping"],
  payload: unknown,
): { values: Record<string, Value> } | { errors: FieldError[] } {
  const values: Record<string, Value> = {};
  const errors: FieldError[] = [];
  for (const [name, entry] of Object.entries(mapping)) {
    const from = typeof entry === "string" ? { pointer: entry } : entry;
    const found = valueAt(payload, from.pointer) ?? from.default;
    const { data: value } = valueSchema.safeParse(found);
    if (value !== undefined) values[name] = value;
    else
      errors.push({
        pointer: `/mapping/${name}`,
        detail:
          found === undefined
            ? `the payload has nothing at ${from.pointer}, and there is no default`
            : `what the payload has at ${from.pointer} is no text of at most 1000 characters, number, true or false`,
      });
  }
  return errors.length > 0 ? { errors } : { values };
}
