/** What a delivery whose signature is valid comes to: it starts something, is ignored, refused or invalid, once. */

import type { FieldError } from "../shared/specification.ts";
import { budgetDays, mappedValues } from "../shared/trigger.ts";
import { ignoredBecause } from "./githubFilter.ts";
import { errorsText } from "./problems.ts";
import { goneData, type Start, startInsertions, templateStart } from "./start.ts";
import { isConstraintError } from "./store/database.ts";
import { findTemplate, templateOf } from "./store/templates.ts";
import {
  type Delivery,
  findDelivery,
  isForbidden,
  recordDelivery,
  type StoredTrigger,
  startedDelivery,
  triggerOf,
  type Usage,
  usageOf,
} from "./store/triggers.ts";

const mostReasonCharacters = 2000;

export interface Incoming {
  id: string;
  event: string | null;
  body: Uint8Array;
}

export interface Outcome {
  delivery: Delivery;
  /** It was answered before. */
  isRepeated: boolean;
  /** Of an invalid one, the fields that are wrong. */
  errors?: FieldError[];
}

/** Why nothing is started. */
interface Declined {
  state: "ignored" | "refused" | "invalid";
  reason: string;
  errors?: FieldError[];
}

/** @returns null where the trigger was deleted meanwhile */
export async function deliver(
  db: D1Database,
  trigger: StoredTrigger,
  incoming: Incoming,
): Promise<Outcome | null> {
  const known = await findDelivery(db, trigger.id, incoming.id);
  if (known !== null) return { delivery: known, isRepeated: true };
  const decision = await decide(db, trigger, incoming);
  return "state" in decision
    ? decline(db, trigger, incoming, decision)
    : begin(db, trigger, incoming, decision);
}

async function decide(db: D1Database, row: StoredTrigger, incoming: Incoming): Promise<Start | Declined> {
  const trigger = triggerOf(row);
  const isGithub = trigger.source === "github";
  if (isGithub && incoming.event === "ping") return { state: "ignored", reason: "a ping" };
  if (!trigger.enabled) return { state: "refused", reason: disabled };
  const payload = payloadOf(incoming.body);
  if (payload === undefined)
    return { state: "invalid", reason: "the body is not JSON; send it as application/json" };
  const reason = isGithub ? ignoredBecause(trigger, incoming.event, payload) : null;
  if (reason !== null) return { state: "ignored", reason };
  const start = await mappedStart(db, row, payload);
  return "errors" in start ? invalidBecause(start.errors) : start;
}

const disabled = "the trigger is disabled";

function payloadOf(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    return undefined;
  }
}

const invalidBecause = (errors: FieldError[]): Declined => ({
  state: "invalid",
  reason: errorsText(errors),
  errors,
});

/** What a payload asks for, or what is wrong with that. */
async function mappedStart(
  db: D1Database,
  row: StoredTrigger,
  payload: unknown,
): Promise<Start | { errors: FieldError[] }> {
  const { mapping, template: name } = triggerOf(row);
  const stored = await findTemplate(db, name);
  if (stored === null)
    return { errors: [{ pointer: "/template", detail: `there is no template "${name}"` }] };
  const mapped = mappedValues(mapping, payload);
  if ("errors" in mapped) return mapped;
  return templateStart(db, templateOf(stored), mapped.values);
}

/** Stores what is to be started together with its delivery, or neither. */
async function begin(
  db: D1Database,
  trigger: StoredTrigger,
  incoming: Incoming,
  start: Start,
): Promise<Outcome | null> {
  const { campaign, searches, gpuHours } = start;
  const delivery: Delivery = {
    ...keyOf(trigger, incoming),
    state: "started",
    reason: null,
    searchId: campaign === null ? (searches[0]?.id ?? null) : null,
    campaignId: campaign?.id ?? null,
    gpuHours,
  };
  const own = searches.map((search) => ({ ...search, triggerId: trigger.id }));
  try {
    await db.batch([
      ...startedDelivery(db, delivery, searches.length),
      ...startInsertions(db, { ...start, searches: own }),
    ]);
    return { delivery, isRepeated: false };
  } catch (error) {
    if (!isConstraintError(error)) throw error;
    const known = await findDelivery(db, trigger.id, incoming.id);
    if (known !== null) return { delivery: known, isRepeated: true };
    const declined = isForbidden(error)
      ? { state: "refused" as const, reason: refusalOf(trigger, start, await usageOf(db, trigger.id)) }
      : invalidBecause([goneData(start)]);
    return decline(db, trigger, incoming, declined);
  }
}

/** Why a trigger may not start something. */
function refusalOf(
  { maxRunning, budgetGpuHours }: StoredTrigger,
  { searches, gpuHours }: Start,
  usage: Usage,
): string {
  if (maxRunning !== null && usage.running + searches.length > maxRunning)
    return `${usage.running} searches of this trigger are not over, and this would start ${searches.length}; limits.maxRunning is ${maxRunning}`;
  if (budgetGpuHours !== null && gpuHours === null)
    return "what the template starts has no budget.gpuHours, and the trigger limits them";
  if (budgetGpuHours !== null && usage.gpuHours + (gpuHours ?? 0) > budgetGpuHours)
    return `this trigger started ${usage.gpuHours} GPU hours within ${budgetDays} days, and this would start ${gpuHours}; limits.budget.gpuHours is ${budgetGpuHours}`;
  return "the trigger was disabled, or was at a limit, at that moment";
}

async function decline(
  db: D1Database,
  trigger: StoredTrigger,
  incoming: Incoming,
  { state, reason, errors }: Declined,
): Promise<Outcome | null> {
  const delivery: Delivery = {
    ...keyOf(trigger, incoming),
    state,
    reason: reason.slice(0, mostReasonCharacters),
    searchId: null,
    campaignId: null,
    gpuHours: null,
  };
  if (await recordDelivery(db, delivery))
    return { delivery, isRepeated: false, ...(errors === undefined ? {} : { errors }) };
  const known = await findDelivery(db, trigger.id, incoming.id);
  return known === null ? null : { delivery: known, isRepeated: true };
}

const keyOf = (trigger: StoredTrigger, { id, event }: Incoming) => ({
  triggerId: trigger.id,
  deliveryId: id,
  event,
  createdAt: Date.now(),
});
