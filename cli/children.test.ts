import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { startChild } from "./children.ts";

const options = { cwd: process.cwd(), env: process.env };

/** A shell whose own child ignores SIGTERM. */
const stubborn = `trap '' TERM; sh -c "trap '' TERM; echo \\$\\$; exec sleep 60" & wait; sleep 60`;

/** A dead process that nobody has waited for yet does not count. */
function isRunning(processId: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${processId}/status`, "utf8"));
  } catch {
    return false;
  }
}

test.runIf(process.platform === "linux")(
  "what a child started ends with it, even if it ignores the polite signal",
  async () => {
    const { promise: grandchild, resolve } = Promise.withResolvers<number>();
    const child = startChild("sh", ["-c", stubborn], { ...options, onLine: (line) => resolve(Number(line)) });
    const processId = await grandchild;
    expect(isRunning(processId)).toBe(true);
    await child.stop();
    await expect.poll(() => isRunning(processId)).toBe(false);
  },
);

/** A program that starts a child in each of the ways that this project has, and says which process the child started. */
const parents = {
  "started by the command line": `
    import { startChild } from ${JSON.stringify(new URL("./children.ts", import.meta.url).href)};
    startChild("sh", ["-c", process.argv[1]], { cwd: "/", env: process.env, onLine: (line) => console.log(line) });`,
  "started as a worker": `
    import { runWorkers } from ${JSON.stringify(new URL("../gpu-runner/workers.ts", import.meta.url).href)};
    const signal = new AbortController().signal;
    const log = (line) => console.log(line.replace("[1] ", ""));
    void runWorkers({ workers: [{}], command: "sh", args: () => ["-c", process.argv[1]], env: process.env, log, signal });`,
};
const polite = `sh -c "echo \\$\\$; exec sleep 60" & wait`;

test.runIf(process.platform === "linux").each([
  ["started by the command line", "when asked", polite],
  ["started by the command line", "though it ignores the polite signal", stubborn],
  ["started as a worker", "when asked", polite],
] as const)("what was %s ends %s when its parent is killed with -9", async (how, _when, script) => {
  const parent = spawn(process.execPath, ["--input-type=module", "-e", parents[how], script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const processId = await new Promise<number>((resolve) => {
    parent.stdout.on("data", (line) => resolve(Number(line)));
  });
  expect(isRunning(processId)).toBe(true);
  parent.kill("SIGKILL");
  await expect.poll(() => isRunning(processId), { timeout: 20_000 }).toBe(false);
});

test("a program that does not exist is an exit code and a message", async () => {
  const child = startChild("/no/such/program", [], options);
  expect(await child.exited).toBe(1);
  expect(child.tail()).toContain("ENOENT");
  await child.stop();
});

test("the end of a child's output is kept", async () => {
  const child = startChild(
    "sh",
    ["-c", "for i in 1 2 3; do echo line $i; done; echo oops >&2; exit 3"],
    options,
  );
  expect(await child.exited).toBe(3);
  expect(child.tail()).toContain("line 3");
  expect(child.tail()).toContain("oops");
});
