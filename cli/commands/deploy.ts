/** `nasturtium deploy`: the edge in a Cloudflare account, from nothing or to a newer version. */

import { randomBytes } from "node:crypto";
import { createInterface } from "node:readline/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { CommandRow, Context } from "../command.ts";
import type { Cloudflare } from "../deploy/cloudflare.ts";
import {
  buildDigest,
  configurationFor,
  migrationNames,
  type RawConfiguration,
  readConfiguration,
} from "../deploy/configuration.ts";
import { connect } from "../deploy/credentials.ts";
import { ADMIN_TOKEN, isPending, needsUpload, type Plan, planOf, type Step } from "../deploy/plan.ts";
import { refusalIn } from "../deploy/refusals.ts";
import { isOpenToOthers, parseImage, parseVariable, readSecretsFile } from "../deploy/secretsFile.ts";
import { type AccountState, readState } from "../deploy/state.ts";
import { Workspace, wranglerFailure } from "../deploy/wrangler.ts";
import { badInput, CliError } from "../errors.ts";
import { textTable } from "../table.ts";
import { newToken } from "./dev.ts";

const IMAGE_VARIABLE = "NASTURTIUM_IMAGE";
/** What a name may be as a Worker, a host of workers.dev, a database and a bucket. */
const NAME = /^[a-z][a-z0-9-]{1,50}[a-z0-9]$/;
const SECRET_BYTES = 32;
/** A new workers.dev address takes a while to be known. */
const ANSWER_LIMIT_MS = 90_000;
const ANSWER_PAUSE_MS = 2000;
const ANSWER_TIMEOUT_MS = 10_000;

interface Options {
  name: string;
  secretsFile?: string;
  var?: Record<string, string>;
  image?: string;
  newAdminToken?: boolean;
  plan?: boolean;
  yes?: boolean;
}

export const deploy: CommandRow = {
  name: "deploy",
  description: "put the edge into a Cloudflare account, or bring it up to date",
  options: [
    {
      flags: "--name <name>",
      description: "of the Worker; a new database and bucket are called the same",
      default: "nasturtium",
      parse: parseName,
    },
    {
      flags: "--secrets-file <file>",
      description: "KEY=VALUE lines, such as RUNPOD_API_KEY=...; values are never printed",
    },
    {
      flags: "--var <key=value>",
      description: "a variable of the Worker; may be repeated; without a value it is removed",
      parse: parseVariable,
    },
    {
      flags: "--image <image>",
      description: "the runner's image for rented machines, by digest",
      parse: parseImage,
    },
    { flags: "--new-admin-token", description: "replace the admin token and print the new one" },
    { flags: "--plan", description: "say what would be done, and do nothing" },
    { flags: "--yes", description: "do not ask" },
  ],
  async run(ctx, _args, options) {
    const workspace = new Workspace(ctx.signal);
    try {
      await new Deployment(ctx, workspace, options as unknown as Options).run();
    } finally {
      workspace.close();
    }
  },
};

function parseName(text: string): string {
  if (NAME.test(text)) return text;
  throw badInput(
    `"${text}" cannot be the name of a deployment.`,
    "Use 3 to 52 lower-case letters, digits and hyphens, a letter first.",
  );
}

class Deployment {
  readonly #ctx: Context;
  readonly #workspace: Workspace;
  readonly #options: Options;
  readonly #vars: Record<string, string>;
  readonly #given: Map<string, string>;

  constructor(ctx: Context, workspace: Workspace, options: Options) {
    this.#ctx = ctx;
    this.#workspace = workspace;
    this.#options = options;
    this.#vars = {
      ...options.var,
      ...(options.image === undefined ? {} : { [IMAGE_VARIABLE]: options.image }),
    };
    const { secretsFile } = options;
    this.#given = secretsFile === undefined ? new Map() : readSecretsFile(secretsFile);
    if (secretsFile !== undefined && isOpenToOthers(secretsFile)) {
      ctx.log(`Others on this machine can read ${secretsFile}: chmod 600 keeps it to you.`);
    }
    if (options.newAdminToken && this.#given.has(ADMIN_TOKEN)) {
      throw badInput(
        `--new-admin-token makes a token, and the secrets file has one.`,
        "Leave one of them out.",
      );
    }
  }

  async run(): Promise<void> {
    const cloudflare = await connect(this.#workspace, this.#ctx.signal);
    this.#ctx.log("Reading the account and building the Worker ...");
    const found = await readState(cloudflare, this.#options.name);
    this.#refuseDoubles(found);
    const raw = await readConfiguration();
    const plan = planOf(found, await this.#wanted(raw));
    const isDone = !plan.steps.some(isPending);
    if (this.#options.plan) {
      this.#ctx.print({ url: plan.url, upToDate: isDone, plan: plan.steps }, planText(plan));
      return;
    }
    if (isDone) {
      const value = { url: plan.url, upToDate: true, changed: false, plan: plan.steps };
      this.#ctx.print(value, `${plan.url} is up to date. Nothing was changed.`);
      return;
    }
    this.#ctx.log(planText(plan));
    await this.#confirm();
    await this.#carryOut(cloudflare, raw, found, plan);
  }

  async #wanted(raw: RawConfiguration) {
    return {
      name: this.#options.name,
      migrations: migrationNames(raw),
      build: await buildDigest(this.#workspace, raw),
      crons: raw.triggers?.crons ?? [],
      defaultVars: raw.vars ?? {},
      vars: this.#vars,
      secrets: [...this.#given.keys()],
      newAdminToken: this.#options.newAdminToken === true,
    };
  }

  /** A Worker has one binding of a name. */
  #refuseDoubles({ worker }: AccountState): void {
    const secrets = new Set([...(worker?.secrets ?? []), ...this.#given.keys()]);
    const double = Object.keys(this.#vars).find((name) => secrets.has(name));
    if (double !== undefined) {
      throw badInput(`${double} is a secret of this deployment.`, "Leave out the variable of that name.");
    }
  }

  async #confirm(): Promise<void> {
    if (this.#options.yes) return;
    if (!process.stdin.isTTY || !process.stderr.isTTY) {
      throw badInput("Nobody can be asked here.", "Give --yes to go on, or --plan to only look.");
    }
    // Not as an editor of lines: that would take Ctrl-C for itself.
    const terminal = createInterface({ input: process.stdin, output: process.stderr, terminal: false });
    try {
      const answer = await terminal.question("Go on? [y/N] ", { signal: this.#ctx.signal });
      if (!/^y(es)?$/i.test(answer.trim())) throw new CliError("Nothing was changed.", "Say y to go on.");
    } finally {
      terminal.close();
    }
  }

  async #carryOut(
    cloudflare: Cloudflare,
    raw: RawConfiguration,
    found: AccountState,
    plan: Plan,
  ): Promise<void> {
    const { name } = this.#options;
    const isToDo = (what: Step["what"]) => plan.steps.some((step) => step.what === what && isPending(step));
    const configure = (databaseId: string) =>
      this.#workspace.write(
        "wrangler.json",
        configurationFor(raw, {
          name,
          databaseName: found.database.name,
          databaseId,
          bucket: found.bucket.name,
          vars: plan.vars,
        }),
      );
    const config = configure(found.database.id ?? "");
    const wrangler = (what: string, args: string[]) =>
      this.#wrangler(cloudflare, what, [...args, "--config", config]);
    if (isToDo("database")) {
      await wrangler(`Creating the database ${found.database.name}`, ["d1", "create", found.database.name]);
    }
    if (isToDo("bucket")) {
      await wrangler(`Creating the bucket ${found.bucket.name}`, [
        ...["r2", "bucket", "create", found.bucket.name],
      ]);
    }
    const databaseId = found.database.id ?? (await this.#newDatabase(cloudflare));
    configure(databaseId);
    if (isToDo("migrations")) {
      await wrangler("Migrating the database", ["d1", "migrations", "apply", "DB", "--remote"]);
    }
    const secrets = needsUpload(plan) ? await this.#upload(plan, wrangler) : undefined;
    const answers = await this.#waitForAnswer(plan.url);
    this.#report(plan, secrets?.get(ADMIN_TOKEN), answers, { databaseId, found });
  }

  async #newDatabase(cloudflare: Cloudflare): Promise<string> {
    const { database } = await readState(cloudflare, this.#options.name);
    if (database.id !== null) return database.id;
    throw new CliError(
      "Cloudflare does not list the new database yet.",
      "Run the same command again; it goes on where it stopped.",
    );
  }

  /** One upload brings the Worker with its secrets, so that it never serves without them. @returns those made here */
  async #upload(
    plan: Plan,
    wrangler: (what: string, args: string[]) => Promise<void>,
  ): Promise<Map<string, string>> {
    const made = new Map(
      plan.generated.map((name) => [
        name,
        name === ADMIN_TOKEN ? newToken() : randomBytes(SECRET_BYTES).toString("hex"),
      ]),
    );
    const all = Object.fromEntries([...this.#given, ...made]);
    // JSON: in KEY=VALUE files wrangler expands $NAME.
    const file = this.#workspace.write("secrets.json", JSON.stringify(all));
    const secrets = Object.keys(all).length > 0 ? ["--secrets-file", file] : [];
    try {
      await wrangler("Uploading the Worker", ["deploy", ...secrets]);
    } catch (error) {
      const token = made.get(ADMIN_TOKEN);
      // It may be stored already, and the next run could not tell what it is.
      if (token !== undefined) {
        this.#ctx.log(`If the next run finds ${ADMIN_TOKEN} there, this is the token: ${token}`);
      }
      throw error;
    }
    return made;
  }

  async #wrangler(cloudflare: Cloudflare, what: string, args: string[]): Promise<void> {
    this.#ctx.log(`${what} ...`);
    const run = await this.#workspace.wrangler(args);
    if (run.ok) return;
    const refusal = refusalIn(run.output);
    throw refusal === undefined ? wranglerFailure(what, run) : await cloudflare.explain(refusal);
  }

  async #waitForAnswer(url: string): Promise<boolean> {
    this.#ctx.log(`Waiting for ${url} to answer ...`);
    const endMs = Date.now() + ANSWER_LIMIT_MS;
    const { signal } = this.#ctx;
    while (Date.now() < endMs) {
      try {
        const limit = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]);
        if ((await fetch(`${url}/healthz`, { signal: limit })).ok) return true;
      } catch {
        signal.throwIfAborted();
      }
      await sleep(ANSWER_PAUSE_MS, undefined, { signal });
    }
    this.#ctx.log(`${url} does not answer yet. A new address can take some minutes.`);
    return false;
  }

  #report(
    plan: Plan,
    adminToken: string | undefined,
    answers: boolean,
    { databaseId, found }: { databaseId: string; found: AccountState },
  ): void {
    const { url } = plan;
    const value = {
      url,
      worker: this.#options.name,
      database: { id: databaseId, name: found.database.name },
      bucket: found.bucket.name,
      upToDate: true,
      changed: true,
      answers,
      plan: plan.steps,
      ...(adminToken === undefined ? {} : { adminToken }),
    };
    const tokenLines = [
      `Admin token  ${adminToken}`,
      "             It is printed this once: keep it where you keep passwords.",
    ];
    this.#ctx.print(
      value,
      [
        `Address      ${url}`,
        `Dashboard    ${url}/, with the token`,
        `API docs     ${url}/docs`,
        ...(adminToken === undefined ? [] : tokenLines),
        "",
        `Next: export NASTURTIUM_EDGE=${url} and NASTURTIUM_TOKEN=..., then \`npm run nasturtium -- doctor\`. What a search needs to rent: docs/deploy.md, from step 3 on.`,
      ].join("\n"),
    );
  }
}

const planText = ({ steps }: Plan): string =>
  textTable(
    steps.map((step) => ({ ...step })),
    { what: "WHAT", name: "NAME", state: "PLAN", detail: "DETAIL" },
  );
