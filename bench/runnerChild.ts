/** Trains a network as the runner does, a step at a time on request; started by bench/runner.ts. */

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Batch } from "../gpu-runner/data/batches.ts";
import { createExecutor } from "../gpu-runner/executor/create.ts";
import type { Executor, Path } from "../gpu-runner/executor/executor.ts";
import { type Backend, type BackendName, loadBackend } from "../gpu-runner/kernels/backend.ts";
import type { NamedValues } from "../gpu-runner/weightShapes.ts";
import { deserialise } from "../gpu-runner/weights.ts";
import type { Replies, Request, RunReply, RunRequest, SetupRequest } from "./runnerProtocol.ts";

/** Entries of the native library that start work; each of their calls goes from JavaScript to C once. */
const COUNTED = ["executeOp", "runSavedModel"];

interface State {
  backend: Backend;
  executor: Executor;
  settings: SetupRequest["settings"];
  batches: Batch[];
}

let state: State | undefined;

for await (const line of createInterface({ input: process.stdin })) {
  const request: Request = JSON.parse(line);
  console.log(JSON.stringify(await answer(request)));
}

async function answer(request: Request): Promise<Replies[Request["op"]]> {
  if (request.op === "setup") return setUp(request);
  if (state === undefined) throw new Error(`${request.op} came before setup`);
  switch (request.op) {
    case "load":
      state.executor.load(readValues(request.weights));
      return {};
    case "run":
      return run(state, request);
    case "count":
      return { calls: countCalls(state, () => run(state as State, { ...request, op: "run" })) };
  }
}

async function setUp({ network, seed, settings, batches }: SetupRequest): Promise<Replies["setup"]> {
  const backend = await loadBackend((process.env.NASTURTIUM_BACKEND ?? "tensorflow") as BackendName);
  const executor = createExecutor(backend, network, seed);
  state = { backend, executor, settings, batches: readBatches(batches) };
  return { versions: backend.versions, threads: backend.threads };
}

function run({ executor, batches, settings }: State, request: RunRequest): RunReply {
  const reply: RunReply = { milliseconds: [], losses: [] };
  for (const [index, path] of request.paths.entries()) {
    const step = request.first + index;
    const batch = batches[step % batches.length] as Batch;
    const startedAt = performance.now();
    const loss = request.mode === "evaluate" ? evaluate(executor, batch, path) : train(step, batch, path);
    reply.milliseconds.push(performance.now() - startedAt);
    reply.losses.push(loss);
  }
  return reply;

  function train(seed: number, batch: Batch, path: Path): number {
    return executor.trainStep(batch, path, { ...settings, dropPath: request.dropPath, seed }).loss;
  }
}

function evaluate(executor: Executor, batch: Batch, path: Path): number {
  const [evaluation] = executor.evaluate([batch], [path], "batch");
  return evaluation?.loss ?? Number.NaN;
}

/** The native module cannot be changed, so the backend is given one that stands before it. */
function countCalls({ backend }: State, work: () => void): Record<string, number> {
  const holder = backend.tf.backend() as unknown as { binding?: Record<string, unknown> };
  const { binding } = holder;
  if (binding === undefined) return {};
  const calls: Record<string, number> = {};
  const counting = COUNTED.map((name) => {
    calls[name] = 0;
    const value = (...args: unknown[]) => {
      calls[name] = (calls[name] ?? 0) + 1;
      return (binding[name] as (...args: unknown[]) => unknown)(...args);
    };
    return [name, { value }] as const;
  });
  holder.binding = Object.create(binding, Object.fromEntries(counting));
  try {
    work();
  } finally {
    holder.binding = binding;
  }
  return calls;
}

function readValues(file: string): NamedValues {
  return deserialise(readFileSync(file)).values;
}

function readBatches(file: string): Batch[] {
  const values = readValues(file);
  const of = (name: string): Float32Array => values.get(name)?.values ?? new Float32Array();
  return Array.from({ length: values.size / 2 }, (_, index) => ({
    x: of(`${index}/x`),
    y: Int32Array.from(of(`${index}/y`)),
  }));
}
