/**
 * Node-API may be called by JavaScript's thread only, and TensorFlow's threads let go of tensors whenever they like
 * (setup/binding.mjs). The binding is built here with its calls watched, and with threads made to meet in them.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { patches } from "../../setup/binding.mjs";
import { buildWatchedBinding, withBinding } from "../../setup/binding.testing.ts";

const SECONDS = 40;
const PROGRAM = path.join(import.meta.dirname, "sharedMemory.testing.ts");
/** Pairs of threads of JavaScript that load the binding, run sessions and end. */
const SIDE_BY_SIDE = `
  import { once } from "node:events";
  import { Worker } from "node:worker_threads";
  const start = () => new Worker(${JSON.stringify(PROGRAM)}, { argv: ["2"] });
  for (let pair = 0; pair < 8; pair++) {
    const codes = await Promise.all([start(), start()].map((worker) => once(worker, "exit")));
    if (codes.some(([code]) => code !== 0)) process.exitCode = 1;
  }
`;

const folder = mkdtempSync(path.join(tmpdir(), "nasturtium-binding-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function run(binding: string, args = [PROGRAM, String(SECONDS)]) {
  const child = spawn(process.execPath, [...withBinding(binding), ...args]);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => {
      output += chunk;
    });
  }
  const [code, signal] = await once(child, "close");
  const counts = /node-api: (\d+) calls, (\d+) off their thread/.exec(output);
  const sums = [...output.matchAll(/\{"sessions":(\d+),"wrong":(\d+)\}/g)];
  const total = (group: number) => sums.reduce((sum, match) => sum + Number(match[group]), 0);
  return {
    output,
    ended: { code, signal },
    calls: Number(counts?.[1]),
    foreign: Number(counts?.[2]),
    sessions: total(1),
    wrong: total(2),
  };
}

describe.runIf(process.platform === "linux" && process.env.NASTURTIUM_BACKEND !== "wasm")(
  "the binding",
  () => {
    let mended: string;
    let unmended: string;

    beforeAll(async () => {
      mended = await buildWatchedBinding(path.join(folder, "mended"), patches);
      unmended = await buildWatchedBinding(path.join(folder, "unmended"), []);
    });

    test("never calls Node-API off its thread, crashes or sums wrongly", async () => {
      const { output, ...result } = await run(mended);
      console.log(JSON.stringify(result));
      expect(result, output).toMatchObject({ ended: { code: 0, signal: null }, wrong: 0, foreign: 0 });
      expect(result.sessions).toBeGreaterThan(20);
      expect(result.calls).toBeGreaterThan(result.sessions * 100);
    });

    test("serves threads of JavaScript side by side as well, each its own", async () => {
      const { output, ...result } = await run(mended, ["--eval", SIDE_BY_SIDE]);
      console.log(JSON.stringify(result));
      expect(result, output).toMatchObject({ ended: { code: 0, signal: null }, wrong: 0, foreign: 0 });
      expect(result.sessions).toBeGreaterThan(16);
    });

    test("called it off its thread before it was patched, or this would see nothing", async () => {
      const { output, ...result } = await run(unmended);
      console.log(JSON.stringify(result));
      expect(output).toContain("node-api: napi_delete_reference off its thread");
    });
  },
);
