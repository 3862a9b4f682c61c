/** Reads the Dockerfile, for tests that check its steps or take them without a container. */

import { readFileSync } from "node:fs";
import path from "node:path";
import { rootDir } from "../../setup/node.mjs";

export type Step =
  | { kind: "from"; image: string; stage: string | undefined }
  | { kind: "run"; command: string[] }
  | { kind: "copy"; from: string | undefined; sources: string[]; target: string }
  | { kind: "env"; variables: Record<string, string> }
  | { kind: "user" | "workdir"; value: string }
  | { kind: "entrypoint" | "cmd"; command: string[] };

/** @returns the steps in order, build arguments replaced by their defaults */
export function readDockerfile(): Step[] {
  const text = readFileSync(path.join(rootDir, "gpu-runner", "Dockerfile"), "utf8")
    .replaceAll(/^#.*\n/gm, "")
    .replaceAll(/\\\n/g, " ");
  const defaults = new Map<string, string>();
  const steps: Step[] = [];
  for (const line of text.split("\n")) {
    if (line.trim() === "") continue;
    const [instruction = "", ...rest] = line.trim().split(/\s+/);
    const words = rest.map((word) => word.replaceAll(/\$\{(\w+)\}/g, (_, name) => defaults.get(name) ?? ""));
    if (instruction === "ARG") {
      const [name = "", value = ""] = (words[0] ?? "").split("=");
      defaults.set(name, value);
      continue;
    }
    steps.push(parse(instruction, words));
  }
  return steps;
}

function parse(instruction: string, words: string[]): Step {
  const value = words.join(" ");
  switch (instruction) {
    case "FROM":
      return { kind: "from", image: words[0] ?? "", stage: words[1] === "AS" ? words[2] : undefined };
    case "RUN":
      return { kind: "run", command: words };
    case "COPY": {
      const from = words[0]?.startsWith("--from=") ? words[0].slice("--from=".length) : undefined;
      const paths = from === undefined ? words : words.slice(1);
      return { kind: "copy", from, sources: paths.slice(0, -1), target: paths.at(-1) ?? "" };
    }
    case "ENV":
      return { kind: "env", variables: Object.fromEntries(words.map((word) => word.split("=", 2))) };
    case "USER":
    case "WORKDIR":
      return { kind: instruction === "USER" ? "user" : "workdir", value };
    case "ENTRYPOINT":
    case "CMD":
      return { kind: instruction === "CMD" ? "cmd" : "entrypoint", command: JSON.parse(value) };
    default:
      throw new Error(`The Dockerfile has an instruction that its tests do not know: ${instruction}.`);
  }
}
