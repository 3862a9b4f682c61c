/** The script that cloud-init starts, run by a real shell among stand-ins for docker and systemd. */

import { execFile } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
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
  for (const name of ["docker", "nvidia-smi", "systemctl", "python3", "sleep"]) {
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
const told = (what: string): string => `python3 /run/nasturtium/report.py /run/nasturtium/runner.env ${what}`;

test("the container is run once docker and the GPU are there, and then the machine is off", async () => {
  const started = await run({});
  expect(started).toEqual([isTimed, ...wait, pull, start, off]);
  expect(started.join()).not.toContain(token);
});

test("a machine whose container fails is off, too", async () => {
  const broken = await run({ docker: '[ "$1" != run ]' });
  expect(broken.slice(-3)).toEqual([start, told("its container failed"), off]);
  const silent = await run({ docker: '[ "$1" != run ]', python3: "exit 1" });
  expect(silent.at(-1)).toBe(off);
});

test("a machine without a timer runs nothing", async () => {
  expect(await run({ systemctl: '[ "$1" != is-active ]' })).toEqual([
    isTimed,
    told("its end is not set"),
    off,
  ]);
});

test("a GPU or an image that never comes is given up", async () => {
  const blind = await run({ "nvidia-smi": "exit 1" });
  expect(blind).not.toContain(pull);
  expect(blind.slice(-2)).toEqual([told("docker or its GPU did not come"), off]);
  const unpulled = await run({ docker: '[ "$1" != pull ]' });
  expect(unpulled.filter((line) => line === pull)).toHaveLength(5);
  expect(unpulled).not.toContain(start);
  expect(unpulled.slice(-2)).toEqual([told("its image could not be pulled"), off]);
});

test("the edge is told what failed with the end of the log, and the token is in no argument of it", async () => {
  const folder = mkdtempSync(join(tmpdir(), "nasturtium-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const received: { url: string | undefined; authorization: string | undefined; body: unknown }[] = [];
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += chunk;
    const { url, headers } = request;
    received.push({ url, authorization: headers.authorization, body: JSON.parse(text) });
    response.end("{}");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const edge = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { write_files: files } = parse(
    cloudInit({ image, env: { ...env, NASTURTIUM_EDGE: edge }, lifetimeSeconds: 60 }),
  );
  for (const { path, content } of files) writeFileSync(join(folder, basename(path)), content);
  writeFileSync(join(folder, "journalctl"), `#!/bin/sh\necho "no manifest for ${token}"\n`, { mode: 0o700 });
  await new Promise<void>((resolve, reject) => {
    const args = [join(folder, "report.py"), join(folder, "runner.env"), "its image could not be pulled"];
    const options = { env: { PATH: `${folder}:/usr/local/bin:/usr/bin:/bin` } };
    execFile("python3", args, options, (error) => (error === null ? resolve() : reject(error)));
  });
  expect(received).toEqual([
    {
      url: "/v1/runners/failure",
      authorization: `Bearer ${token}`,
      body: { message: "its image could not be pulled", log: "no manifest for [secret]\n" },
    },
  ]);
});
