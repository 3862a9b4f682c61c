import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { planWorkers, runWorkers, thisMachine, type WorkersOptions } from "./workers.ts";

let lines: string[];
let stopping: AbortController;

beforeEach(() => {
  lines = [];
  stopping = new AbortController();
});

afterEach(() => stopping.abort());

/** Real processes that run the program. */
const options = (program: string, change: Partial<WorkersOptions> = {}): WorkersOptions => ({
  workers: [{ CUDA_VISIBLE_DEVICES: "0" }, { CUDA_VISIBLE_DEVICES: "1" }],
  command: process.execPath,
  args: (index) => ["-e", program, String(index)],
  env: process.env,
  log: (line) => lines.push(line),
  signal: stopping.signal,
  firstPauseMs: 5,
  ...change,
});

async function says(pattern: RegExp, times = 1): Promise<void> {
  while (lines.filter((line) => pattern.test(line)).length < times) await sleep(5);
}

const stays = `
  process.on("SIGTERM", () => { console.log("checkpointed"); process.exit(143); });
  console.log("started on " + process.env.CUDA_VISIBLE_DEVICES);
  setInterval(() => {}, 1000);
`;

describe("the plan", () => {
  it("is one worker for each GPU, with its share of the cores", () => {
    expect(planWorkers("auto", { cores: 32, gpus: ["0", "3"] })).toEqual([
      { CUDA_VISIBLE_DEVICES: "0", TF_NUM_INTRAOP_THREADS: "16", OMP_NUM_THREADS: "16" },
      { CUDA_VISIBLE_DEVICES: "3", TF_NUM_INTRAOP_THREADS: "16", OMP_NUM_THREADS: "16" },
    ]);
  });

  it("is one for every four cores without a GPU, and at least one, which is left as it is", () => {
    expect(planWorkers("auto", { cores: 9, gpus: [] })).toHaveLength(2);
    expect(planWorkers("auto", { cores: 2, gpus: [] })).toEqual([{}]);
  });

  it("is as many as are wanted, GPUs in turn", () => {
    const plan = planWorkers(3, { cores: 2, gpus: ["0", "1"] });
    expect(plan.map(({ CUDA_VISIBLE_DEVICES: gpu }) => gpu)).toEqual(["0", "1", "0"]);
    expect(plan[0]?.TF_NUM_INTRAOP_THREADS).toBe("1");
  });

  it("knows the GPUs that may be seen", () => {
    expect(thisMachine({ CUDA_VISIBLE_DEVICES: "2, 5" }).gpus).toEqual(["2", "5"]);
    expect(thisMachine({ CUDA_VISIBLE_DEVICES: "" }).gpus).toEqual([]);
    expect(thisMachine({ CUDA_VISIBLE_DEVICES: "-1" }).gpus).toEqual([]);
  });
});

describe("workers", () => {
  it("run side by side, each in its environment, and all get the signal to end and end in their own time", async () => {
    const ended = runWorkers(options(stays));
    await says(/started on/, 2);
    expect([...lines].sort()).toEqual(["[1] started on 0", "[2] started on 1"]);
    stopping.abort();
    await ended;
    expect(lines.filter((line) => line.endsWith("checkpointed"))).toHaveLength(2);
  });

  it("that crash are started again", async () => {
    const crashes = `console.log("up"); if (process.argv[1] === "1") process.kill(process.pid, "SIGKILL");`;
    const forever = `${crashes} else { ${stays} }`;
    const ended = runWorkers(options(forever));
    await says(/\[2\] ended by SIGKILL; starting it again/, 2);
    await says(/^\[1\] up$/);
    expect(lines.filter((line) => line === "[1] up")).toHaveLength(1);
    stopping.abort();
    await ended;
  });

  it("that crash for ever stay down, and the others are asked to end", async () => {
    const program = `if (process.argv[1] === "1") process.exit(1); ${stays}`;
    await expect(runWorkers(options(program))).rejects.toThrow("Worker 2 ended with code 1 and stays down.");
    expect(lines.filter((line) => line.startsWith("[2] ended"))).toHaveLength(5);
  });

  it("whose failure is final are not started again", async () => {
    const final = { isFinal: (code: number) => code === 4 };
    await expect(runWorkers(options("process.exit(4)", final))).rejects.toMatchObject({ code: 4 });
    expect(lines).toEqual([]);
  });

  it("that have nothing left to do end all of it", async () => {
    await runWorkers(options(`console.log("done")`));
    expect([...lines].sort()).toEqual(["[1] done", "[2] done"]);
  });
});
