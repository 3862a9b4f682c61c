/**
 * Compiles the native binding of @tensorflow/tfjs-node-gpu: the package's C++ with the patches below, against the
 * headers and libraries of setup/wheels.mjs. Knows no cache; setup/tensorflow.mjs decides where things lie.
 */

import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { rootDir } from "./node.mjs";
import { capture, tail, Unavailable } from "./progress.mjs";

export const TFJS_VERSION = "4.22.0";

/** Where the package looks for its binding, and from where the binding looks for `deps/lib`. */
export const BINDING = path.join("lib", "napi-v8", "tfjs_binding.node");

const FLAGS = ["-std=c++17", "-O2", "-fPIC", "-shared", "-DNAPI_VERSION=8", "-DBUILDING_NODE_EXTENSION"];

/**
 * @typedef {object} Patch
 * @property {string} file in the package's folder `binding`
 * @property {string} from what stands there exactly once
 * @property {string} to what replaces it
 */

/**
 * The package lets TensorFlow read a typed array's own memory and keeps the array alive by a reference of Node-API,
 * deleted by the thread that drops the tensor's last use. That is often one of TensorFlow's own: what was assigned to
 * a session's variables is released by whichever thread reads them first. Node-API may be called by JavaScript's
 * thread only; where two threads meet, the heap is damaged and the process aborts later, anywhere.
 *
 * So a tensor gets memory of its own, filled when it is made, and no reference is left to delete. Handing references
 * back to JavaScript's thread would need a queue, a wake-up and an order of ends for each environment, to save a copy
 * that TF_NewTensor makes anyway of three arrays in four, those that are not aligned to 64 bytes.
 *
 * @type {readonly Patch[]}
 */
export const patches = [
  { file: "tfjs_backend.cc", from: '#include "napi_auto_ref.h"\n', to: "" },
  {
    file: "tfjs_backend.cc",
    from: `// Callback to cleanup extra reference count for shared V8/TF tensor memory:
static void DeallocTensor(void *data, size_t len, void *arg) {
  NapiAutoRef *auto_ref = static_cast<NapiAutoRef *>(arg);
  if (!auto_ref) {
#if DEBUG
    fprintf(stderr, "Invalid NapiAutoRef reference passed to V8 cleanup\\n");
#endif
    return;
  }
  if (auto_ref->Cleanup() != napi_ok) {
#if DEBUG
    fprintf(stderr, "Exception cleaning up napi_ref instance\\n");
#endif
  }
  delete auto_ref;
}

`,
    to: "",
  },
  {
    file: "tfjs_backend.cc",
    from: `  // Sharing V8 memory with the underlying TensorFlow tensor requires adding an
  // additional refcount. When the Tensor is deleted, the refcount will be
  // reduced in the callback helper.
  NapiAutoRef *auto_ref = new NapiAutoRef();
  nstatus = auto_ref->Init(env, array_value);
  if (nstatus != napi_ok) {
    delete auto_ref;
  }
  ENSURE_NAPI_OK_RETVAL(env, nstatus, nullptr);

`,
    to: "",
  },
  {
    file: "tfjs_backend.cc",
    from: `  TF_AutoTensor tensor(TF_NewTensor(dtype, shape, shape_length, array_data,
                                    byte_size, DeallocTensor, auto_ref));
`,
    to: `  TF_AutoTensor tensor(
      TF_AllocateTensor(dtype, shape, shape_length, byte_size));
  if (tensor.tensor == nullptr ||
      (byte_size > 0 && TF_TensorData(tensor.tensor) == nullptr)) {
    NAPI_THROW_ERROR(env, "TensorFlow failed to allocate %zu bytes", byte_size);
    return nullptr;
  }
  if (byte_size > 0) {
    memcpy(TF_TensorData(tensor.tensor), array_data, byte_size);
  }
`,
  },
  {
    file: "tfjs_backend.cc",
    from: "    delete auto_ref;\n    TFE_DeleteTensorHandle",
    to: "    TFE_DeleteTensorHandle",
  },
  // Shared, without a lock, by all threads of JavaScript that load the binding.
  {
    file: "tfjs_backend.cc",
    from: "static std::set<std::string> ATTR_NAME_SET;",
    to: "static thread_local std::set<std::string> ATTR_NAME_SET;",
  },
];

/** @returns {string} what names a binding in the cache: it changes with everything that is compiled in */
export function bindingKey() {
  const digest = createHash("sha256")
    .update(JSON.stringify([patches, FLAGS]))
    .digest("hex");
  return `${TFJS_VERSION}-${digest.slice(0, 12)}`;
}

/**
 * Copies the package's C++ and patches the copy.
 *
 * @param {string} packageDir
 * @param {string} target a folder, made anew
 * @param {readonly Patch[]} wanted
 * @throws {Unavailable} where a patch does not find its place, so that nothing unmended is ever built
 */
export function patchSource(packageDir, target, wanted = patches) {
  rmSync(target, { recursive: true, force: true });
  cpSync(path.join(packageDir, "binding"), target, { recursive: true });
  for (const { file, from, to } of wanted) {
    const parts = readFileSync(path.join(target, file), "utf8").split(from);
    if (parts.length !== 2) {
      const [line] = from.trim().split("\n");
      throw new Unavailable(
        `${file} of tfjs-node-gpu is not that of ${TFJS_VERSION}: it has ${parts.length - 1} times "${line}"`,
      );
    }
    writeFileSync(path.join(target, file), parts.join(to));
  }
}

/**
 * @param {object} options
 * @param {string} options.sourceDir
 * @param {string} options.depsDir holds include/ and lib/
 * @param {string} options.output
 * @param {string} options.scratch a folder for a compiler where there is none
 * @param {() => Promise<string>} options.findPython
 * @param {string[]} [options.flags] more of them
 * @param {NodeJS.ProcessEnv} options.env
 * @throws {Unavailable} with the compiler's reason
 */
export async function compile({ sourceDir, depsDir, output, scratch, findPython, flags = [], env }) {
  const { command, args, extraEnv } = await findCompiler(findPython, scratch, env);
  const sources = readdirSync(sourceDir).filter((name) => name.endsWith(".cc"));
  mkdirSync(path.dirname(output), { recursive: true });
  const result = await capture(
    command,
    [
      ...args,
      ...FLAGS,
      ...flags,
      `-I${path.join(rootDir, "node_modules", "node-api-headers", "include")}`,
      `-I${path.join(depsDir, "include")}`,
      ...sources.map((name) => path.join(sourceDir, name)),
      `-L${path.join(depsDir, "lib")}`,
      ...["-ltensorflow", "-ltensorflow_framework", "-Wl,-rpath,$ORIGIN/../../deps/lib", "-o", output],
    ],
    { env: { ...env, ...extraEnv } },
  );
  if (!result.ok) throw new Unavailable(`the TensorFlow binding does not compile: ${tail(result.output)}`);
}

/**
 * @param {() => Promise<string>} findPython
 * @param {string} scratch
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<{ command: string, args: string[], extraEnv?: NodeJS.ProcessEnv }>}
 */
async function findCompiler(findPython, scratch, env) {
  for (const command of env.CXX ? [env.CXX] : ["g++", "clang++"]) {
    if ((await capture(command, ["--version"], { env })).ok) return { command, args: [] };
  }
  const python = await findPython();
  const zig = path.join(scratch, "zig");
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
