/** Events as sentences for people, with their figures. Pure. */

import { z } from "zod";
import { testEvent, type WebhookEvent } from "../../shared/webhookEvents.ts";

const number = z.number().nullish().catch(null);
const text = z.string().catch("");

/** What sentences are made of; figures behind a colon that are missing are left out. */
const factsSchema = z.object({
  name: text,
  trainingId: text,
  purpose: text,
  message: text,
  stage: number,
  round: number,
  front: number,
  size: number,
  hypervolume: number,
  edgesPruned: number,
  trained: number,
  testAccuracy: number,
  validationAccuracy: number,
  parameters: number,
  idleMinutes: number,
  budget: text,
  percent: number,
  used: number,
  device: text,
  gpu: text,
  provider: text,
  reason: text,
  problem: text,
  detail: text,
  priceUsdPerHour: number,
  costUsd: number,
  limit: number,
  progress: z
    .object({ evaluations: number, frontSize: number, bestAccuracy: number })
    .catch({ evaluations: null, frontSize: null, bestAccuracy: null }),
});
type Facts = z.infer<typeof factsSchema>;

const count = (value: number | null | undefined, what: string): string | null =>
  value == null ? null : `${value.toLocaleString("en-US")} ${what}`;
const percent = (value: number | null | undefined, what: string): string | null =>
  value == null ? null : `${what} ${value.toFixed(1)} %`;
const decimal = (value: number | null | undefined, what: string): string | null =>
  value == null ? null : `${what} ${value.toPrecision(3)}`;

/** A clause and its figures: those that are known. */
function told(clause: string, figures: readonly (string | null)[] = []): string {
  const known = figures.filter((figure) => figure !== null);
  return known.length === 0 ? `${clause}.` : `${clause}: ${known.join(", ")}.`;
}

const search = ({ name }: Facts): string => `Search "${name}"`;
const reached = ({ progress }: Facts) => [
  count(progress.evaluations, "evaluations"),
  count(progress.frontSize, "architectures on the front"),
  percent(progress.bestAccuracy, "best accuracy"),
];
const training = (facts: Facts): string =>
  `${facts.purpose === "rerank" || facts.purpose === "candidate" ? "A short training" : "The training"} ${facts.trainingId} of search "${facts.name}"`;
const because = ({ message }: Facts): string => (message === "" ? "" : ` (${message})`);

const machine = ({ gpu, provider, name }: Facts): string =>
  `A machine (${[gpu, provider].filter((part) => part !== "").join(", ")}) for search "${name}"`;
const dollars = (value: number | null | undefined, what: string): string | null =>
  value == null ? null : `${value.toFixed(2)} USD ${what}`;

const budgets: Record<string, string> = {
  gpuHours: "GPU hours",
  wallClockHours: "hours of wall-clock time",
  usd: "dollars",
};

const sentences: Record<WebhookEvent | typeof testEvent, (facts: Facts) => string> = {
  "search.started": (facts) => told(`${search(facts)} has started`),
  "search.paused": (facts) => told(`${search(facts)} is paused`, reached(facts)),
  "search.resumed": (facts) => told(`${search(facts)} goes on`, reached(facts)),
  "search.completed": (facts) => told(`${search(facts)} is completed`, reached(facts)),
  "search.failed": (facts) => told(`${search(facts)} has failed${because(facts)}`, reached(facts)),
  "search.cancelled": (facts) => told(`${search(facts)} was cancelled`, reached(facts)),
  "search.stalled": (facts) =>
    told(`${search(facts)} is stalled: for ${facts.idleMinutes} minutes no runner has worked on it`),
  "stage.completed": (facts) =>
    told(`${search(facts)} has completed stage ${(facts.stage ?? 0) + 1}`, [
      count(facts.front, "architectures on the front"),
      decimal(facts.hypervolume, "hypervolume"),
      count(facts.edgesPruned, "edges pruned"),
    ]),
  "front.improved": (facts) =>
    told(`The front of search "${facts.name}" has improved in round ${facts.round}`, [
      count(facts.size, "architectures"),
      decimal(facts.hypervolume, "hypervolume"),
      percent(facts.progress.bestAccuracy, "best accuracy"),
    ]),
  "front.reranked": (facts) =>
    told(`The front of search "${facts.name}" is ordered by short trainings`, [
      count(facts.trained, "trained"),
      count(facts.front, "architectures on the front"),
      decimal(facts.hypervolume, "hypervolume"),
    ]),
  "training.completed": (facts) =>
    told(`${training(facts)} is completed`, [
      percent(facts.testAccuracy, "test accuracy"),
      percent(facts.validationAccuracy, "validation accuracy"),
      count(facts.parameters, "parameters"),
    ]),
  "training.failed": (facts) => told(`${training(facts)} has failed${because(facts)}`),
  "budget.threshold": (facts) =>
    told(
      `${search(facts)} has used ${facts.percent} % of its ${budgets[facts.budget] ?? facts.budget}`,
      facts.used == null || facts.limit == null ? [] : [`${facts.used.toFixed(2)} of ${facts.limit}`],
    ),
  "instance.launched": (facts) =>
    told(`${machine(facts)} is rented`, [dollars(facts.priceUsdPerHour, "an hour")]),
  "instance.lost": (facts) =>
    told(`${machine(facts)} is lost: ${facts.reason}; the search goes on with another`),
  "instance.terminated": (facts) =>
    told(`${machine(facts)} is given back: ${facts.reason}`, [dollars(facts.costUsd, "spent")]),
  "instance.stuck": (facts) =>
    told(`ALERT: ${machine(facts)} does not end and may still cost money (${facts.problem}); end it by hand`),
  "rental.waiting": (facts) =>
    told(`${search(facts)} waits for a machine (${facts.problem}): ${facts.detail}`),
  "device.quarantined": (facts) =>
    told(`Device "${facts.device}" is quarantined, so nothing that it measures is believed: ${facts.reason}`),
  "device.disagrees": (facts) => told(`Device "${facts.device}" is not what it was: ${facts.detail}`),
  "measurement.failed": (facts) =>
    told(`Device "${facts.device}" could not measure for search "${facts.name}": ${facts.reason}`),
  [testEvent]: () => "This is a test of a webhook of Nasturtium: it works.",
};

/** One line. */
export function sentenceOf({ type, data }: { type: string; data: Record<string, unknown> }): string {
  if (!Object.hasOwn(sentences, type)) return `${type}.`;
  return sentences[type as keyof typeof sentences](factsSchema.parse(data));
}
