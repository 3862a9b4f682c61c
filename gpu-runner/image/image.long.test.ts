/**
 * Takes the Dockerfile's steps without a container: its copies and scripts in a temporary folder, then what it
 * starts. Downloads 2.1 GB, takes 4 GB of disk and a few minutes; the system's packages (system.sh) have to be there.
 */

import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { rootDir } from "../../setup/node.mjs";
import { NVIDIA_LIBRARIES } from "../../setup/wheels.mjs";
import { readDockerfile, type Step } from "./dockerfile.testing.ts";

const folder = mkdtempSync(path.join(tmpdir(), "nasturtium-image-"));
const hasGpu = existsSync("/dev/nvidiactl");
const seconds: Record<string, number> = {};
const outputs: Record<string, string> = {};
let image: Stage;

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A stage as it is built: what it names absolutely goes below its folder. */
interface Stage {
  root: string;
  workdir: string;
  env: Record<string, string>;
}

function inStage({ root, workdir }: Stage, file: string): string {
  return path.join(root, path.resolve(workdir, file));
}

/** @returns the output; throws it where the program fails */
function execute(stage: Stage, args: string[], env: Record<string, string> = {}): Promise<string> {
  const { NASTURTIUM_BACKEND: _backend, NASTURTIUM_CACHE: _cache, ...inherited } = process.env;
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      cwd: inStage(stage, "."),
      env: { ...inherited, ...stage.env, ...env },
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk) => {
        output += chunk;
      });
    }
    child.on("error", reject);
    child.on("close", (code) =>
      code === 0 ? resolve(output) : reject(new Error(`exit code ${code}: ${output}`)),
    );
  });
}

async function take(step: Step, stage: Stage, stages: Map<string, Stage>): Promise<void> {
  if (step.kind === "workdir") {
    stage.workdir = step.value;
    mkdirSync(inStage(stage, "."), { recursive: true });
  } else if (step.kind === "env") {
    for (const [name, value] of Object.entries(step.variables)) {
      stage.env[name] = value.startsWith("/") ? inStage(stage, value) : value;
    }
  } else if (step.kind === "copy") {
    const from = step.from === undefined ? undefined : stages.get(step.from);
    for (const source of step.sources) {
      // A link to an absolute path goes on pointing into the first stage's folder.
      const target = step.target.endsWith("/") ? path.join(step.target, path.basename(source)) : step.target;
      cpSync(
        from === undefined ? path.join(rootDir, source) : inStage(from, source),
        inStage(stage, target),
        {
          recursive: true,
          verbatimSymlinks: true,
        },
      );
    }
  } else if (step.kind === "run" && step.command[0] === "node") {
    const script = step.command[1] ?? "";
    const startMs = performance.now();
    outputs[script] = await execute(stage, [script]);
    seconds[path.basename(script)] = Math.round((performance.now() - startMs) / 100) / 10;
  }
}

function bytesOf(location: string): number {
  const status = statSync(location);
  if (!status.isDirectory()) return status.size;
  return readdirSync(location, { withFileTypes: true })
    .filter((entry) => !entry.isSymbolicLink())
    .reduce((sum, { name }) => sum + bytesOf(path.join(location, name)), 0);
}

beforeAll(async () => {
  const stages = new Map<string, Stage>();
  for (const step of readDockerfile()) {
    if (step.kind === "from") {
      image = { root: path.join(folder, `stage-${stages.size}`), workdir: "/", env: {} };
      stages.set(step.stage ?? "", image);
    } else {
      await take(step, image, stages);
    }
  }
  const megabytes = Object.fromEntries(
    ["/opt/nasturtium", "/app/node_modules", "/app"].map((place) => [
      place,
      Math.round(bytesOf(inStage(image, place)) / 1e6),
    ]),
  );
  process.stderr.write(`image: ${JSON.stringify({ seconds, megabytes })}\n`);
}, 3_600_000);

test("the binding is built against TensorFlow for CUDA and loads with every library of NVIDIA's", () => {
  const libraries = readdirSync(
    path.join(inStage(image, "node_modules/@tensorflow/tfjs-node-gpu"), NVIDIA_LIBRARIES),
  );
  expect(outputs["gpu-runner/image/verify.mjs"]).toContain(
    `TensorFlow 2.21.0 (CUDA build) loaded, with ${libraries.length} libraries of NVIDIA's`,
  );
  expect(libraries).toEqual(
    expect.arrayContaining(["libcudart.so.12", "libcudnn.so.9", "libcusolver.so.11"]),
  );
});

test.runIf(!hasGpu)(
  "without a GPU it says so in a clear sentence, and what it starts takes no work",
  async () => {
    expect(outputs["gpu-runner/image/verify.mjs"]).toContain("no GPU is visible: there is no NVIDIA driver");
    const env = { NASTURTIUM_EDGE: "http://127.0.0.1:9", NASTURTIUM_TOKEN: "none" };
    const commands = readDockerfile().flatMap((step) =>
      step.kind === "entrypoint" || step.kind === "cmd" ? step.command : [],
    );
    await expect(execute(image, commands.slice(1), env)).rejects.toThrow(
      /exit code 1: .*nasturtium: No NVIDIA GPU is visible\. Give the container one/s,
    );
  },
);

test.runIf(hasGpu)("with a GPU the self-test trains on it", async () => {
  const output = await execute(image, ["cli/main.ts", "doctor", "--self-test"]);
  expect(output).toMatch(/ok {4}Self-test .*driver .*\(gpu/);
});

test("the same TensorFlow trains on the CPU where no GPU is asked for", async () => {
  const output = await execute(image, ["cli/main.ts", "doctor", "--self-test"], {
    NASTURTIUM_TENSORFLOW: "cpu",
    CUDA_VISIBLE_DEVICES: "",
  });
  expect(output).toMatch(/ok {4}Self-test .*tensorflow 2\.21\.0; loss .*\(cpu/);
});
