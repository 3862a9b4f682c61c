/** Python environments of benchmarks and tests, each installed into the cache on first use. */

import { existsSync, mkdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import path from "node:path";
import { hashText } from "../shared/hash.ts";
import { capture, step, tail } from "./progress.mjs";
import { cacheDir } from "./tensorflow.mjs";

const MINIMUM_PYTHON = [3, 11] as const;
const BYTES_PER_GIGABYTE = 1e9;

export interface PythonEnvironment {
  /** Of its folder in the cache. */
  name: string;
  /** What is installed, for people. */
  title: string;
  /** Paths of files of pinned packages; the later ones are installed where the check fails without them. */
  requirements: readonly [string, ...string[]];
  /** Python that fails where the packages do not work. */
  check: string;
  neededDiskGigabytes: number;
}

/**
 * Silent and fast when it is installed already.
 *
 * @returns the Python that has the packages
 * @throws Error saying why they cannot be had
 */
export async function ensurePython(environment: PythonEnvironment): Promise<string> {
  const pinned = environment.requirements.map((file) => readFileSync(file, "utf8")).join("");
  const folder = path.join(cacheDir(), `${environment.name}-${hashText(pinned)}`);
  const python = path.join(folder, "bin", "python");
  const stamp = path.join(folder, "verified");
  if (existsSync(stamp)) return python;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(path.dirname(folder), { recursive: true });
  try {
    await step(`Installing ${environment.title}`, () => install(environment, folder, python));
    writeFileSync(stamp, "");
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  return python;
}

async function install(
  { title, requirements, check, neededDiskGigabytes }: PythonEnvironment,
  folder: string,
  python: string,
): Promise<void> {
  const disk = statfsSync(path.dirname(folder));
  if (disk.bavail * disk.bsize < neededDiskGigabytes * BYTES_PER_GIGABYTE) {
    throw new Error(
      `${path.dirname(folder)} needs ${neededDiskGigabytes} GB of free disk (NASTURTIUM_CACHE moves it)`,
    );
  }
  const base = await findPython();
  await must("a virtual environment could not be made", base, ["-m", "venv", folder]);
  for (const file of requirements) {
    await pipInstall(python, file);
    if ((await capture(python, ["-c", check])).ok) return;
  }
  await must(`${title} cannot be loaded`, python, ["-c", check]);
}

/** Without what the packages depend on: the files name all that is needed, and some ask for far more. */
function pipInstall(python: string, file: string): Promise<void> {
  const options = ["--no-deps", "--no-cache-dir", "--only-binary=:all:", "--progress-bar", "off", "--quiet"];
  const pip = ["-m", "pip", "--retries", "1", "install", "--disable-pip-version-check", ...options];
  return must(`pip could not install ${path.basename(file)}`, python, [...pip, "-r", file]);
}

async function findPython(): Promise<string> {
  const check = `import sys, venv; sys.exit(sys.version_info < (${MINIMUM_PYTHON.join(", ")}))`;
  for (const python of process.env.PYTHON ? [process.env.PYTHON] : ["python3", "python"]) {
    if ((await capture(python, ["-c", check])).ok) return python;
  }
  throw new Error(
    `it takes Python ${MINIMUM_PYTHON.join(".")} with venv (PYTHON names another than python3)`,
  );
}

async function must(what: string, command: string, args: string[]): Promise<void> {
  const { ok, output } = await capture(command, args);
  if (!ok) throw new Error(`${what}: ${tail(output)}`);
}
