/** Quick checks; `npm run test:manifests` has each tool's own validator read them. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { rootDir } from "../../setup/node.mjs";
import { readDockerfile } from "../image/dockerfile.testing.ts";

const folder = mkdtempSync(path.join(tmpdir(), "nasturtium-manifests-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const read = (name: string): string => readFileSync(path.join(import.meta.dirname, name), "utf8");
const files = ["kubernetes-job.yaml", "skypilot.yaml", "dstack.yaml", "docker-run.sh"];
const runnerSource = readFileSync(path.join(rootDir, "cli/commands/runner.ts"), "utf8");
const commandSource = readFileSync(path.join(rootDir, "cli/command.ts"), "utf8");

test.each(files)("%s sets the variables that the runner reads, and no others", (name) => {
  const used = new Set(read(name).match(/NASTURTIUM_[A-Z_]+/g));
  expect([...used]).toEqual(expect.arrayContaining(["NASTURTIUM_EDGE", "NASTURTIUM_TOKEN"]));
  for (const variable of used) expect(runnerSource + commandSource).toContain(`process.env.${variable}`);
});

test.each(files)("%s tests the machine before it takes work", (name) => {
  expect(read(name)).toMatch(/runner"?,? "?--self-test/);
});

test.each(files)("%s names the image by digest", (name) => {
  expect(read(name)).toMatch(/ghcr\.io\/OWNER\/nasturtium-runner@sha256:(0{64}|\.\.\.)/);
});

test("the Job runs as the image's user, with the token from a secret", () => {
  const schema = z.object({
    spec: z.object({
      template: z.object({
        spec: z.object({
          securityContext: z.object({ runAsUser: z.literal(1000), runAsNonRoot: z.literal(true) }),
          containers: z.tuple([z.object({ env: z.array(z.looseObject({ name: z.string() })) })]),
        }),
      }),
    }),
  });
  const [{ env }] = schema.parse(parse(read("kubernetes-job.yaml"))).spec.template.spec.containers;
  expect(env.find(({ name }) => name === "NASTURTIUM_TOKEN")).toEqual({
    name: "NASTURTIUM_TOKEN",
    valueFrom: { secretKeyRef: { name: "nasturtium-runner", key: "NASTURTIUM_TOKEN" } },
  });
  expect(readDockerfile().findLast(({ kind }) => kind === "user")).toMatchObject({ value: "node" });
});

test("SkyPilot and dstack take the token from their secrets, and no file holds one", () => {
  expect(parse(read("skypilot.yaml"))).toMatchObject({
    envs: { NASTURTIUM_EDGE: null },
    secrets: { NASTURTIUM_TOKEN: null },
  });
  expect(parse(read("dstack.yaml"))).toMatchObject({
    working_dir: "/app",
    env: ["NASTURTIUM_EDGE", expect.stringMatching(/^NASTURTIUM_TOKEN=\$\{\{ secrets\.\w+ \}\}$/)],
  });
});

/** Runs a script with a container engine that writes down how it was called. */
async function run(script: string, args: string[], env: Record<string, string> = {}) {
  const log = path.join(folder, "calls");
  writeFileSync(log, "");
  const engine = path.join(folder, "docker");
  const says = '[ "$1" != inspect ] || printf "%s\\n" other/x@sha256:1 "$IMAGE@sha256:2"';
  writeFileSync(engine, `#!/bin/sh\necho "$* token=\${NASTURTIUM_TOKEN:-}" >> ${log}\n${says}\n`);
  chmodSync(engine, 0o755);
  const child = spawn("sh", [path.join(rootDir, "gpu-runner", script), ...args], {
    env: { PATH: `${folder}:${process.env.PATH}`, IMAGE: args[0] ?? "", ...env },
  });
  let stdout = "";
  child.stdout.on("data", (chunk) => {
    stdout += chunk;
  });
  const [code] = (await once(child, "close")) as [number | null];
  return { code, stdout, calls: readFileSync(log, "utf8").trim().split("\n") };
}

test("docker-run.sh hands the token to the container without putting it among the arguments", async () => {
  const given = { NASTURTIUM_EDGE: "https://edge.example", NASTURTIUM_TOKEN: "nst_abc" };
  const { code, calls } = await run("manifests/docker-run.sh", ["acme/runner"], given);
  expect({ code, calls }).toMatchObject({ code: 0, calls: [expect.stringContaining("token=nst_abc")] });
  expect(calls[0]?.replace("token=nst_abc", "")).not.toContain("nst_abc");
  expect(calls[0]).toContain("acme/runner runner --self-test");
});

test("docker-run.sh without a token starts nothing", async () => {
  const { code, calls } = await run("manifests/docker-run.sh", ["acme/runner"], { NASTURTIUM_EDGE: "x" });
  expect(code).not.toBe(0);
  expect(calls).toEqual([""]);
});

test("publish.sh builds for the machines that are rented, pushes, and prints the digest alone", async () => {
  const { version } = JSON.parse(readFileSync(path.join(rootDir, "package.json"), "utf8"));
  const { code, stdout, calls } = await run("image/publish.sh", ["ghcr.io/acme/runner"]);
  expect({ code, stdout }).toEqual({ code: 0, stdout: "ghcr.io/acme/runner@sha256:2\n" });
  const tag = `ghcr.io/acme/runner:${version}`;
  expect(calls.map((call) => call.replace(/ token=$/, ""))).toEqual([
    `build --platform linux/amd64 --file gpu-runner/Dockerfile --tag ${tag} .`,
    `push ${tag}`,
    expect.stringMatching(new RegExp(`^inspect .* ${tag}$`)),
  ]);
});
