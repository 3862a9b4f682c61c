import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { familyOf, type ProcessTimes, processTimesOf, startProcessorMeter } from "./processorTime.ts";

const one = (id: number, parent: number, own: number, ended = 0): ProcessTimes => ({
  id,
  parent,
  startedAt: 10 * id,
  own,
  ended,
});

test("a process's name may look like fields", () => {
  const text = "42 (a) S 7 (b) S 7 42 42 0 -1 4194560 100 0 0 0 150 50 30 20 20 0 1 0 777 0 0\n";
  expect(processTimesOf(text)).toEqual({ id: 42, parent: 7, startedAt: 777, own: 200, ended: 50 });
});

test("a family is a process and whatever it started, at any depth", () => {
  const processes = [one(4, 3, 1), one(1, 0, 1), one(3, 2, 1), one(2, 1, 1), one(5, 1, 1)];
  expect(familyOf(2, processes).map(({ id }) => id)).toEqual([2, 3, 4]);
});

test("time that was seen stays counted when a process ends unseen by its parent", () => {
  let processes = [one(1, 0, 900, 100)];
  const seconds = startProcessorMeter(1, () => processes);
  expect(seconds()).toBe(0);
  processes = [one(1, 0, 950, 100), one(2, 1, 200), one(3, 2, 300)];
  expect(seconds()).toBe(5);
  processes = [one(1, 0, 950, 300)]; // 2 was waited for, 3 was not
  expect(seconds()).toBe(5);
  processes = [one(1, 0, 950, 400)];
  expect(seconds()).toBe(6);
});

test("a child's work is counted while it runs and after its end", async () => {
  const seconds = startProcessorMeter();
  const work = "const end = process.cpuUsage().user + 300000; while (process.cpuUsage().user < end);";
  const child = spawn(process.execPath, ["-e", `${work} console.log(1); setInterval(() => {}, 1000);`]);
  await once(child.stdout, "data");
  const running = seconds();
  expect(running).toBeGreaterThan(0.25);
  child.kill();
  await once(child, "exit");
  expect(seconds()).toBeGreaterThanOrEqual(running);
});
