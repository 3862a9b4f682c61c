/** What this deployment has, and what is still to do, each with its next step. */

import { api, read, readAll, useCan } from "../../app/api.ts";
import { addresses } from "../../app/place.ts";
import { useData } from "../../app/useData.ts";
import { Badge, LinkButton } from "../../ui/controls.tsx";
import { Loaded } from "../../ui/states.tsx";
import { Frame } from "./frame.tsx";
import { type Known, type Step, stepsOf } from "./todo.ts";

const refreshMs = 10_000;
const limit = 200;
/** So many searches tell whether anybody trains. */
const newest = 20;

/** What each token may see; what it may not stays undefined. */
async function load(may: { manage: boolean; admin: boolean }, signal: AbortSignal): Promise<Known> {
  const init = { init: { signal } };
  const [tokens, providers, webhooks, devices, datasets, triggers, searches] = await Promise.all([
    may.admin ? readAll((page) => api.tokens.$get({ query: { ...page, limit } }, init)) : undefined,
    read(api.providers.$get({}, init)),
    may.manage ? readAll((page) => api.webhooks.$get({ query: { ...page, limit } }, init)) : undefined,
    readAll((page) => api.devices.$get({ query: { ...page, limit } }, init)),
    read(api.datasets.$get({ query: { limit } }, init)),
    may.manage ? read(api.triggers.$get({ query: { limit } }, init)) : undefined,
    read(api.searches.$get({ query: { limit: newest } }, init)),
  ]);
  return {
    ...{ tokens, webhooks, devices },
    providers: providers.data,
    datasets: datasets.data.length,
    triggers: triggers?.data.length,
    hasWorked: searches.data.some(({ progress }) => progress.round > 0),
  };
}

export default function SetupPage() {
  const [manage, admin] = [useCan("searches:write"), useCan("admin")];
  const known = useData(`set-up ${manage} ${admin}`, (signal) => load({ manage, admin }, signal), {
    everyMs: refreshMs,
  });
  return (
    <Frame part="Overview">
      <Loaded of={known} what="set-up" lines={6}>
        {(value) => <Steps steps={stepsOf(value, Date.now())} />}
      </Loaded>
    </Frame>
  );
}

function Steps({ steps }: { steps: readonly Step[] }) {
  const isReady = steps.every(({ isOptional, state }) => isOptional || state === "done");
  const open = steps.filter(({ state }) => state === "open" || state === "attention").length;
  return (
    <>
      <p>{leadOf(isReady, open)}</p>
      <ul class="setup-todo">
        {steps.map((step) => (
          <li key={step.title} class="card">
            <Mark state={step.state} />
            <div>
              <h2>
                {step.title}
                {step.isOptional && step.state === "open" && <Badge>optional</Badge>}
              </h2>
              <p>{step.words}</p>
            </div>
            <div class="buttons">
              <LinkButton
                href={step.next.href}
                tone={
                  step.state === "attention" || (step.state === "open" && !step.isOptional) ? "main" : "plain"
                }
              >
                {step.next.title}
              </LinkButton>
            </div>
          </li>
        ))}
      </ul>
      {isReady && (
        <p>
          <a href={addresses.newSearch}>Start a search</a>, or read the <a href="/docs">API’s pages</a>.
        </p>
      )}
    </>
  );
}

function leadOf(isReady: boolean, open: number): string {
  if (open === 0) return "Everything is set up.";
  if (isReady) return "Searches can run. What is open below is there when you want it.";
  return "Begin with what is open at the top; the rest is there when you want it.";
}

const marks: Record<Step["state"], { sign: string; words: string }> = {
  done: { sign: "✓", words: "Done" },
  open: { sign: "○", words: "To do" },
  attention: { sign: "!", words: "Needs attention" },
  unknown: { sign: "?", words: "Not known" },
};

const Mark = ({ state }: { state: Step["state"] }) => (
  <span class={`mark ${state}`}>
    <span aria-hidden="true">{marks[state].sign}</span>
    <span class="visually-hidden">{marks[state].words}</span>
  </span>
);
