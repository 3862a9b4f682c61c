import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Notice } from "../../shared/protocol.ts";
import { EagerExecutor } from "../executor/eager.ts";
import { TrainingFailure } from "../failure.ts";
import { type Backend, loadBackend } from "../kernels/backend.ts";
import { dataset, roundOf } from "../rounds.testing.ts";
import { SupernetTrainer } from "../trainRound.ts";
import { MemoryEstimate } from "./estimate.ts";
import { type ReadText, readText } from "./files.ts";
import { MemoryGuard } from "./guard.ts";

const MIB = 2 ** 20;
const RESERVE_MIB = 48;

let backend: Backend;
let folder: string;

beforeAll(async () => {
  backend = await loadBackend(process.env.NASTURTIUM_BACKEND === "wasm" ? "wasm" : "tensorflow");
});

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "nasturtium-guard-"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** This machine with so much memory, of which nothing is given back, and so many kills. */
const machine =
  ({ freeBytes = 2 ** 40, kills = 0 }): ReadText =>
  (file) => {
    if (file === "/proc/meminfo") return `MemTotal: 1 kB\nMemAvailable: ${Math.floor(freeBytes / 1024)} kB\n`;
    if (file === "/proc/vmstat") return `oom_kill ${kills}\n`;
    if (file === "/proc/self/status" || file === "/proc/self/limits" || file === "/proc/self/cgroup")
      return "";
    return readText(file);
  };

/** Trains and measures one round of a search under a guard. */
async function train(read?: ReadText) {
  const lines: string[] = [];
  const notices: Notice[] = [];
  const guard = read && new MemoryGuard({ folder, log: (line) => lines.push(line), read });
  const trainer = new SupernetTrainer(
    backend,
    async () => dataset,
    (...made) => {
      const executor = new EagerExecutor(...made);
      return guard ? guard.watch(executor, backend) : executor;
    },
  );
  guard?.begin("search");
  const outcome = await trainer
    .run(roundOf(0), { notice: (notice) => notices.push(notice) })
    .then(({ digest, halvedFrom }) => ({ digest, halvedFrom }))
    .catch((error: unknown) => ({ error }));
  const notesDuring = readdirSync(folder).length;
  guard?.end();
  trainer.forget();
  return { outcome, lines, notices, notesDuring };
}

/** What a step of so many images takes, on this backend. */
async function stepBytes(count: number): Promise<number> {
  let bytes = 0;
  const trainer = new SupernetTrainer(
    backend,
    async () => dataset,
    (...made) => {
      const executor = new EagerExecutor(...made);
      const estimate = new MemoryEstimate(executor.network, backend.name);
      bytes = estimate.bytes("train", "single", count) + estimate.addedBytes("single", count);
      return executor;
    },
  );
  await trainer.run({ ...roundOf(0), candidates: [] });
  trainer.forget();
  return bytes;
}

/** A process begins such a step and is killed in it. */
function dieAt(images: number, bytes: number, mayBeRefused = false): void {
  const module = new URL("./lastStep.ts", import.meta.url);
  const begin = `new LastStep(${JSON.stringify(folder)}, "search", (file) => file === "/proc/vmstat" ? "oom_kill 3" : readText(file)).begin(${JSON.stringify({ images, bytes, mayBeRefused })})`;
  const files = new URL("./files.ts", import.meta.url);
  const script = `import { LastStep } from ${JSON.stringify(module.href)}; import { readText } from ${JSON.stringify(files.href)}; ${begin}; process.kill(process.pid, "SIGKILL");`;
  expect(() =>
    execFileSync(process.execPath, ["--input-type=module", "--eval", script], { stdio: "ignore" }),
  ).toThrow();
  expect(readdirSync(folder)).toHaveLength(1);
}

describe("training under a guard of memory", () => {
  test("is the same, bit for bit, where memory is plentiful, and leaves no note", async () => {
    const plain = await train();
    const { outcome, lines, notices, notesDuring } = await train(machine({}));
    expect(outcome).toEqual(plain.outcome);
    expect([lines, notices]).toEqual([[], []]);
    expect(notesDuring).toBe(1);
    expect(readdirSync(folder)).toEqual([]);
  });

  test("leaves a note in every round, also where rounds begin with the same kind of step", async () => {
    const guard = new MemoryGuard({ folder, log: () => {}, read: machine({}) });
    const trainer = new SupernetTrainer(
      backend,
      async () => dataset,
      (...made) => guard.watch(new EagerExecutor(...made), backend),
    );
    const notes: number[] = [];
    for (const number of [0, 1, 2]) {
      guard.begin("search");
      await trainer.run({ ...roundOf(number), candidates: [] });
      notes.push(readdirSync(folder).length);
      guard.end();
    }
    trainer.forget();
    expect(notes).toEqual([1, 1, 1]);
  });

  test("is halved before a step that memory does not suffice for, with the reason in the event", async () => {
    const [whole, half] = [await stepBytes(8), await stepBytes(4)];
    const read = machine({ freeBytes: (whole + half) / 2 + RESERVE_MIB * MIB });
    const { outcome, notices, lines } = await train(read);
    expect(outcome).toMatchObject({ halvedFrom: 0 });
    const reason = expect.stringMatching(
      /^A training step of 8 images needs about \d+ MiB, and this machine's memory of \d+ MiB leaves \d+ MiB: raise it/,
    );
    expect(notices).toEqual([
      { type: "memory.exhausted", data: { stage: 0, step: 0, batchSize: 4, reason } },
    ]);
    expect(lines).toHaveLength(1);
  });

  test("fails with the reason in one line below what half a batch needs", async () => {
    const { outcome } = await train(machine({ freeBytes: RESERVE_MIB * MIB }));
    const { error } = outcome as { error: TrainingFailure };
    expect(error).toBeInstanceOf(TrainingFailure);
    expect(error.failure).toMatchObject({ kind: "out-of-memory", step: 0 });
    expect(error.message).toMatch(
      /^A training step of 4 images needs about \d+ MiB, and .* At step 0 of stage 1\.$/,
    );
    expect(error.message).not.toContain("\n");
  });

  test("starts halved after the kernel ended the attempt before, and says why", async () => {
    dieAt(8, await stepBytes(8));
    const { outcome, notices } = await train(machine({ kills: 4 }));
    expect(outcome).toMatchObject({ halvedFrom: 0 });
    const reason = "The attempt before ran out of memory at 8 images (the kernel ended it).";
    expect(notices).toEqual([
      { type: "memory.exhausted", data: { stage: 0, step: 0, batchSize: 4, reason } },
    ]);
  });

  test("starts halved after an attempt that ended where an allocation may be refused", async () => {
    dieAt(8, await stepBytes(8), true);
    const { outcome } = await train(machine({ kills: 3 }));
    expect(outcome).toMatchObject({ halvedFrom: 0 });
  });

  test("fails after half a batch ended the attempt before", async () => {
    dieAt(4, await stepBytes(4));
    const { outcome } = await train(machine({ kills: 4 }));
    const { error } = outcome as { error: TrainingFailure };
    expect(error.failure).toMatchObject({ kind: "out-of-memory" });
    expect(error.message).toContain("The attempt before ran out of memory at 4 images");
  });

  test("is not halved after a process that was killed while there was memory", async () => {
    const plain = await train();
    dieAt(8, await stepBytes(8));
    const { outcome, notices } = await train(machine({ kills: 3 }));
    expect(outcome).toEqual(plain.outcome);
    expect(notices).toEqual([]);
  });
});
