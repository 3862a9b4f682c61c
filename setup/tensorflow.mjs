/**
 * Makes native TensorFlow ready: the binding of @tensorflow/tfjs-node-gpu, patched and compiled here against the
 * libtensorflow of a pinned Python wheel. The package's own installer is not used, because its TensorFlow is
 * old, its download host often out of reach, and its binding not safe (setup/binding.mjs). Needs no GPU and no
 * TensorFlow in Python.
 *
 * NASTURTIUM_TENSORFLOW=cuda asks for the build for NVIDIA's GPUs, which is many times larger; without it the one
 * for the CPU is used, whatever the machine has. Both may lie in the cache; a checkout uses one at a time.
 *
 * The result lives in a cache outside node_modules and is linked into it, so that a new install costs nothing:
 * TensorFlow's libraries and headers in a folder, and in it each binding that was compiled against them.
 * Where it cannot be had, the answer is the WebAssembly backend, with the reason.
 */

import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statfsSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import { BINDING, bindingKey, compile, patchSource } from "./binding.mjs";
import { resolveNode, rootDir } from "./node.mjs";
import { capture, SetupError, log as stderrLog, step, tail, Unavailable } from "./progress.mjs";
import { TENSORFLOW_LIBRARIES, TENSORFLOW_VERSION, VARIANTS, variants } from "./wheels.mjs";

/** Takes [wheel, target folder, {member: place}] as JSON from argv, writes those files and keeps what may be run. */
const EXTRACT_SCRIPT = `
import json, os, shutil, sys, zipfile
wheel, target, members = json.loads(sys.argv[1])
with zipfile.ZipFile(wheel) as archive:
    for member, place in members.items():
        place = os.path.join(target, place)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with archive.open(member) as source, open(place, "wb") as destination:
            shutil.copyfileobj(source, destination, 1 << 20)
        if archive.getinfo(member).external_attr >> 16 & 0o111:
            os.chmod(place, 0o755)
`;

/**
 * Asks TensorFlow's own loader for CUDA's libraries, as it does where it finds a GPU: a status of 1 is "OK". A
 * missing library would otherwise show on a machine with a GPU only, and there as slow training on the CPU.
 */
const CUDA_SCRIPT = `
import ctypes, sys
framework = ctypes.CDLL(sys.argv[1], mode=ctypes.RTLD_GLOBAL)
load = framework._ZN3tsl8internal9DsoLoader22TryDlopenCUDALibrariesEv
load.restype = None
status = (ctypes.c_uint64 * 8)()
load(ctypes.byref(status))
sys.exit(0 if status[0] == 1 else "libtensorflow does not find all of CUDA's libraries")
`;

/** Removed from Node 23, still called by tfjs-node 4.22. */
const VERIFY_SCRIPT = `
require("node:util").isNullOrUndefined ??= (value) => value === null || value === undefined;
const tf = require("@tensorflow/tfjs-node-gpu");
const product = tf.matMul(tf.tensor2d([[1, 2], [3, 4]]), tf.tensor2d([[5, 6], [7, 8]])).dataSync();
if (tf.getBackend() !== "tensorflow" || product.join() !== "19,22,43,50") throw new Error("wrong product " + product);
`;

/**
 * The folder for what is expensive to make and belongs to no checkout: `$NASTURTIUM_CACHE`,
 * `$XDG_CACHE_HOME/nasturtium` or `~/.cache/nasturtium`.
 *
 * @param {NodeJS.ProcessEnv} [env]
 */
export function cacheDir(env = process.env) {
  if (env.NASTURTIUM_CACHE) return path.resolve(env.NASTURTIUM_CACHE);
  return path.join(env.XDG_CACHE_HOME || path.join(homedir(), ".cache"), "nasturtium");
}

/**
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {typeof VARIANTS[number]} which build of TensorFlow NASTURTIUM_TENSORFLOW asks for
 * @throws {SetupError} where there is no such build
 */
export function variantOf(env = process.env) {
  const wanted = env.NASTURTIUM_TENSORFLOW || "cpu";
  const variant = VARIANTS.find((name) => name === wanted);
  if (variant !== undefined) return variant;
  throw new SetupError(
    `NASTURTIUM_TENSORFLOW is "${wanted}".`,
    `Set it to ${VARIANTS.join(" or ")}, or leave it unset for cpu.`,
  );
}

/**
 * Makes native TensorFlow ready, or says why it is not. Silent and fast when it is ready already.
 *
 * @param {{ log?: (line: string) => void, env?: NodeJS.ProcessEnv }} [options]
 * @returns {Promise<{ backend: "tensorflow" | "wasm", reason?: string, seconds: number }>} `reason` comes with
 *   wasm only
 */
export async function ensureTensorFlow({ log = stderrLog, env = process.env } = {}) {
  const startMs = performance.now();
  const seconds = () => (performance.now() - startMs) / 1000;
  const variant = variantOf(env);
  try {
    if (env.NASTURTIUM_BACKEND === "wasm") throw new Unavailable("NASTURTIUM_BACKEND=wasm asks for it");
    await prepare(variant, log, env);
    return { backend: "tensorflow", seconds: seconds() };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    log(`Using the WebAssembly backend, slower than native TensorFlow: ${reason}.`);
    return { backend: "wasm", reason, seconds: seconds() };
  }
}

/**
 * @param {typeof VARIANTS[number]} name
 * @param {(line: string) => void} log
 * @param {NodeJS.ProcessEnv} env
 */
async function prepare(name, log, env) {
  const platform = `${process.platform}-${process.arch}`;
  const variant = variants[name][platform];
  if (variant === undefined) {
    const supported = Object.keys(variants[name]).join(" and ");
    throw new Unavailable(
      `native TensorFlow (${name}) is set up on ${supported} only, and this is ${platform}`,
    );
  }
  const { packageDir, libraries, binding } = places(name, env);
  if (isVerified(packageDir, libraries, binding)) return;
  if (!existsSync(libraries)) await fetchLibraries(variant, libraries, log, env);
  if (!existsSync(binding)) {
    await step("Compiling the TensorFlow binding", () => build(packageDir, libraries, binding, env), log);
  }
  place(packageDir, libraries, binding);
  const { ok, output } = await step("Checking native TensorFlow", () => verify(env), log);
  if (!ok) {
    throw new Unavailable(
      `the TensorFlow binding does not load (delete ${libraries} to build it again): ${tail(output)}`,
    );
  }
  writeFileSync(stampFile(packageDir), binding);
}

/**
 * @param {typeof VARIANTS[number]} variant of this platform
 * @param {NodeJS.ProcessEnv} [env]
 * @returns where the package is, the folder of TensorFlow's libraries and headers in the cache, and the binding there
 */
export function places(variant, env = process.env) {
  const platform = `${process.platform}-${process.arch}`;
  const key = `tensorflow-${TENSORFLOW_VERSION}${variants[variant][platform]?.key ?? ""}-${platform}`;
  const libraries = path.join(cacheDir(env), key);
  return {
    packageDir: path.join(rootDir, "node_modules", "@tensorflow", "tfjs-node-gpu"),
    libraries,
    binding: path.join(libraries, `tfjs-binding-${bindingKey()}.node`),
  };
}

/**
 * Collects in a temporary folder beside the final one and renames it at the end, so that a folder of the final
 * name is always complete.
 *
 * @param {import("./wheels.mjs").Variant} variant
 * @param {string} libraries
 * @param {(line: string) => void} log
 * @param {NodeJS.ProcessEnv} env
 */
async function fetchLibraries({ wheels, neededDiskBytes }, libraries, log, env) {
  mkdirSync(path.dirname(libraries), { recursive: true });
  removeAbandoned(libraries);
  const disk = statfsSync(path.dirname(libraries));
  if (disk.bavail * disk.bsize < neededDiskBytes) {
    const gigabytes = (neededDiskBytes / 1e9).toFixed(1);
    throw new Unavailable(
      `${path.dirname(libraries)} needs ${gigabytes} GB of free disk (NASTURTIUM_CACHE moves it)`,
    );
  }
  const temporary = `${libraries}.tmp-${process.pid}`;
  mkdirSync(temporary);
  try {
    const python = await findPython(temporary, env);
    if (wheels.length > 1) {
      const megabytes = wheels.reduce((sum, wheel) => sum + wheel.megabytes, 0);
      log(`TensorFlow for CUDA is ${(megabytes / 1000).toFixed(1)} GB to download, once.`);
    }
    for (const wheel of wheels) {
      const label = `Downloading ${wheel.name} ${wheel.version} (${wheel.megabytes} MB)`;
      await step(label, () => takeWheel(python, wheel, temporary, env), log);
    }
    linkLibraries(path.join(temporary, "deps", "lib"));
    if (wheels.length > 1) await checkCuda(python, temporary, env);
    rmSync(path.join(temporary, "venv"), { recursive: true, force: true });
    publish(temporary, libraries);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/**
 * Compiles in a temporary folder and moves only the result, so that a binding of the final name is always complete.
 *
 * @param {string} packageDir
 * @param {string} libraries
 * @param {string} binding
 * @param {NodeJS.ProcessEnv} env
 */
async function build(packageDir, libraries, binding, env) {
  removeAbandoned(libraries);
  const scratch = `${libraries}.tmp-${process.pid}`;
  mkdirSync(scratch);
  try {
    const sourceDir = path.join(scratch, "source");
    const output = path.join(scratch, BINDING);
    patchSource(packageDir, sourceDir);
    await compile({
      ...{ sourceDir, depsDir: path.join(libraries, "deps"), output, scratch, env },
      findPython: () => findPython(scratch, env),
    });
    renameSync(output, binding);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/**
 * @param {string} temporary
 * @param {string} libraries
 */
function publish(temporary, libraries) {
  try {
    renameSync(temporary, libraries);
  } catch (error) {
    if (!existsSync(libraries)) throw error; // otherwise another process was first, with the same result
  }
}

/**
 * Removes what processes left behind that were ended while they built.
 *
 * @param {string} libraries
 */
function removeAbandoned(libraries) {
  const prefix = `${path.basename(libraries)}.tmp-`;
  for (const name of readdirSync(path.dirname(libraries))) {
    if (!name.startsWith(prefix) || isAlive(Number(name.slice(prefix.length)))) continue;
    rmSync(path.join(path.dirname(libraries), name), { recursive: true, force: true });
  }
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === "EPERM";
  }
}

/**
 * @param {string} temporary
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<string>} a Python that has pip
 */
async function findPython(temporary, env) {
  const candidates = env.PYTHON ? [env.PYTHON] : ["python3", "python"];
  for (const python of candidates) {
    if ((await capture(python, ["-m", "pip", "--version"], { env })).ok) return python;
  }
  for (const python of candidates) {
    const venv = path.join(temporary, "venv");
    if ((await capture(python, ["-m", "venv", venv], { env })).ok) return path.join(venv, "bin", "python");
  }
  throw new Unavailable(
    "it takes Python 3 with pip (Debian: apt-get install python3-pip) to download TensorFlow",
  );
}

/**
 * Downloads a wheel, its hash checked by pip, and takes out what is needed. One at a time, so that the disk never
 * holds more than one.
 *
 * @param {string} python
 * @param {import("./wheels.mjs").Wheel} wheel
 * @param {string} temporary
 * @param {NodeJS.ProcessEnv} env
 */
async function takeWheel(python, { name, version, platformTag, sha256, members }, temporary, env) {
  const folder = path.join(temporary, "wheel");
  mkdirSync(folder);
  const requirements = path.join(folder, "requirements.txt");
  writeFileSync(requirements, `${name}==${version} --hash=sha256:${sha256}\n`);
  const downloaded = await capture(
    python,
    [
      ...["-m", "pip", "download", "--no-deps", "--require-hashes", "--only-binary=:all:", "--no-cache-dir"],
      ...["--progress-bar", "off", "--disable-pip-version-check"],
      ...["--platform", platformTag, "--python-version", "3.11", "--implementation", "cp", "--abi", "cp311"],
      ...["--dest", folder, "-r", requirements],
    ],
    { env },
  );
  const file = downloaded.ok && readdirSync(folder).find((entry) => entry.endsWith(".whl"));
  if (!file) throw new Unavailable(`pip could not download ${name} ${version}: ${tail(downloaded.output)}`);
  const request = JSON.stringify([path.join(folder, file), temporary, members]);
  const { ok, output } = await capture(python, ["-c", EXTRACT_SCRIPT, request], { env });
  if (!ok) throw new Unavailable(`the wheel of ${name} could not be unpacked: ${tail(output)}`);
  rmSync(folder, { recursive: true });
}

/**
 * The names that the linker looks for.
 *
 * @param {string} libraryDir
 */
function linkLibraries(libraryDir) {
  symlinkSync("libtensorflow_cc.so.2", path.join(libraryDir, "libtensorflow.so"));
  symlinkSync("libtensorflow_framework.so.2", path.join(libraryDir, "libtensorflow_framework.so"));
}

/**
 * @param {string} python
 * @param {string} temporary
 * @param {NodeJS.ProcessEnv} env
 */
async function checkCuda(python, temporary, env) {
  const framework = path.join(temporary, "deps", "lib", "libtensorflow_framework.so.2");
  const { ok, output } = await capture(python, ["-c", CUDA_SCRIPT, framework], { env });
  if (!ok) throw new Unavailable(`TensorFlow's CUDA libraries do not load: ${tail(output)}`);
}

/**
 * Puts the binding where the package looks for it. The libraries stay in the cache.
 *
 * @param {string} packageDir
 * @param {string} libraries
 * @param {string} binding
 */
function place(packageDir, libraries, binding) {
  rmSync(path.join(packageDir, "deps"), { recursive: true, force: true });
  symlinkSync(path.join(libraries, "deps"), path.join(packageDir, "deps"));
  mkdirSync(path.dirname(path.join(packageDir, BINDING)), { recursive: true });
  const copy = path.join(packageDir, `${BINDING}.${process.pid}`);
  copyFileSync(binding, copy);
  renameSync(copy, path.join(packageDir, BINDING)); // a process that has the old file open keeps it
}

/** @param {NodeJS.ProcessEnv} env */
function verify(env) {
  return capture(resolveNode(), ["-e", VERIFY_SCRIPT], {
    cwd: rootDir,
    env: { ...env, TF_CPP_MIN_LOG_LEVEL: "2" },
  });
}

/** @param {string} packageDir */
function stampFile(packageDir) {
  return path.join(packageDir, "lib", "verified");
}

/**
 * @param {string} packageDir
 * @param {string} libraries
 * @param {string} binding
 */
function isVerified(packageDir, libraries, binding) {
  try {
    return (
      readFileSync(stampFile(packageDir), "utf8") === binding &&
      readlinkSync(path.join(packageDir, "deps")) === path.join(libraries, "deps") &&
      existsSync(path.join(packageDir, BINDING)) &&
      TENSORFLOW_LIBRARIES.every((name) => existsSync(path.join(libraries, "deps", "lib", name)))
    );
  } catch {
    return false;
  }
}
