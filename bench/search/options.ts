/** The command line of the benches that search on tables. */

import { existsSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { parse as parseYaml } from "yaml";
import { fieldErrors } from "../../shared/fieldErrors.ts";
import { resolveSpace } from "../../shared/space.ts";
import { spaceSchema } from "../../shared/specification.ts";
import { didYouMean } from "../../shared/suggest.ts";
import { projectFolder } from "./benchmark.ts";
import { problems, type TabularSearch } from "./problems.ts";

export interface SearchOptions {
  searches: TabularSearch[];
  /** Names of what is compared. */
  contestants: string[];
  /** Evaluations after which the front is scored, rising. */
  checkpoints: number[];
  seeds: number[];
  workers: number;
  isJson: boolean;
}

/** Whether the command asks how it is called. */
export const asksForHelp = (argv: readonly string[] = process.argv.slice(2)): boolean =>
  argv.includes("--help");

/** An error of whoever gave the command. */
export class UsageError extends Error {}

/**
 * @param contestantOption the option that names what is compared; it may be given several times or hold a list
 * @param known what it may name; all of it by default
 * @throws UsageError saying what is wrong
 */
export function searchOptions(
  contestantOption: string,
  known: readonly string[],
  argv: readonly string[] = process.argv.slice(2),
): SearchOptions {
  const { values: args } = parse(contestantOption);
  const listed = (args[contestantOption] as string[]).flatMap((list) => list.split(","));
  return {
    searches:
      args.problem === undefined ? [describedSearch(args)] : namedSearches(String(args.problem), args),
    contestants: listed.map((name) => chosen(name, contestantOption, known)),
    checkpoints: String(args.evaluations)
      .split(",")
      .map((count) => positive("evaluations", count))
      .toSorted((left, right) => left - right),
    seeds: Array.from({ length: positive("seeds", args.seeds) }, (_, index) => index + 1),
    workers: positive("workers", args.workers),
    isJson: args.json === true,
  };

  function parse(option: string) {
    try {
      return parseArgs({
        args: [...argv],
        options: {
          problem: { type: "string" },
          table: { type: "string" },
          reward: { type: "string" },
          score: { type: "string" },
          cost: { type: "string" },
          space: { type: "string", default: "nas-bench-201" },
          architecture: { type: "string", default: "arch" },
          evaluations: { type: "string", default: "100,300,1000" },
          seeds: { type: "string", default: "10" },
          workers: { type: "string", default: String(availableParallelism()) },
          json: { type: "boolean", default: false },
          [option]: { type: "string", multiple: true, default: [...known] },
        },
      });
    } catch (error) {
      throw new UsageError((error as Error).message);
    }
  }
}

/** The comment at a bench's beginning, which says how to call it. */
export function usageOf(file: string): string {
  const [comment = ""] = readFileSync(file, "utf8").match(/\/\*\*[\s\S]*?\*\//) ?? [];
  return comment
    .split("\n")
    .slice(1, -1)
    .map((line) => line.replace(/^ \* ?/, ""))
    .join("\n");
}

type Arguments = Readonly<Record<string, unknown>>;

/** The project's own table unless another is given. */
function namedSearches(list: string, { table }: Arguments): TabularSearch[] {
  const names = problems.map(({ name }) => name);
  const wanted = list === "all" ? names : list.split(",").map((name) => chosen(name, "problem", names));
  const file = typeof table === "string" ? table : undefined;
  return problems
    .filter(({ name }) => wanted.includes(name))
    .map((search) => ({ ...search, table: existing(file ?? fromHere(search.table)) }));
}

/** A report that is passed on does not say where the project lies. */
const fromHere = (file: string): string => path.relative(process.cwd(), path.resolve(projectFolder, file));

function describedSearch(args: Arguments): TabularSearch {
  const text = (option: string): string => {
    const value = args[option];
    if (typeof value === "string") return value;
    throw new UsageError(`Give --${option}, or --problem instead of a table and its columns.`);
  };
  const [reward, score, cost] = [text("reward"), text("score"), text("cost")];
  const table = existing(text("table"));
  const name = `${path.basename(table)} ${reward} against ${cost}`;
  return {
    name,
    table,
    space: spaceOf(text("space")),
    architecture: text("architecture"),
    reward,
    score,
    cost,
  };
}

/**
 * A name, a space written out as in a specification, or the JSON or YAML file of a space or of a specification.
 *
 * @throws UsageError
 */
function spaceOf(option: string): TabularSearch["space"] {
  const isInline = option.trimStart().startsWith("{");
  const isFile = !isInline && (/\.(json|ya?ml)$/i.test(option) || option.includes("/"));
  try {
    const value: unknown =
      isInline || isFile ? parseYaml(isFile ? readFileSync(option, "utf8") : option) : option;
    const isSpecification = typeof value === "object" && value !== null && "space" in value;
    const { data, error } = spaceSchema.safeParse(isSpecification ? value.space : value);
    if (error) {
      const fields = fieldErrors(error.issues).map(({ pointer, detail }) => `${pointer || "/"}: ${detail}`);
      throw new Error(fields.join("; "));
    }
    resolveSpace(data);
    return data;
  } catch (error) {
    const where = isFile ? `--space ${option}` : "--space";
    throw new UsageError(
      `${where}: ${(error as Error).message}\nGive a name, a space as JSON ({"positions": 8, "operations": ["thin", "wide"]}) or a file with one.`,
    );
  }
}

function existing(file: string): string {
  if (existsSync(file)) return file;
  throw new UsageError(`There is no table ${file}. Give another with --table.`);
}

/** @throws UsageError naming what is known */
export function chosen(name: string, option: string, known: readonly string[]): string {
  if (known.includes(name)) return name;
  throw new UsageError(`There is no ${option} "${name}". ${didYouMean(name, known)}`);
}

export function positive(option: string, value: unknown): number {
  const number = Number(value);
  if (Number.isInteger(number) && number > 0) return number;
  throw new UsageError(`--${option} takes positive whole numbers, not ${value}.`);
}
