/** Secrets and variables as people write them: KEY=VALUE. No message repeats a value. */

import { readFileSync, statSync } from "node:fs";
import { badInput, reasonOf } from "../errors.ts";

const NAME = /^[A-Z][A-Z0-9_]*$/;
const SECRET_NAME = /(_KEY|_TOKEN|_SECRET|_PASSWORD)$/;
const FOR_OTHERS = 0o077;

/** @returns names with their values. @throws CliError naming the line that is none */
export function readSecretsFile(file: string): Map<string, string> {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw badInput(`The secrets file cannot be read: ${reasonOf(error)}.`, "Check --secrets-file.");
  }
  const secrets = new Map<string, string>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (/^\s*(#|$)/.test(line)) continue;
    const [, name = "", quoted = ""] = /^\s*(?:export\s+)?([^=\s]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    const value = /^(["'])(.*)\1$/.exec(quoted)?.[2] ?? quoted;
    if (NAME.test(name) && value === "") {
      throw badInput(
        `Line ${index + 1} of the secrets file gives ${name} no value.`,
        "Write its value after the =, or leave the line out: what is set already stays.",
      );
    }
    if (!NAME.test(name)) {
      throw badInput(
        `Line ${index + 1} of the secrets file is not KEY=VALUE.`,
        "Write one secret a line, such as RUNPOD_API_KEY=..., its name in capitals.",
      );
    }
    secrets.set(name, value);
  }
  return secrets;
}

/** Whether others than its owner may read the file. */
export const isOpenToOthers = (file: string): boolean =>
  process.platform !== "win32" && (statSync(file).mode & FOR_OTHERS) !== 0;

/** An image that cannot change: machines rent nothing else. */
export function parseImage(text: string): string {
  if (/.@sha256:[0-9a-f]{64}$/.test(text)) return text;
  throw badInput(
    `"${text}" names no image by its digest, and under a tag another may be put.`,
    "Give REPOSITORY@sha256:... with 64 digits, as `npm run -s image:publish` prints it.",
  );
}

/** One `--var` after those before. */
export function parseVariable(text: string, previous: unknown): Record<string, string> {
  const [, name = "", value = ""] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (!NAME.test(name)) {
    throw badInput("--var is KEY=VALUE, its name in capitals.", "Such as --var NASTURTIUM_INSTANCES=4.");
  }
  if (SECRET_NAME.test(name)) {
    throw badInput(
      `${name} is a secret, and all who list processes can read arguments.`,
      "Put it into a file for --secrets-file.",
    );
  }
  return { ...((previous as Record<string, string> | undefined) ?? {}), [name]: value };
}
