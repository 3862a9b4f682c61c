/**
 * Makes native TensorFlow ready: the binding of @tensorflow/tfjs-node-gpu, compiled here against the
 * libtensorflow of a pinned Python wheel. The package's own installer is not used, because its TensorFlow is
 * old and its download host often out of reach. Needs no GPU and no TensorFlow in Python.
 *
 * NASTURTIUM_TENSORFLOW=cuda asks for the build for NVIDIA's GPUs, which is many times larger; without it the one
 * for the CPU is used, whatever the machine has. Both may lie in the cache; a checkout uses one at a time.
 *
 * The result lives in a cache outside node_modules and is linked into it, so that a new install costs nothing.
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
import { resolveNode, rootDir } from "./node.mjs";
import { capture, SetupError, log as stderrLog, step, tail } from "./progress.mjs";
import { TENSORFLOW_LIBRARIES, TENSORFLOW_VERSION, VARIANTS, variants } from "./wheels.mjs";

export const TFJS_VERSION = "4.22.0";

const BINDING = path.join("lib", "napi-v8", "tfjs_binding.node");

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

/** Why native TensorFlow cannot be had here; never leaves this module. */
class Unavailable extends Error {}

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
  const packageDir = path.join(rootDir, "node_modules", "@tensorflow", "tfjs-node-gpu");
  const key = `tensorflow-${TENSORFLOW_VERSION}${variant.key}-tfjs-${TFJS_VERSION}-${platform}`;
  const built = path.join(cacheDir(env), key);
  if (isVerified(packageDir, built)) return;
  if (!existsSync(built)) await buildIntoCache(variant, packageDir, built, log, env);
  place(packageDir, built);
  const { ok, output } = await step("Checking native TensorFlow", () => verify(env), log);
  if (!ok) {
    throw new Unavailable(
      `the TensorFlow binding does not load (delete ${built} to build it again): ${tail(output)}`,
    );
  }
  writeFileSync(stampFile(packageDir), built);
}

/**
 * Builds in a temporary folder beside the final one and renames it at the end, so that a folder of the final
 * name is always complete.
 *
 * @param {import("./wheels.mjs").Variant} variant
 * @param {string} packageDir
 * @param {string} built
 * @param {(line: string) => void} log
 * @param {NodeJS.ProcessEnv} env
 */
async function buildIntoCache({ wheels, neededDiskBytes }, packageDir, built, log, env) {
  mkdirSync(path.dirname(built), { recursive: true });
  removeAbandoned(built);
  const disk = statfsSync(path.dirname(built));
  if (disk.bavail * disk.bsize < neededDiskBytes) {
    const gigabytes = (neededDiskBytes / 1e9).toFixed(1);
    throw new Unavailable(
      `${path.dirname(built)} needs ${gigabytes} GB of free disk (NASTURTIUM_CACHE moves it)`,
    );
  }
  const temporary = `${built}.tmp-${process.pid}`;
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
    await step("Compiling the TensorFlow binding", () => compile(python, packageDir, temporary, env), log);
    for (const scratch of ["venv", "zig", path.join("deps", "include")]) {
      rmSync(path.join(temporary, scratch), { recursive: true, force: true });
    }
    publish(temporary, built);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/**
 * @param {string} temporary
 * @param {string} built
 */
function publish(temporary, built) {
  try {
    renameSync(temporary, built);
  } catch (error) {
    if (!existsSync(built)) throw error; // otherwise another process was first, with the same result
  }
}

/**
 * Removes what processes left behind that were ended while they built.
 *
 * @param {string} built
 */
function removeAbandoned(built) {
  const prefix = `${path.basename(built)}.tmp-`;
  for (const name of readdirSync(path.dirname(built))) {
    if (!name.startsWith(prefix) || isAlive(Number(name.slice(prefix.length)))) continue;
    rmSync(path.join(path.dirname(built), name), { recursive: true, force: true });
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
 * @param {string} python
 * @param {string} packageDir
 * @param {string} temporary
 * @param {NodeJS.ProcessEnv} env
 */
async function compile(python, packageDir, temporary, env) {
  const { command, args, extraEnv } = await findCompiler(python, temporary, env);
  const sourceDir = path.join(packageDir, "binding");
  const sources = readdirSync(sourceDir).filter((name) => name.endsWith(".cc"));
  const output = path.join(temporary, BINDING);
  mkdirSync(path.dirname(output), { recursive: true });
  const result = await capture(
    command,
    [
      ...args,
      ...["-std=c++17", "-O2", "-fPIC", "-shared", "-DNAPI_VERSION=8", "-DBUILDING_NODE_EXTENSION"],
      `-I${path.join(rootDir, "node_modules", "node-api-headers", "include")}`,
      `-I${path.join(temporary, "deps", "include")}`,
      ...sources.map((name) => path.join(sourceDir, name)),
      `-L${path.join(temporary, "deps", "lib")}`,
      ...["-ltensorflow", "-ltensorflow_framework", "-Wl,-rpath,$ORIGIN/../../deps/lib", "-o", output],
    ],
    { env: { ...env, ...extraEnv } },
  );
  if (!result.ok) throw new Unavailable(`the TensorFlow binding does not compile: ${tail(result.output)}`);
}

/**
 * @param {string} python
 * @param {string} temporary
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<{ command: string, args: string[], extraEnv?: NodeJS.ProcessEnv }>}
 */
async function findCompiler(python, temporary, env) {
  for (const command of env.CXX ? [env.CXX] : ["g++", "clang++"]) {
    if ((await capture(command, ["--version"], { env })).ok) return { command, args: [] };
  }
  const zig = path.join(temporary, "zig");
  const pip = ["-m", "pip", "install", "--quiet", "--no-cache-dir", "--target", zig, "ziglang==0.15.2"];
  const { ok } = await capture(python, pip, { env });
  if (!ok) throw new Unavailable("there is no C++ compiler (Debian: apt-get install g++)");
  const zigCache = path.join(zig, "cache");
  return {
    command: python,
    args: ["-m", "ziglang", "c++"],
    extraEnv: { PYTHONPATH: zig, ZIG_GLOBAL_CACHE_DIR: zigCache, ZIG_LOCAL_CACHE_DIR: zigCache },
  };
}

/**
 * Puts the binding where the package looks for it. The libraries stay in the cache.
 *
 * @param {string} packageDir
 * @param {string} built
 */
function place(packageDir, built) {
  rmSync(path.join(packageDir, "deps"), { recursive: true, force: true });
  symlinkSync(path.join(built, "deps"), path.join(packageDir, "deps"));
  mkdirSync(path.dirname(path.join(packageDir, BINDING)), { recursive: true });
  const copy = path.join(packageDir, `${BINDING}.${process.pid}`);
  copyFileSync(path.join(built, BINDING), copy);
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
 * @param {string} built
 */
function isVerified(packageDir, built) {
  try {
    return (
      readFileSync(stampFile(packageDir), "utf8") === built &&
      readlinkSync(path.join(packageDir, "deps")) === path.join(built, "deps") &&
      existsSync(path.join(packageDir, BINDING)) &&
      TENSORFLOW_LIBRARIES.every((name) => existsSync(path.join(built, "deps", "lib", name)))
    );
  } catch {
    return false;
  }
}
