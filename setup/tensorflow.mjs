/**
 * Makes native TensorFlow ready: the binding of @tensorflow/tfjs-node-gpu, compiled here against the
 * libtensorflow of a pinned Python wheel. The package's own installer is not used, because its TensorFlow is
 * old and its download host often out of reach. Needs no GPU and no TensorFlow in Python.
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
import { capture, log as stderrLog, step, tail } from "./progress.mjs";

export const TENSORFLOW_VERSION = "2.21.0";
export const TFJS_VERSION = "4.22.0";

/**
 * The wheel for each platform. On aarch64 `tensorflow` itself is built for the CPU only.
 *
 * @type {Record<string, { packageName: string, platformTag: string, sha256: string, megabytes: number }>}
 */
const wheels = {
  "linux-x64": {
    packageName: "tensorflow-cpu",
    platformTag: "manylinux_2_27_x86_64",
    sha256: "2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c",
    megabytes: 274,
  },
  "linux-arm64": {
    packageName: "tensorflow",
    platformTag: "manylinux_2_27_aarch64",
    sha256: "4b24aca16d527a3cf1c37f720c04c484c3d20f4d0fdfa98632ac8b9f3be6eb5c",
    megabytes: 282,
  },
};

const LIBRARIES = ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"];

const HEADERS = [
  "tensorflow/c/c_api.h",
  "tensorflow/c/c_api_macros.h",
  "tensorflow/c/eager/c_api.h",
  "tensorflow/c/tf_attrtype.h",
  "tensorflow/c/tf_buffer.h",
  "tensorflow/c/tf_datatype.h",
  "tensorflow/c/tf_status.h",
  "tensorflow/c/tf_tensor.h",
  "tensorflow/c/tf_tstring.h",
  "tensorflow/core/platform/ctstring.h",
  "tensorflow/core/platform/ctstring_internal.h",
  "tsl/platform/ctstring.h",
  "tsl/platform/ctstring_internal.h",
  "xla/tsl/c/tsl_status.h",
];

/** The wheel and what is taken out of it lie on the disk together for a moment. */
const NEEDED_DISK_BYTES = 1.3e9;

const BINDING = path.join("lib", "napi-v8", "tfjs_binding.node");

/** Takes [wheel, target folder, libraries, headers] as JSON from argv and writes only those files. */
const EXTRACT_SCRIPT = `
import json, os, shutil, sys, zipfile
wheel, target, libraries, headers = json.loads(sys.argv[1])
members = {f"tensorflow/{name}": f"deps/lib/{name}" for name in libraries}
members.update({f"tensorflow/include/{name}": f"deps/include/{name}" for name in headers})
with zipfile.ZipFile(wheel) as archive:
    for member, place in members.items():
        place = os.path.join(target, place)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with archive.open(member) as source, open(place, "wb") as destination:
            shutil.copyfileobj(source, destination, 1 << 20)
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
 * Makes native TensorFlow ready, or says why it is not. Silent and fast when it is ready already.
 *
 * @param {{ log?: (line: string) => void, env?: NodeJS.ProcessEnv }} [options]
 * @returns {Promise<{ backend: "tensorflow" | "wasm", reason?: string, seconds: number }>} `reason` comes with
 *   wasm only
 */
export async function ensureTensorFlow({ log = stderrLog, env = process.env } = {}) {
  const startMs = performance.now();
  const seconds = () => (performance.now() - startMs) / 1000;
  try {
    if (env.NASTURTIUM_BACKEND === "wasm") throw new Unavailable("NASTURTIUM_BACKEND=wasm asks for it");
    await prepare(log, env);
    return { backend: "tensorflow", seconds: seconds() };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    log(`Using the WebAssembly backend, slower than native TensorFlow: ${reason}.`);
    return { backend: "wasm", reason, seconds: seconds() };
  }
}

/**
 * @param {(line: string) => void} log
 * @param {NodeJS.ProcessEnv} env
 */
async function prepare(log, env) {
  const platform = `${process.platform}-${process.arch}`;
  const wheel = wheels[platform];
  if (wheel === undefined) {
    const supported = Object.keys(wheels).join(" and ");
    throw new Unavailable(`native TensorFlow is set up on ${supported} only, and this is ${platform}`);
  }
  const packageDir = path.join(rootDir, "node_modules", "@tensorflow", "tfjs-node-gpu");
  const key = `tensorflow-${TENSORFLOW_VERSION}-tfjs-${TFJS_VERSION}-${platform}`;
  const built = path.join(cacheDir(env), key);
  if (isVerified(packageDir, built)) return;
  if (!existsSync(built)) await buildIntoCache(wheel, packageDir, built, log, env);
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
 * @param {typeof wheels[string]} wheel
 * @param {string} packageDir
 * @param {string} built
 * @param {(line: string) => void} log
 * @param {NodeJS.ProcessEnv} env
 */
async function buildIntoCache(wheel, packageDir, built, log, env) {
  mkdirSync(path.dirname(built), { recursive: true });
  removeAbandoned(built);
  const disk = statfsSync(path.dirname(built));
  if (disk.bavail * disk.bsize < NEEDED_DISK_BYTES) {
    throw new Unavailable(`${path.dirname(built)} needs 1.3 GB of free disk (NASTURTIUM_CACHE moves it)`);
  }
  const temporary = `${built}.tmp-${process.pid}`;
  mkdirSync(temporary);
  try {
    const python = await findPython(temporary, env);
    const label = `Downloading TensorFlow ${TENSORFLOW_VERSION} (${wheel.megabytes} MB)`;
    const file = await step(label, () => downloadWheel(python, wheel, temporary, env), log);
    await step("Unpacking TensorFlow", () => extract(python, file, temporary, env), log);
    await step("Compiling the TensorFlow binding", () => compile(python, packageDir, temporary, env), log);
    for (const scratch of ["wheel", "venv", "zig", path.join("deps", "include")]) {
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
 * @param {string} python
 * @param {typeof wheels[string]} wheel
 * @param {string} temporary
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<string>} the wheel file, its hash checked by pip
 */
async function downloadWheel(python, wheel, temporary, env) {
  const folder = path.join(temporary, "wheel");
  mkdirSync(folder);
  const requirements = path.join(folder, "requirements.txt");
  writeFileSync(requirements, `${wheel.packageName}==${TENSORFLOW_VERSION} --hash=sha256:${wheel.sha256}\n`);
  const tags = [
    "--platform",
    wheel.platformTag,
    "--python-version",
    "3.11",
    "--implementation",
    "cp",
    "--abi",
    "cp311",
  ];
  const { ok, output } = await capture(
    python,
    [
      "-m",
      "pip",
      "download",
      "--no-deps",
      "--require-hashes",
      "--only-binary=:all:",
      "--no-cache-dir",
    ].concat([
      "--progress-bar",
      "off",
      "--disable-pip-version-check",
      ...tags,
      "--dest",
      folder,
      "-r",
      requirements,
    ]),
    { env },
  );
  const name = ok && readdirSync(folder).find((entry) => entry.endsWith(".whl"));
  if (!name)
    throw new Unavailable(
      `pip could not download ${wheel.packageName} ${TENSORFLOW_VERSION}: ${tail(output)}`,
    );
  return path.join(folder, name);
}

/**
 * @param {string} python
 * @param {string} wheelFile
 * @param {string} temporary
 * @param {NodeJS.ProcessEnv} env
 */
async function extract(python, wheelFile, temporary, env) {
  const request = JSON.stringify([wheelFile, temporary, LIBRARIES, HEADERS]);
  const { ok, output } = await capture(python, ["-c", EXTRACT_SCRIPT, request], { env });
  if (!ok) throw new Unavailable(`the TensorFlow wheel could not be unpacked: ${tail(output)}`);
  const libraryDir = path.join(temporary, "deps", "lib");
  symlinkSync("libtensorflow_cc.so.2", path.join(libraryDir, "libtensorflow.so"));
  symlinkSync("libtensorflow_framework.so.2", path.join(libraryDir, "libtensorflow_framework.so"));
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
      LIBRARIES.every((name) => existsSync(path.join(built, "deps", "lib", name)))
    );
  } catch {
    return false;
  }
}
