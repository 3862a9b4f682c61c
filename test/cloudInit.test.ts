/** The script that cloud-init starts, run by a real shell among stand-ins for docker and systemd. */

import { execFile } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { parse } from "yaml";
import { cloudInit } from "../edge/rentals/cloudInit.ts";

const image = "registry.example/runner:1";
const token = "nst_token-77aa01";
const env = { NASTURTIUM_TOKEN: token };

/** @returns each process that it started, with its arguments; sleeps are left out */
async function run(behaviour: Record<string, string>): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), "nasturtium-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const log = join(folder, "log");
  writeFileSync(log, "");
  for (const name of ["docker", "nvidia-smi", "systemctl", "sleep"]) {
    const path = join(folder, name);
    const says = `echo "${name} $*" >> "${log}"`;
    writeFileSync(path, `#!/bin/sh\n${says}\n${behaviour[name] ?? ""}\n`);
    chmodSync(path, 0o700);
  }
  const { write_files: files } = parse(cloudInit({ image, env, lifetimeSeconds: 60 }));
  const script = files.find(({ path }: { path: string }) => path.endsWith("start.sh")).content;
  await new Promise<void>((resolve) => {
    execFile("sh", ["-c", script], { env: { PATH: `${folder}:/usr/bin:/bin` } }, () => resolve());
  });
  return readFileSync(log, "utf8")
    .trim()
    .split("\n")
    .filter((line) => !line.startsWith("sleep"));
}

const wait = ["docker info", "nvidia-smi "];
const pull = `docker pull --quiet ${image}`;
const start = `docker run --rm --gpus all --env-file /run/nasturtium/runner.env ${image}`;
const isTimed = "systemctl is-active --quiet nasturtium-end.timer";
const off = "systemctl poweroff";

test("the container is run once docker and the GPU are there, and then the machine is off", async () => {
  const started = await run({});
  expect(started).toEqual([isTimed, ...wait, pull, start, off]);
  expect(started.join()).not.toContain(token);
});

test("a machine whose container fails is off, too", async () => {
  expect((await run({ docker: '[ "$1" != run ]' })).slice(-2)).toEqual([start, off]);
});

test("a machine without a timer runs nothing", async () => {
  expect(await run({ systemctl: '[ "$1" != is-active ]' })).toEqual([isTimed, off]);
});

test("a GPU or an image that never comes is given up", async () => {
  const blind = await run({ "nvidia-smi": "exit 1" });
  expect(blind).not.toContain(pull);
  expect(blind.at(-1)).toBe(off);
  const unpulled = await run({ docker: '[ "$1" != pull ]' });
  expect(unpulled.filter((line) => line === pull)).toHaveLength(5);
  expect(unpulled).not.toContain(start);
  expect(unpulled.at(-1)).toBe(off);
});
