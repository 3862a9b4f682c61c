/**
 * Builds the binding of TensorFlow with every call of Node-API watched: counted, and counted apart where a thread
 * makes it that is not its environment's. Such a call waits a little until another thread makes one, so that a data
 * race that takes hours to show by chance shows in seconds.
 */

import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { BINDING, compile, type Patch, patchSource } from "./binding.mjs";
import { places, variantOf } from "./tensorflow.mjs";

/** In front of the package's sources. At its end the process writes what it has counted to stderr. */
const watch = `
#include <node_api.h>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <map>
#include <mutex>
#include <thread>

namespace watch {
struct Counts {
  std::atomic<long> calls{0}, foreign{0};
  ~Counts() { fprintf(stderr, "node-api: %ld calls, %ld off their thread\\n", calls.load(), foreign.load()); }
};
inline Counts counts;
inline std::atomic<int> waiting{0};
inline std::mutex mutex;
inline std::map<napi_env, std::thread::id> threads;

inline bool IsForeign(const char *name, napi_env env) {
  std::lock_guard<std::mutex> lock(mutex);
  const auto self = std::this_thread::get_id();
  // The first call that the module makes; an address may have been another environment's before.
  if (strcmp(name, "napi_set_instance_data") == 0) threads[env] = self;
  return threads.emplace(env, self).first->second != self;
}

// Two that meet go on at the same time.
inline void Meet() {
  int there = 1;
  if (waiting.compare_exchange_strong(there, 0)) return;
  waiting = 1;
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(MEETING_MS);
  while (waiting == 1 && std::chrono::steady_clock::now() < end) {
  }
  waiting = 0;
}

inline void Call(const char *name, napi_env env) {
  counts.calls++;
  if (!IsForeign(name, env)) {
    waiting = 0;
    return;
  }
  if (counts.foreign++ == 0) fprintf(stderr, "node-api: %s off its thread\\n", name);
  Meet();
}
}  // namespace watch
`;

/**
 * @param folder where the binding goes, with links to what it needs
 * @param patches of the package's source
 * @returns the file to load
 * @throws Unavailable where it does not compile
 */
export async function buildWatchedBinding(folder: string, patches: readonly Patch[]): Promise<string> {
  const { packageDir, libraries } = places(variantOf());
  const depsDir = path.join(libraries, "deps");
  const sourceDir = path.join(folder, "source");
  mkdirSync(folder, { recursive: true });
  patchSource(packageDir, sourceDir, patches);
  const header = path.join(folder, "watch.h");
  writeFileSync(header, `${watch}${watchedCalls(sourceDir)}`);
  rmSync(path.join(folder, "deps"), { force: true });
  symlinkSync(depsDir, path.join(folder, "deps"));
  const output = path.join(folder, BINDING);
  await compile({
    ...{ sourceDir, depsDir, output, scratch: folder, env: process.env },
    flags: ["-DMEETING_MS=20", "-include", header],
    findPython: () => Promise.reject(new Error("This test takes a C++ compiler.")),
  });
  return output;
}

/** A macro for every function of Node-API that the sources call; a macro does not replace its own name. */
function watchedCalls(sourceDir: string): string {
  const sources = readdirSync(sourceDir).map((name) => readFileSync(path.join(sourceDir, name), "utf8"));
  const names = new Set(sources.join("\n").match(/\bnapi_\w+(?=\()/g));
  return [...names]
    .map((name) => `#define ${name}(env, ...) (watch::Call("${name}", env), ${name}(env, ##__VA_ARGS__))\n`)
    .join("");
}

/** @returns options of Node with which tfjs-node loads this binding instead of its own */
export function withBinding(binding: string): string[] {
  const program = `
    const { dlopen } = process;
    process.dlopen = (module, file, ...rest) =>
      dlopen(module, file.endsWith("tfjs_binding.node") ? ${JSON.stringify(binding)} : file, ...rest);
  `;
  return ["--import", `data:text/javascript,${encodeURIComponent(program)}`];
}
