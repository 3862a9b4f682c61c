/**
 * What a rented virtual machine is told at its first boot, as cloud-init: to end by itself when its time is over, whatever
 * becomes of docker, and to run the runner's container on all of its GPUs. Pure.
 */

import { stringify } from "yaml";

export interface CloudInitRequest {
  image: string;
  /** Holds a token: it is in a file of root's only, and in no argument of a process. */
  env: Readonly<Record<string, string>>;
  lifetimeSeconds: number;
}

/** The most that a provider takes. */
const maxBytes = 64 * 1024;
/** In memory: gone with the machine. */
const folder = "/run/nasturtium";
const envFile = `${folder}/runner.env`;
const startFile = `${folder}/start.sh`;
const reportFile = `${folder}/report.py`;
const endUnit = "nasturtium-end";
const runnerUnit = "nasturtium-runner";
const waitSeconds = 5;
/** For docker and the GPU's driver. */
const waits = 120;
const pulls = 5;
/** Of the log's end, as the edge takes it. */
const logCharacters = 8000;

const imageName = /^[a-z0-9][\w./:@-]*$/;
const variableName = /^[A-Za-z_]\w*$/;
/** An environment file has one line for each variable; what YAML cannot hold plainly is in no value either. */
const unfitCharacters = /[^\P{Cc}\t]|[\p{Cs}\u2028\u2029\ufffe\uffff]/u;

/** @throws RangeError, which shows no value */
export function cloudInit({ image, env, lifetimeSeconds }: CloudInitRequest): string {
  // Both are in a script.
  if (!imageName.test(image)) throw new RangeError("the image's name has characters that no image has");
  if (!Number.isSafeInteger(lifetimeSeconds) || lifetimeSeconds < 1)
    throw new RangeError("a machine's lifetime is a whole number of seconds, at least 1");
  const settings = {
    write_files: [
      { path: envFile, owner: "root:root", permissions: "0600", content: envLines(env) },
      { path: startFile, owner: "root:root", permissions: "0700", content: startScript(image) },
      { path: reportFile, owner: "root:root", permissions: "0700", content: report },
    ],
    runcmd: [
      ["systemd-run", `--unit=${endUnit}`, `--on-active=${lifetimeSeconds}s`, "systemctl", "poweroff"],
      // A unit of its own: the boot is not held up for as long as the runner works.
      ["systemd-run", `--unit=${runnerUnit}`, "sh", startFile],
    ],
  };
  // Cloud-init reads YAML 1.1.
  const yaml = stringify(settings, { version: "1.1", lineWidth: 0, blockQuote: "literal" });
  const text = `#cloud-config\n${yaml}`;
  if (new TextEncoder().encode(text).byteLength > maxBytes)
    throw new RangeError(`the environment is too long: cloud-init may have ${maxBytes} bytes`);
  return text;
}

function envLines(env: Readonly<Record<string, string>>): string {
  const lines = Object.entries(env).map(([name, value]) => {
    if (!variableName.test(name)) throw new RangeError("a variable's name has characters that no name has");
    if (unfitCharacters.test(value))
      throw new RangeError(`${name} has a new line, or a character that is no text`);
    return `${name}=${value}\n`;
  });
  return lines.join("");
}

/**
 * Tells the edge what failed, with the end of the log: in Python, which cloud-init is written in, so that the token is
 * in no argument of a process.
 */
const report = `import json, subprocess, sys, urllib.request
with open(sys.argv[1], encoding="utf-8") as lines:
    env = dict(line.rstrip("\\n").split("=", 1) for line in lines)
token = env["NASTURTIUM_TOKEN"]
journal = ["journalctl", "--unit=${runnerUnit}", "--lines=60", "--output=cat"]
log = subprocess.run(journal, stdout=subprocess.PIPE).stdout.decode("utf-8", "replace")
body = {"message": sys.argv[2], "log": log.replace(token, "[secret]")[-${logCharacters}:]}
headers = {"authorization": "Bearer " + token, "content-type": "application/json", "user-agent": "Nasturtium"}
url = env["NASTURTIUM_EDGE"] + "/v1/runners/failure"
urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers), timeout=15)
`;

/** Whatever way it ends, the machine is powered off; where it fails, the edge is told. */
const startScript = (image: string): string => `#!/bin/sh
end() {
  [ "$1" -eq 0 ] || python3 ${reportFile} ${envFile} "$step"
  systemctl poweroff
}
trap 'end $?' EXIT
step="its end is not set"
systemctl is-active --quiet ${endUnit}.timer || exit 1
step="docker or its GPU did not come"
command -v docker >/dev/null 2>&1 ||
  { apt-get update && apt-get -o DPkg::Lock::Timeout=300 install -y docker.io; } >/dev/null 2>&1
n=0
until docker info >/dev/null 2>&1 && nvidia-smi >/dev/null 2>&1; do
  n=$((n + 1))
  [ "$n" -lt ${waits} ] || exit 1
  sleep ${waitSeconds}
done
step="its image could not be pulled"
n=0
until docker pull --quiet ${image}; do
  n=$((n + 1))
  [ "$n" -lt ${pulls} ] || exit 1
  sleep ${waitSeconds}
done
step="its container failed"
docker run --rm --gpus all --env-file ${envFile} ${image}
`;
