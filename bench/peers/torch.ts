/** PyTorch in a virtual environment of its own, installed into the cache on first use. */

import { existsSync, mkdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import path from "node:path";
import { capture, step, tail } from "../../setup/progress.mjs";
import { cacheDir } from "../../setup/tensorflow.mjs";
import { hashText } from "../../shared/hash.ts";

const requirements = path.join(import.meta.dirname, "requirements.txt");
const cudaRequirements = path.join(import.meta.dirname, "requirements-cuda.txt");

const MINIMUM_PYTHON = [3, 11] as const;
const NEEDED_DISK_BYTES = 7e9;

const VERIFY = `
import warnings
warnings.simplefilter("ignore")
import torch
assert torch.nn.functional.conv2d(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 3, 3)).item() == 9
`;

/**
 * Silent and fast when it is installed already.
 *
 * @returns the Python that has PyTorch
 * @throws Error saying why PyTorch cannot be had
 */
export async function ensureTorch(): Promise<string> {
  const pinned = readFileSync(requirements, "utf8") + readFileSync(cudaRequirements, "utf8");
  const folder = path.join(cacheDir(), `torch-${hashText(pinned)}`);
  const python = path.join(folder, "bin", "python");
  const stamp = path.join(folder, "verified");
  if (existsSync(stamp)) return python;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(path.dirname(folder), { recursive: true });
  try {
    await step("Installing PyTorch for comparison", () => install(folder, python));
    writeFileSync(stamp, "");
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  return python;
}

async function install(folder: string, python: string): Promise<void> {
  const disk = statfsSync(path.dirname(folder));
  if (disk.bavail * disk.bsize < NEEDED_DISK_BYTES) {
    throw new Error(`${path.dirname(folder)} needs 7 GB of free disk (NASTURTIUM_CACHE moves it)`);
  }
  const base = await findPython();
  await must("a virtual environment could not be made", base, ["-m", "venv", folder]);
  await pipInstall(python, requirements);
  if (!(await capture(python, ["-c", VERIFY])).ok) await pipInstall(python, cudaRequirements);
  await must("PyTorch does not load", python, ["-c", VERIFY]);
}

/** Without what the packages depend on: the files name all that is needed, and PyTorch asks for far more. */
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
