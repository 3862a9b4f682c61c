/** Which events of GitHub a trigger is for. Pure. */

import { z } from "zod";
import { globMatches } from "../shared/glob.ts";
import { type Filters, type GithubEvent, githubEvents, type Trigger } from "../shared/trigger.ts";

/** Why an event starts nothing; null where it starts something. */
type Rule = (payload: unknown, filters: Filters) => string | null;

const files = z.array(z.string()).default([]);
const push = z.object({
  ref: z.string(),
  deleted: z.boolean().default(false),
  commits: z.array(z.object({ added: files, modified: files, removed: files })).default([]),
});
const release = z.object({ action: z.string(), release: z.object({ tag_name: z.string() }) });
const workflowRun = z.object({
  workflow_run: z.object({
    name: z.string().nullish(),
    head_branch: z.string().nullish(),
    conclusion: z.string().nullish(),
  }),
});

const rules: Record<GithubEvent, Rule> = {
  push: ruleFor(push, ({ ref, deleted, commits }, { refs, paths }) => {
    if (deleted) return `${ref} was deleted`;
    const changed = commits.flatMap(({ added, modified, removed }) => [...added, ...modified, ...removed]);
    return otherRef(refs, ref) ?? (matchesAny(paths, changed) ? null : "no file that changed matches paths");
  }),
  release: ruleFor(release, ({ action, release: { tag_name: tag } }, { refs, actions = ["published"] }) =>
    actions.includes(action) ? otherRef(refs, `refs/tags/${tag}`) : `the action is ${action}`,
  ),
  workflow_run: ruleFor(workflowRun, ({ workflow_run: run }, { refs, workflows, conclusions }) => {
    if (!run.conclusion) return "the workflow has not ended";
    if (workflows?.includes(run.name ?? "") === false) return `the workflow is ${run.name}`;
    if (conclusions?.includes(run.conclusion) === false) return `the conclusion is ${run.conclusion}`;
    return otherRef(refs, `refs/heads/${run.head_branch}`);
  }),
};

function ruleFor<S extends z.ZodType>(
  schema: S,
  rule: (payload: z.infer<S>, filters: Filters) => string | null,
): Rule {
  return (payload, filters) => {
    const parsed = schema.safeParse(payload);
    return parsed.success ? rule(parsed.data, filters) : "the payload is not one of GitHub's for this event";
  };
}

const matchesAny = (patterns: readonly string[] | undefined, names: readonly string[]): boolean =>
  patterns === undefined || names.some((name) => patterns.some((pattern) => globMatches(pattern, name)));

const otherRef = (refs: Filters["refs"], ref: string): string | null =>
  matchesAny(refs, [ref]) ? null : `${ref} matches none of refs`;

/** Why a delivery starts nothing; null where it starts something. */
export function ignoredBecause(
  { events, filters }: Pick<Trigger, "events" | "filters">,
  event: string | null,
  payload: unknown,
): string | null {
  const known = githubEvents.find((name) => name === event);
  if (known === undefined || events?.includes(known) !== true) return `the event is ${event}`;
  return rules[known](payload, filters);
}
