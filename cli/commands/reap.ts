/**
 * `nasturtium reap`: ends machines of a deployment that nobody wants, from outside the Worker, with the providers' keys
 * in the environment. It is for the case that the Worker cannot do it itself, and meant to be run by a schedule.
 */

import { setTimeout as sleep } from "node:timers/promises";
import type { Machine, Provider } from "../../edge/providers/provider.ts";
import type { CommandRow, Context } from "../command.ts";
import { badInput, CliError, reasonOf } from "../errors.ts";
import { textTable } from "../table.ts";

const HOUR_MS = 3_600_000;
/** A machine lives for a day at most, so one that is older is nobody's. */
const LONGEST_LIFE_HOURS = 25;

interface Found {
  provider: Provider;
  machine: Machine;
  why: string;
}
/** With what kept providers from being asked. */
interface Machines {
  machines: Omit<Found, "why">[];
  failures: string[];
}
interface Unwanted {
  found: Found[];
  failures: string[];
}

const columns = { name: "MACHINE", provider: "PROVIDER", state: "STATE", why: "WHY", done: "DONE" };

export const reap: CommandRow = {
  name: "reap",
  description: "end rented machines of this deployment that nobody wants, with the providers' keys at hand",
  options: [
    { flags: "--dry-run", description: "only say which" },
    {
      flags: "--deployment <id>",
      description:
        "as in the machines' names, where the edge cannot be asked: then those older than a day are ended",
    },
    { flags: "--all", description: "with --deployment: end every machine of it, whatever its age" },
  ],
  async run(ctx, _args, options) {
    const { configuredProviders } = await import("../../edge/providers/index.ts");
    const context = { env: process.env, fetch, now: () => Date.now(), wait: (ms: number) => sleep(ms) };
    const providers = configuredProviders(context);
    if (providers.length === 0)
      throw badInput(
        "No provider's key is in the environment.",
        "Set the same as the Worker has, such as RUNPOD_API_KEY.",
      );
    const { found, failures } =
      options.deployment === undefined
        ? await unwanted(ctx, providers)
        : await orphaned(providers, options.deployment as string, options.all === true);
    const rows = [];
    for (const { provider, machine, why } of found) {
      const done = options.dryRun === true ? "no" : await end(provider, machine.id);
      rows.push({ name: machine.name, provider: provider.name, state: machine.state, why, done });
    }
    const failed = rows.filter(({ done }) => done.startsWith("failed"));
    ctx.print({ data: rows }, rows.length === 0 ? "Nothing to end." : textTable(rows, columns));
    if (failed.length > 0)
      throw new CliError(
        `${failed.length} of ${rows.length} machines could not be ended.`,
        "Try again, or end them at the provider.",
      );
    if (failures.length > 0)
      throw new CliError(`Not all providers could be asked: ${failures.join("; ")}.`, "Check their keys.");
  },
};

/** One provider that cannot be asked keeps no other's machines alive. */
async function machinesOf(providers: readonly Provider[], deployment: string): Promise<Machines> {
  const { namePrefix, parseInstanceName } = await import("../../edge/rentals/names.ts");
  const failures: string[] = [];
  const listed = async (provider: Provider): Promise<Omit<Found, "why">[]> => {
    try {
      return (await provider.list(namePrefix(deployment))).map((machine) => ({ provider, machine }));
    } catch (error) {
      failures.push(reasonOf(error));
      return [];
    }
  };
  const machines = (await Promise.all(providers.map(listed)))
    .flat()
    .filter(
      ({ machine: { name, state } }) =>
        state !== "gone" && parseInstanceName(name)?.deployment === deployment,
    );
  return { machines, failures };
}

/** Machines that the edge does not know as live. Asked for after the list, so that none is missed that was just made. */
async function unwanted(ctx: Context, providers: readonly Provider[]): Promise<Unwanted> {
  const client = ctx.client();
  const { deployment } = await client.json(client.v1.budgets.$get(), ["deployment"]);
  const { machines, failures } = await machinesOf(providers, deployment);
  const live = await client.all(
    (query) => client.v1.instances.$get({ query: { ...query, state: "live" } }),
    ["name", "expiresAt"],
  );
  const ends = new Map(live.map(({ name, expiresAt }) => [name, Date.parse(expiresAt)]));
  const found = machines.flatMap(({ provider, machine }) => {
    const expiresAt = ends.get(machine.name);
    if (expiresAt === undefined) return [{ provider, machine, why: "the edge wants none of this name" }];
    return expiresAt < Date.now() ? [{ provider, machine, why: "its time is over" }] : [];
  });
  return { found, failures };
}

async function orphaned(providers: readonly Provider[], deployment: string, all: boolean): Promise<Unwanted> {
  if (!/^[a-z2-7]+$/.test(deployment))
    throw badInput(`"${deployment}" is no deployment.`, "It is the second part of its machines' names.");
  const { parseInstanceName } = await import("../../edge/rentals/names.ts");
  const { machines, failures } = await machinesOf(providers, deployment);
  const found = machines.flatMap(({ provider, machine }) => {
    const launchedAt = (parseInstanceName(machine.name)?.launchedAt ?? 0) * 1000;
    const hours = (Date.now() - launchedAt) / HOUR_MS;
    if (!all && hours < LONGEST_LIFE_HOURS) return [];
    return [{ provider, machine, why: `it is ${hours.toFixed(1)} hours old` }];
  });
  return { found, failures };
}

async function end(provider: Provider, id: string): Promise<string> {
  try {
    await provider.terminate(id);
    return "ended";
  } catch (error) {
    return `failed: ${reasonOf(error)}`;
  }
}
