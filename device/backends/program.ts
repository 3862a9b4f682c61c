/**
 * A program of the user's as a device: it is given the exported model and prints what it found. It may do whatever it
 * takes, such as driving a phone or a simulator.
 */

import { spawn } from "node:child_process";
import { rmSync } from "node:fs";
import path from "node:path";
import { onnxFile } from "../../gpu-runner/exports/onnx.ts";
import { tfjsFiles } from "../../gpu-runner/exports/tfjs.ts";
import { guard } from "../../setup/guard.mjs";
import { temporaryFolder, writeTemporary } from "../../setup/temporary.mjs";
import type { DeviceObjective, MeasuringSettings, Subject } from "../../shared/measuring.ts";
import type { WholeDevice } from "../backend.ts";
import { conditionsReader, readFingerprint } from "../fingerprint.ts";
import { modelOfSubject } from "../network.ts";

const LIMIT_SECONDS = 300;
/** How long the program may take to end by itself when the process that measures is gone. */
const ORPHAN_SECONDS = 5;
/** Of what the program prints; only the last line counts. */
const KEPT_CHARACTERS = 20_000;

export interface ProgramOptions {
  /** For the shell; `{model}` is the .onnx file, `{tfjs}` the folder of the TensorFlow.js model, `{batch}` the images. */
  command: string;
  objectives: DeviceObjective[];
  /** Longest time of one run; default 300. */
  limitSeconds?: number | undefined;
}

export function openProgram({
  command,
  objectives,
  limitSeconds = LIMIT_SECONDS,
}: ProgramOptions): WholeDevice {
  return {
    facts: { name: "program", versions: {}, threads: 1 },
    fingerprint: readFingerprint(),
    objectives,
    conditions: conditionsReader(),
    async measure(subject, names, signal, settings) {
      const folder = temporaryFolder("nasturtium-device-");
      try {
        const files = writeModel(folder, subject);
        const { line, text } = commandOf(command, files, { subject, names, settings });
        return valuesOf(await lastLineOf(line, text, { signal, limitSeconds }), names);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  };
}

interface Files {
  model: string;
  tfjs: string;
}

function writeModel(folder: string, subject: Subject): Files {
  const model = modelOfSubject(subject);
  const files = { model: path.join(folder, "model.onnx"), tfjs: path.join(folder, "tfjs") };
  writeTemporary(files.model, onnxFile(model, {}));
  for (const { name, bytes } of tfjsFiles(model, {})) writeTemporary(path.join(files.tfjs, name), bytes);
  writeTemporary(path.join(folder, "subject.json"), JSON.stringify(subject));
  return files;
}

/** Only our own paths and numbers get into the shell's line; what comes from the edge is in the environment. */
function commandOf(
  command: string,
  { model, tfjs }: Files,
  asked: { subject: Subject; names: readonly string[]; settings: MeasuringSettings },
) {
  const batch = String(asked.settings.batchSize);
  const replaced: Record<string, string> = { model: quoted(model), tfjs: quoted(tfjs), batch };
  return {
    line: command.replaceAll(/\{(model|tfjs|batch)\}/g, (_, name: string) => replaced[name] ?? ""),
    text: {
      NASTURTIUM_MODEL: model,
      NASTURTIUM_TFJS: tfjs,
      NASTURTIUM_SUBJECT: path.join(path.dirname(model), "subject.json"),
      NASTURTIUM_BATCH_SIZE: batch,
      NASTURTIUM_OBJECTIVES: asked.names.join(","),
    },
  };
}

const quoted = (file: string): string =>
  process.platform === "win32" ? `"${file}"` : `'${file.replaceAll("'", "'\\''")}'`;

/** @throws Error where it fails, takes too long or prints nothing */
function lastLineOf(
  line: string,
  env: Record<string, string>,
  { signal, limitSeconds }: { signal: AbortSignal; limitSeconds: number },
): Promise<string> {
  return new Promise((resolve, reject) => {
    // A group of its own, so that what the shell has started ends with it. It measures; it gets no token.
    const { NASTURTIUM_TOKEN: _, ...rest } = process.env;
    const child = spawn(line, {
      shell: true,
      detached: process.platform !== "win32",
      env: { ...rest, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const release = guard(child.pid === undefined ? undefined : -child.pid, ORPHAN_SECONDS);
    const printed = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) {
      child[name].setEncoding("utf8").on("data", (chunk: string) => {
        printed[name] = (printed[name] + chunk).slice(-KEPT_CHARACTERS);
      });
    }
    const stop = (reason: Error) => {
      end(child.pid);
      finish(() => reject(reason));
    };
    const onAbort = () => stop(new Error("the measurement was stopped"));
    const late = () => stop(new Error(`the program took longer than ${limitSeconds} s`));
    const limit = setTimeout(late, limitSeconds * 1000);
    const finish = (settle: () => void) => {
      clearTimeout(limit);
      release();
      signal.removeEventListener("abort", onAbort);
      settle();
    };
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort);
    child.on("error", stop);
    child.on("close", (code, by) => {
      finish(() => {
        if (code === 0) return resolve(lastOf(printed.stdout));
        const why = lastOf(printed.stderr).slice(0, 300);
        reject(new Error(`the program ended with ${code ?? by}${why && `: ${why}`}`));
      });
    });
  });
}

const lastOf = (text: string): string => text.trimEnd().split("\n").at(-1)?.trim() ?? "";

function end(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(process.platform === "win32" ? pid : -pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

/** A number for the one objective, or an object of numbers by their names. @throws Error where it is something else */
function valuesOf(line: string, names: readonly string[]): Awaited<ReturnType<WholeDevice["measure"]>> {
  const shown = line === "" ? "nothing" : `"${line.slice(0, 100)}"`;
  let answer: unknown;
  try {
    answer = JSON.parse(line);
  } catch {
    throw new Error(`the program's last line is ${shown}, not a number or a JSON object of numbers`);
  }
  if (typeof answer === "number" && names.length !== 1)
    throw new Error(`the program printed one number for ${names.join(", ")}; print a JSON object of numbers`);
  const byName: Record<string, unknown> =
    typeof answer === "object" && answer !== null ? { ...answer } : { [names[0] ?? ""]: answer };
  return Object.fromEntries(
    names.map((name) => {
      const value = byName[name];
      if (value === undefined || value === null) return [name, null];
      if (typeof value !== "number" || !Number.isFinite(value) || value < 0)
        throw new Error(`the program gave ${JSON.stringify(value)} for ${name} in ${shown}`);
      return [name, { median: value, low: value, high: value, samples: 1 }];
    }),
  );
}
