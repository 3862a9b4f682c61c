/** The page, drawn from its state. */

import type { ComponentChildren } from "preact";
import { browserBackends } from "../../shared/measuring.ts";
import { type Problem, rowOf } from "./problems.ts";
import type { Settings } from "./settings.ts";
import type { PageState, Result } from "./state.ts";
import type { Trial } from "./trial.ts";
import { activityWords, backendTitles, detailOf, titleOf, valueText } from "./words.ts";

export interface Actions {
  connect(settings: Settings): void;
  again(): void;
  stop(): void;
  /** Back to the form; with `forget` without the token. */
  change(options?: { forget?: boolean }): void;
}

interface Props {
  state: PageState;
  actions: Actions;
}

export function Page({ state, actions }: Props) {
  const { phase, settings } = state;
  const hasResults = phase.kind !== "entry" && state.results.length > 0;
  return (
    <main class={hasResults ? "wide" : ""}>
      <header>
        <p class="brand">
          <img src="/icon.svg" alt="" width="28" height="28" /> Nasturtium
        </p>
        <h1>{(phase.kind !== "entry" && settings.name) || "Measure on this device"}</h1>
      </header>
      {phase.kind === "entry" && <Entry problem={phase.problem} settings={settings} actions={actions} />}
      {phase.kind === "preparing" && <Preparing step={phase.step} />}
      {phase.kind === "failed" && <Failed problem={phase.problem} state={state} actions={actions} />}
      {phase.kind === "working" && <Working state={state} actions={actions} />}
      {phase.kind === "stopped" && <Stopped state={state} actions={actions} />}
    </main>
  );
}

function Status({ tone, title, children }: { tone: string; title: string; children?: ComponentChildren }) {
  return (
    <section class={`card status ${tone}`} role={tone === "bad" ? "alert" : "status"}>
      <h2 tabIndex={-1}>
        <span class="dot" aria-hidden="true" />
        {title}
      </h2>
      {children}
    </section>
  );
}

const Preparing = ({ step }: { step: string }) => (
  <Status tone="calm busy" title="Getting ready">
    <p>{step}</p>
  </Status>
);

function Trouble({ problem, name }: { problem: Problem; name: string }) {
  const { title, fix, command } = rowOf(problem.name);
  return (
    <Status tone={problem.name === "token-missing" ? "calm" : "bad"} title={title}>
      {problem.detail !== null && <p class="said">{problem.detail}</p>}
      <p>{fix}</p>
      {command && <pre>{command(name)}</pre>}
    </Status>
  );
}

interface EntryProps {
  problem: Problem;
  settings: Partial<Settings>;
  actions: Actions;
}

function Entry({ problem, settings, actions }: EntryProps) {
  const onSubmit = (event: SubmitEvent) => {
    event.preventDefault();
    const data = new FormData(event.currentTarget as HTMLFormElement);
    const text = (key: string) => String(data.get(key) ?? "").trim();
    const backend = browserBackends.find((known) => known === text("backend")) ?? null;
    actions.connect({ name: text("name"), token: text("token"), backend });
  };
  return (
    <>
      <Trouble problem={problem} name={settings.name ?? ""} />
      <form class="card" onSubmit={onSubmit}>
        <label for="name">Name of this device</label>
        <input
          id="name"
          name="name"
          required
          pattern="[a-z0-9][a-z0-9\-]{0,62}"
          title="Lower-case letters, digits and hyphens, at most 63"
          aria-describedby="name-hint"
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
          placeholder="phone-lab"
          defaultValue={settings.name ?? ""}
        />
        <p class="hint" id="name-hint">
          Searches ask for it by this name: lower-case letters, digits and hyphens.
        </p>
        <label for="token">Token</label>
        <input
          id="token"
          name="token"
          type="password"
          required
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
          placeholder="nst_…"
          defaultValue={settings.token ?? ""}
        />
        <label for="backend">Runs networks with</label>
        <select id="backend" name="backend">
          <option value="">the fastest that works</option>
          {browserBackends.map((backend) => (
            <option key={backend} value={backend} selected={backend === settings.backend}>
              {backendTitles[backend]}
            </option>
          ))}
        </select>
        <button type="submit">Connect</button>
      </form>
    </>
  );
}

function Failed({ problem, state, actions }: Props & { problem: Problem }) {
  return (
    <>
      <div class="stack">
        <Trouble problem={problem} name={state.settings.name ?? ""} />
        <div class="buttons">
          <button type="button" onClick={actions.again}>
            Try again
          </button>
          <button type="button" class="quiet" onClick={() => actions.change()}>
            Change name, token or backend
          </button>
        </div>
      </div>
      <Results state={state} />
    </>
  );
}

const tones = {
  connecting: "calm busy",
  waiting: "calm",
  measuring: "good busy",
  reporting: "good busy",
  hidden: "warn",
  offline: "warn",
} as const;

function Working({ state, actions }: Props) {
  const { title, detail } = activityWords[state.activity];
  return (
    <>
      <div class="stack">
        <Status tone={tones[state.activity]} title={title}>
          <p>{detail}</p>
        </Status>
        {state.activity === "measuring" && <Current state={state} />}
        <div class="buttons">
          <button type="button" class="quiet" onClick={actions.stop}>
            Stop
          </button>
          <p class="hint">Or close this page. What is half measured is measured again later.</p>
        </div>
      </div>
      <Results state={state} />
      <Facts state={state} />
    </>
  );
}

function Current({ state: { current } }: { state: PageState }) {
  if (current === null) return null;
  const { subject, done, total } = current;
  return (
    <section class="card now" aria-label="Being measured">
      <h3>{titleOf(subject)}</h3>
      <p class="hint">{detailOf(subject)}</p>
      <progress max={total} value={done} aria-label="Of this task" />
      <p class="hint">
        {done + 1} of {total} in this task
      </p>
    </section>
  );
}

function Stopped({ state, actions }: Props) {
  return (
    <>
      <div class="stack">
        <Status tone="calm" title="Stopped">
          <p>This device measures nothing now. Its name stays registered.</p>
        </Status>
        <div class="buttons">
          <button type="button" onClick={actions.again}>
            Start again
          </button>
          <button type="button" class="quiet" onClick={() => actions.change()}>
            Change name, token or backend
          </button>
          <button type="button" class="quiet" onClick={() => actions.change({ forget: true })}>
            Forget the token
          </button>
        </div>
      </div>
      <Results state={state} />
      <Facts state={state} />
    </>
  );
}

function Results({ state: { results, measured, failed } }: { state: PageState }) {
  if (results.length === 0) return null;
  const counts = failed === 0 ? `${measured} measured` : `${measured} measured, ${failed} not`;
  return (
    <section class="card all" aria-labelledby="results">
      <h2 id="results">
        Last results <span class="count">{counts}</span>
      </h2>
      <ol class="results">
        {results.map((result, index) => (
          <ResultRow key={measured + failed - index} result={result} />
        ))}
      </ol>
    </section>
  );
}

function ResultRow({ result: { subject, values, failure } }: { result: Result }) {
  const texts = Object.entries(values).flatMap(([objective, value]) =>
    value === null ? [] : [valueText(objective, value)],
  );
  return (
    <li>
      <div class="what">
        <strong>{titleOf(subject)}</strong>
        <span class="hint">{detailOf(subject)}</span>
      </div>
      <div class="values">
        {texts.map(({ title, value, interval }) => (
          <span key={title} class="value">
            <span class="visually-hidden">{title}: </span>
            <span class="number">{value}</span>
            {interval !== null && <span class="hint">{interval}</span>}
          </span>
        ))}
      </div>
      {failure !== null && <p class="failure">{failure}</p>}
    </li>
  );
}

function Facts({ state }: { state: PageState }) {
  const { backend, clock, isScreenKeptOn } = state;
  return (
    <div class="stack facts">
      <Backends state={state} />
      <section class="card" aria-labelledby="facts">
        <h2 id="facts">How it is measured</h2>
        <dl>
          <dt>Edge</dt>
          <dd>{location.host}</dd>
          {backend === "wasm" && (
            <>
              <dt>Threads</dt>
              <dd>1, as on most pages</dd>
            </>
          )}
          <dt>Clock</dt>
          <dd>{clock ?? "not read yet"}</dd>
          <dt>Energy</dt>
          <dd>Not measured: a browser does not tell what power it takes.</dd>
          <dt>Screen</dt>
          <dd>
            {isScreenKeptOn
              ? "Kept on while this page is open. Leave the device plugged in."
              : "This browser does not keep it on. Set the device to stay awake, and leave it plugged in."}
          </dd>
        </dl>
      </section>
    </div>
  );
}

function Backends({ state: { trials, backend } }: { state: PageState }) {
  if (trials.length === 0) return null;
  return (
    <section class="card" aria-labelledby="backends">
      <h2 id="backends">Backends of this browser</h2>
      <ul class="backends">
        {trials.map((trial) => (
          <li key={trial.backend} class={trial.backend === backend ? "used" : ""}>
            <strong>{backendTitles[trial.backend]}</strong>
            {trial.backend === backend && <span class="tag">in use</span>}
            <span class="hint">{trialText(trial)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

const trialText = (trial: Trial): string =>
  "medianMs" in trial
    ? `${Number(trial.medianMs.toPrecision(2))} ms in the trial`
    : `does not work: ${trial.failure}`;
