/** What is to be done to an account so that it holds the deployment that is wanted. Pure. */

import { type AccountState, BUILD_VARIABLE } from "./state.ts";

export const ADMIN_TOKEN = "NASTURTIUM_ADMIN_TOKEN";
export const SECRET = "NASTURTIUM_SECRET";
const URL_VARIABLE = "NASTURTIUM_URL";

export interface Wanted {
  /** Of the Worker. */
  name: string;
  /** Names of all migrations, in order. */
  migrations: readonly string[];
  /** Digest of the Worker's code and configuration. */
  build: string;
  crons: readonly string[];
  /** Variables of wrangler.toml; what the Worker has comes before them. */
  defaultVars: Readonly<Record<string, string>>;
  /** Variables asked for; an empty one is removed. */
  vars: Readonly<Record<string, string>>;
  /** Names of the secrets that were given. */
  secrets: readonly string[];
  /** Whether the admin token is to be made anew. */
  newAdminToken: boolean;
}

export type StepState = "create" | "change" | "remove" | "exists";

export interface Step {
  what: "database" | "bucket" | "migrations" | "secret" | "variable" | "Worker" | "schedule" | "address";
  name: string;
  state: StepState;
  detail: string;
}

export interface Plan {
  /** In the order in which they are done. */
  steps: Step[];
  /** All variables that the Worker gets. */
  vars: Record<string, string>;
  /** Secrets that are made here. */
  generated: string[];
  url: string;
}

export function planOf(found: AccountState, wanted: Wanted): Plan {
  const address = `https://${wanted.name}.${found.subdomain}.workers.dev`;
  const vars = varsOf(found, wanted, address);
  const generated = generatedSecrets(found, wanted);
  return {
    steps: [
      databaseStep(found),
      bucketStep(found),
      migrationStep(found, wanted),
      ...secretSteps(found, wanted, generated),
      ...variableSteps(found, vars),
      workerStep(found, wanted),
      ...scheduleSteps(found, wanted),
      {
        what: "address",
        name: address,
        state: found.worker?.workersDev ? "exists" : "create",
        detail: "",
      },
    ],
    vars,
    generated,
    url: vars[URL_VARIABLE] ?? address,
  };
}

export const isPending = ({ state }: Step): boolean => state !== "exists";

/** Whether the Worker is to be uploaded: its secrets, variables, schedule and address come with it. */
export const needsUpload = ({ steps }: Plan): boolean =>
  steps.some((step) => isPending(step) && !["database", "bucket", "migrations"].includes(step.what));

const databaseStep = ({ database }: AccountState): Step => ({
  what: "database",
  name: database.name,
  state: database.id === null ? "create" : "exists",
  detail: database.id ?? "D1",
});

const bucketStep = ({ bucket }: AccountState): Step => ({
  what: "bucket",
  name: bucket.name,
  state: bucket.exists ? "exists" : "create",
  detail: "R2",
});

function migrationStep({ appliedMigrations }: AccountState, { migrations }: Wanted): Step {
  const pending = migrations.filter((name) => !appliedMigrations.includes(name));
  const [first, last] = [pending[0], pending.at(-1)];
  const applied = migrations.length - pending.length;
  return {
    what: "migrations",
    name: first === undefined ? "all applied" : first === last ? first : `${first} to ${last}`,
    state: first === undefined ? "exists" : applied === 0 ? "create" : "change",
    detail: `${applied} of ${migrations.length} applied`,
  };
}

/** Neither has a default: whoever deploys gets values that nobody else knows. */
function generatedSecrets({ worker }: AccountState, { secrets, newAdminToken }: Wanted): string[] {
  const isMissing = (name: string) => !secrets.includes(name) && !worker?.secrets.includes(name);
  return [
    ...(isMissing(ADMIN_TOKEN) || newAdminToken ? [ADMIN_TOKEN] : []),
    ...(isMissing(SECRET) ? [SECRET] : []),
  ];
}

function secretSteps({ worker }: AccountState, { secrets }: Wanted, generated: readonly string[]): Step[] {
  const existing = worker?.secrets ?? [];
  const names = [...new Set([ADMIN_TOKEN, SECRET, ...secrets, ...existing])];
  return names.map((name) => {
    const isSet = secrets.includes(name) || generated.includes(name);
    return {
      what: "secret",
      name,
      state: !isSet ? "exists" : existing.includes(name) ? "change" : "create",
      detail: secrets.includes(name) ? "from the secrets file" : secretDetail(name, generated),
    };
  });
}

function secretDetail(name: string, generated: readonly string[]): string {
  if (!generated.includes(name)) return "";
  return name === ADMIN_TOKEN ? "made here, printed once" : "made here";
}

function varsOf({ worker }: AccountState, wanted: Wanted, address: string): Record<string, string> {
  const all: Record<string, string> = {
    [URL_VARIABLE]: address,
    ...wanted.defaultVars,
    ...worker?.vars,
    ...wanted.vars,
    [BUILD_VARIABLE]: wanted.build,
  };
  // Removed, it would come back with the next run.
  all[URL_VARIABLE] ||= address;
  // A Worker has one binding of a name.
  const secrets = new Set([...wanted.secrets, ...(worker?.secrets ?? [])]);
  const isKept = ([name, value]: [string, string]) => value !== "" && !secrets.has(name);
  return Object.fromEntries(Object.entries(all).filter(isKept));
}

function variableSteps({ worker }: AccountState, vars: Record<string, string>): Step[] {
  const existing = worker?.vars ?? {};
  const names = [...new Set([...Object.keys(vars), ...Object.keys(existing)])];
  return names
    .filter((name) => name !== BUILD_VARIABLE)
    .map((name) => ({
      what: "variable",
      name,
      state: changeOf(existing[name], vars[name]),
      detail: vars[name] ?? "",
    }));
}

function changeOf(before: string | undefined, after: string | undefined): StepState {
  if (after === undefined) return "remove";
  if (before === undefined) return "create";
  return before === after ? "exists" : "change";
}

function workerStep({ worker, database, bucket }: AccountState, { name, build }: Wanted): Step {
  const isBound = worker !== null && worker.databaseId === database.id && worker.bucket === bucket.name;
  const isSame = isBound && worker.vars[BUILD_VARIABLE] === build;
  return {
    what: "Worker",
    name,
    state: worker === null ? "create" : isSame ? "exists" : "change",
    detail: `build ${build}`,
  };
}

function scheduleSteps({ worker }: AccountState, { crons }: Wanted): Step[] {
  const existing = worker?.crons ?? [];
  return [...new Set([...crons, ...existing])].map((cron) => ({
    what: "schedule",
    name: cron,
    state: !crons.includes(cron) ? "remove" : existing.includes(cron) ? "exists" : "create",
    detail: "",
  }));
}
