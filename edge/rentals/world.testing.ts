/**
 * For tests: providers on a clock that the test moves, machines whose runners invent their measurements, and an edge that
 * can be cut off between any two calls.
 */

import { vi } from "vitest";
import type { LeasedTask } from "../../shared/protocol.ts";
import { protocolVersion } from "../../shared/protocol.ts";
import type { Schedule, Stage } from "../../shared/schedule.ts";
import type { SpecificationInput } from "../../shared/specification.ts";
import type { FakeCloud, FakeMachine, ProviderFake } from "../../test/fakes/cloud.ts";
import type { Env } from "../env.ts";
import app from "../index.ts";
import {
  env as bindings,
  type Caller,
  callerWith,
  createSearch,
  reportFor,
  roundOf,
  tinySpecification,
  tokenWith,
  trainingReportFor,
} from "../testEdge.ts";
import { sweep } from "../webhooks/sweep.ts";

const minuteMs = 60_000;
const start = Date.UTC(2030, 0, 10);

/** Thrown by every call once the edge is cut off. */
class CutOff extends Error {}

/** Calls that are left until the edge is cut off. */
interface Fuse {
  left: number;
}

function burn(fuse: Fuse): void {
  if (fuse.left <= 0) throw new CutOff("the edge was cut off");
  fuse.left--;
}

function cuttable(db: D1Database, fuse: Fuse): D1Database {
  const wrapped = (statement: D1PreparedStatement): D1PreparedStatement =>
    new Proxy(statement, {
      get(target, key) {
        const value: unknown = Reflect.get(target, key);
        if (key === "bind") return (...values: unknown[]) => wrapped(target.bind(...values));
        if (key === "original") return target;
        if (typeof value !== "function") return value;
        return (...args: unknown[]) => {
          burn(fuse);
          return value.apply(target, args) as unknown;
        };
      },
    });
  const original = (statement: D1PreparedStatement): D1PreparedStatement =>
    (Reflect.get(statement, "original") as D1PreparedStatement | undefined) ?? statement;
  return new Proxy(db, {
    get(target, key) {
      if (key === "prepare") return (sql: string) => wrapped(target.prepare(sql));
      if (key === "batch")
        return (statements: D1PreparedStatement[]) => {
          burn(fuse);
          return target.batch(statements.map(original));
        };
      const value: unknown = Reflect.get(target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

type Rental = NonNullable<SpecificationInput["rental"]>;

/** What runs on a machine. */
interface Work {
  call: Caller;
  runnerId: string | null;
  lease: LeasedTask | null;
}

export interface WorldOptions {
  fakes: ProviderFake[];
  /** Further variables of the edge. */
  vars?: Partial<Env>;
}

export class World {
  readonly fakes: ProviderFake[];
  readonly env: Env;
  readonly admin: Caller;
  /** Runners that do nothing, by machine. */
  readonly silent = new Set<string>();
  /** Runners hold their tasks and do not end them. */
  isStuck = false;
  readonly #work = new Map<string, Work>();
  readonly #bases: Map<string, ProviderFake>;

  static async make({ fakes, vars = {} }: WorldOptions): Promise<World> {
    vi.setSystemTime(start);
    const bases = new Map(fakes.map((fake, index) => [`https://provider-${index}.test`, fake] as const));
    const secrets = Object.assign(
      {},
      ...[...bases].map(([base, fake]) => ({ ...fake.env, [fake.baseUrlVariable]: base })),
    );
    const env: Env = {
      ...bindings,
      NASTURTIUM_URL: "https://edge.test",
      NASTURTIUM_IMAGE: `registry.test/runner@sha256:${"0".repeat(64)}`,
      ...secrets,
      ...vars,
    };
    return new World(fakes, env, bases, await tokenWith("admin"));
  }

  private constructor(fakes: ProviderFake[], env: Env, bases: Map<string, ProviderFake>, token: string) {
    this.fakes = fakes;
    this.env = env;
    this.#bases = bases;
    this.admin = this.caller(token);
  }

  /** Requests to the edge; the loop is not run after them, so that it runs where the test says. */
  caller(token: string): Caller {
    const { env } = this;
    const quiet = {
      ...env,
      ...Object.fromEntries(Object.keys(this.#secretsOf()).map((key) => [key, undefined])),
    };
    return callerWith(token, async (request) => app.fetch(request, quiet as Env));
  }

  #secretsOf(): Record<string, string> {
    return Object.assign({}, ...this.fakes.map((fake) => fake.env));
  }

  /** @param steps of its one stage, two of which take a minute */
  createSearch(usd: number, steps = 6, rental: Partial<Rental> = {}): Promise<string> {
    const schedule = tinySpecification.schedule as Schedule;
    const [stage] = schedule.stages;
    return createSearch(this.admin, {
      // The cheapest to run: what is proposed does not matter here.
      strategy: { name: "random" },
      schedule: { ...schedule, stages: [{ ...(stage as Stage), steps }] },
      budget: { usd },
      rental: { providers: ["runpod", "vast"], maxUsdPerHour: 1, ...rental },
    });
  }

  /** What the schedule does every minute, cut off after so many calls to the database and to providers. */
  async run(calls = Number.POSITIVE_INFINITY): Promise<void> {
    const fuse = { left: calls };
    const call = (async (input: RequestInfo | URL, init?: RequestInit) => {
      burn(fuse);
      const request = new Request(input as RequestInfo, init);
      const fake = this.#bases.get(new URL(request.url).origin);
      if (fake === undefined) throw new TypeError(`nobody answers at ${request.url}`);
      return fake.handle(request);
    }) as typeof fetch;
    const env = { ...this.env, DB: cuttable(this.env.DB, fuse) };
    try {
      const now = () => Date.now();
      const wait = async (milliseconds: number) => void vi.setSystemTime(now() + milliseconds);
      await sweep(env, { call, now, wait, random: () => 0.5, resolve: async () => [] });
    } catch (error) {
      if (fuse.left > 0) throw error;
    }
  }

  advance(minutes: number): void {
    vi.setSystemTime(Date.now() + minutes * minuteMs);
  }

  /** Everything that runs does a minute's work; then the loop runs. */
  async minute(calls?: number): Promise<void> {
    this.advance(1);
    for (const { cloud } of this.fakes)
      for (const machine of cloud.machines)
        if (cloud.stateOf(machine) === "running" && !this.silent.has(machine.id))
          await this.#workAMinute(machine);
    await this.run(calls);
  }

  async #workAMinute(machine: FakeMachine): Promise<void> {
    const { NASTURTIUM_TOKEN: token, NASTURTIUM_NAME: name } = machine.env;
    if (token === undefined || name === undefined) return;
    const work: Work = this.#work.get(machine.name) ?? {
      call: this.caller(token),
      runnerId: null,
      lease: null,
    };
    this.#work.set(machine.name, work);
    const post = async <T>(path: string, body: unknown): Promise<T | null> => {
      const response = await work.call(path, { body });
      return response.ok ? ((await response.json()) as T) : null;
    };
    if (work.runnerId === null) {
      const backend = { name: "wasm", versions: {}, threads: 1 };
      const made = await post<{ runnerId: string }>("/v1/runners", { protocolVersion, name, backend });
      work.runnerId = made?.runnerId ?? null;
      return;
    }
    if (work.lease === null) {
      const answer = await post<{ lease: LeasedTask | null }>("/v1/tasks/lease", { runnerId: work.runnerId });
      work.lease = answer?.lease ?? null;
      return;
    }
    const { task, leaseId } = work.lease;
    const beat = await post<{ stop: boolean }>(`/v1/tasks/${task.taskId}/heartbeat`, { leaseId });
    if (beat === null || beat.stop) {
      await post(`/v1/tasks/${task.taskId}/release`, { leaseId });
      work.lease = null;
      return;
    }
    if (this.isStuck) return;
    const body = task.kind === "trainRound" ? reportFor(roundOf(work.lease)) : trainingReportFor(work.lease);
    const answer = await post<{ next: LeasedTask | null }>(`/v1/tasks/${task.taskId}/report`, body);
    work.lease = answer?.next ?? null;
  }

  /** Machines of this deployment that are billed now. */
  live(prefix: string): FakeMachine[] {
    return this.fakes.flatMap(({ cloud }) =>
      cloud.machines.filter(({ name, deletedAt }) => deletedAt === null && name.startsWith(prefix)),
    );
  }

  /** In US dollars, of a search. */
  billedUsd(searchId: string): number {
    return this.#billed(searchId, (cloud, machine) => cloud.billedUsd(machine));
  }

  /** As if every provider had ended each machine when it was first told to. */
  billedUntilToldUsd(searchId: string): number {
    return this.#billed(searchId, (cloud, machine) =>
      cloud.billedUsd(machine, machine.toldToEndAt ?? machine.deletedAt ?? Date.now()),
    );
  }

  #billed(searchId: string, usdOf: (cloud: FakeCloud, machine: FakeMachine) => number): number {
    return this.fakes
      .flatMap(({ cloud }) => cloud.machines.map((machine) => [cloud, machine] as const))
      .filter(([, { name }]) => name.includes(searchId))
      .reduce((sum, [cloud, machine]) => sum + usdOf(cloud, machine), 0);
  }
}

/** All rows of a table, their columns named as in the schema. The comment keeps the tests' own scans from being judged. */
export async function rowsOf<T>(db: D1Database, table: string): Promise<T[]> {
  const { results } = await db.prepare(`/* of a test */ SELECT * FROM ${table}`).all();
  const camel = (name: string) => name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return results.map((row) =>
    Object.fromEntries(Object.entries(row).map(([key, value]) => [camel(key), value])),
  ) as T[];
}

/** Empties what a world writes, so that the next one begins with nothing. */
export async function empty(db: D1Database): Promise<void> {
  const tables = [
    "instances",
    "ledger",
    "bad_hosts",
    "hires",
    "settings",
    "leases",
    "runners",
    "trainings",
    "events",
  ];
  const more = ["rounds", "architectures", "controller_states", "searches", "tokens"];
  await db.batch([...tables, ...more].map((table) => db.prepare(`/* of a test */ DELETE FROM ${table}`)));
}
