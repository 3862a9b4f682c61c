/** What a contest has measured so far: a JSON file for each finished unit of work. */

import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { duration } from "../../cli/progress.ts";
import { UsageError } from "../search/options.ts";

/** Something that is measured once. */
export interface Unit<Result> {
  /** Of its file, below the state's folder: `A/default-1`. */
  name: string;
  /** All that its result depends on, apart from the product itself and the machine. */
  settings: unknown;
  /** What it is expected to take. */
  wallSeconds: number;
  run(): Promise<Result>;
}

interface Stored {
  settings: unknown;
  /** Commit of the product that did it. */
  commit: string;
  result: unknown;
}

export class ContestState {
  readonly #folder: string;
  readonly #commit: string;

  constructor(folder: string, commit: string) {
    this.#folder = folder;
    this.#commit = commit;
  }

  /**
   * A unit's result; undefined where it is not there yet.
   *
   * @throws UsageError where its file has the result of other settings
   */
  read<Result>({ name, settings }: Unit<Result>): Result | undefined {
    const file = this.#fileOf(name);
    if (!existsSync(file)) return undefined;
    const stored: Stored = JSON.parse(readFileSync(file, "utf8"));
    if (isDeepStrictEqual(stored.settings, asJson(settings))) return stored.result as Result;
    throw new UsageError(
      `${file} was measured with other settings: ${differenceOf(stored.settings, asJson(settings))}. ` +
        "Give those, another folder with --state, or remove the file.",
    );
  }

  /** Appears complete or not at all. */
  write<Result>({ name, settings }: Pick<Unit<Result>, "name" | "settings">, result: Result): void {
    const file = this.#fileOf(name);
    mkdirSync(path.dirname(file), { recursive: true });
    const stored: Stored = { settings, commit: this.#commit, result };
    writeFileSync(`${file}.part`, `${JSON.stringify(stored)}\n`);
    renameSync(`${file}.part`, file);
  }

  #fileOf(name: string): string {
    return path.join(this.#folder, `${name}.json`);
  }
}

/**
 * Runs the units that are not there yet, one after the other.
 *
 * @param options.log receives a line before each with the time that is left
 * @throws UsageError where a file is of other settings, before anything runs; whatever a unit throws
 */
export async function runUnits(
  state: ContestState,
  units: readonly Unit<unknown>[],
  { log, signal }: { log: (line: string) => void; signal: AbortSignal },
): Promise<void> {
  const missing = units.filter((unit) => state.read(unit) === undefined);
  if (missing.length < units.length) log(`${units.length - missing.length} of ${units.length} are there`);
  let left = missing.reduce((sum, { wallSeconds }) => sum + wallSeconds, 0);
  for (const [index, unit] of missing.entries()) {
    signal.throwIfAborted();
    log(`${unit.name}: ${index + 1} of ${missing.length}, about ${duration(left)} left`);
    state.write(unit, await unit.run());
    left -= unit.wallSeconds;
  }
}

const asJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

/** The first values that differ. */
function differenceOf(stored: unknown, wanted: unknown, at = ""): string {
  const isObject = (value: unknown): value is Record<string, unknown> =>
    typeof value === "object" && value !== null;
  if (!isObject(stored) || !isObject(wanted))
    return `${at || "settings"} is ${JSON.stringify(stored)} there, ${JSON.stringify(wanted)} here`;
  const key = [...new Set([...Object.keys(stored), ...Object.keys(wanted)])].find(
    (name) => !isDeepStrictEqual(stored[name], wanted[name]),
  );
  return differenceOf(stored[key ?? ""], wanted[key ?? ""], at === "" ? String(key) : `${at}.${key}`);
}
