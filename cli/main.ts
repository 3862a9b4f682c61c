/** The `nasturtium` command line: reads the table of commands, runs one and ends with its exit code. */

import { realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Command, CommanderError, Option } from "commander";
import { type CommandRow, createContext, type GlobalOptions } from "./command.ts";
import { archives } from "./commands/archives.ts";
import { campaigns } from "./commands/campaigns.ts";
import { compare } from "./commands/compare.ts";
import { count } from "./commands/count.ts";
import { data } from "./commands/data.ts";
import { demo } from "./commands/demo.ts";
import { deploy } from "./commands/deploy.ts";
import { dev } from "./commands/dev.ts";
import { device } from "./commands/device.ts";
import { devices } from "./commands/devices.ts";
import { doctor } from "./commands/doctor.ts";
import { exportTraining } from "./commands/export.ts";
import { front } from "./commands/front.ts";
import { profile } from "./commands/profile.ts";
import { reap } from "./commands/reap.ts";
import { rentals } from "./commands/rentals.ts";
import { report } from "./commands/report.ts";
import { runner } from "./commands/runner.ts";
import { scale } from "./commands/scale.ts";
import { search } from "./commands/search.ts";
import { searches } from "./commands/searches.ts";
import { templates } from "./commands/templates.ts";
import { tokens } from "./commands/tokens.ts";
import { train } from "./commands/train.ts";
import { triggers } from "./commands/triggers.ts";
import { webhooks } from "./commands/webhooks.ts";
import { describeError, exitCodes } from "./errors.ts";

const commands: CommandRow[] = [
  demo,
  dev,
  runner,
  device,
  profile,
  search,
  ...searches,
  ...archives,
  ...campaigns,
  ...templates,
  ...triggers,
  ...data,
  front,
  compare,
  report,
  train,
  scale,
  exportTraining,
  ...tokens,
  ...webhooks,
  ...devices,
  ...rentals,
  reap,
  count,
  doctor,
  deploy,
];

const HELP = `
Exit codes:
  0  it worked
  1  it failed
  2  wrong usage or input
  3  the edge cannot be reached
  4  the token is missing or lacks the scope
  5  runner and edge speak different versions of the protocol`;

const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** @returns the exit code */
export async function main(argv: readonly string[]): Promise<number> {
  const stopping = new AbortController();
  let signalCode: number | undefined;
  for (const [signal, code] of Object.entries(SIGNALS)) {
    process.on(signal, () => {
      if (signalCode !== undefined) process.exit(signalCode); // the second one does not wait
      signalCode = code;
      stopping.abort(new Error("Stopped."));
    });
  }
  const program = createProgram(stopping.signal);
  try {
    await program.parseAsync(argv, { from: "user" });
    return signalCode ?? exitCodes.ok;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.badInput;
    if (stopping.signal.aborted) return signalCode ?? exitCodes.failed;
    const { line, exitCode, fix } = describeError(error);
    process.stderr.write(`nasturtium: ${line}\n`);
    if (program.opts<GlobalOptions>().json) {
      process.stdout.write(`${JSON.stringify({ error: { message: line, fix, exitCode } })}\n`);
    }
    return exitCode;
  }
}

function createProgram(signal: AbortSignal): Command {
  const program = new Command("nasturtium")
    .description("Multi-objective neural architecture search, controlled from one Cloudflare Worker.")
    .addOption(
      new Option("--edge <url>", "the edge to talk to (default: NASTURTIUM_EDGE, else `nasturtium dev`)"),
    )
    .addOption(
      new Option("--token <token>", "token for the edge (default: NASTURTIUM_TOKEN, else `nasturtium dev`)"),
    )
    .addOption(new Option("--json", "print the result as JSON on stdout"))
    .configureHelp({ showGlobalOptions: true })
    .addHelpText("after", HELP)
    .showSuggestionAfterError()
    .exitOverride();
  for (const row of commands) addCommand(program, row, signal);
  return program;
}

const groups: Record<string, string> = {
  instances: "list and end rented machines",
  campaigns: "list and steer campaigns",
  devices: "list, add and calibrate what measures",
  data: "store, list and delete data of one's own",
  searches: "list, steer, export and import searches",
  templates: "specifications with placeholders, to start again and again",
  tokens: "create, list and revoke tokens",
  triggers: "webhooks that start a template",
  webhooks: "have endpoints told of events",
};

function addCommand(program: Command, row: CommandRow, signal: AbortSignal): void {
  const words = row.name.split(" ");
  const last = words.pop() ?? row.name;
  let parent = program;
  for (const word of words) {
    parent =
      parent.commands.find((command) => command.name() === word) ??
      parent
        .command(word)
        .description(groups[word] ?? "")
        .copyInheritedSettings(parent);
  }
  const command = parent
    .command(row.args === undefined ? last : `${last} ${row.args}`)
    .description(row.description);
  for (const { flags, description, parse, default: fallback, required } of row.options ?? []) {
    const option = new Option(flags, description);
    if (parse) option.argParser(parse);
    if (fallback !== undefined) option.default(fallback);
    if (required) option.makeOptionMandatory();
    command.addOption(option);
  }
  command.action(async () => {
    await row.run(createContext(program.opts<GlobalOptions>(), signal), command.args, command.opts());
  });
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const code = await main(process.argv.slice(2));
  process.exitCode = code;
  // TensorFlow and open sockets may keep the process alive; what was printed has to get out first.
  process.stdout.write("", () => process.exit(code));
}
