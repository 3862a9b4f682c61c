import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCli } from "./run.testing.ts";

const folder = mkdtempSync(path.join(tmpdir(), "nasturtium-profile-"));
const specification = path.join(folder, "search.yaml");
const plain = {
  objectives: {},
  ranges: {},
  architectures: 81,
  steps: 20,
  rounds: 3,
  evaluations: 25,
  estimate: null,
};
let costs: object = { tuningSteps: 0, reranking: { trainings: 0, steps: 0 } };

const calibration = { device: "pi", state: "ready", waiting: 0, seconds: 60, failure: null, quality: {} };
let calibrated: string[] = [];

const server = createServer(({ url = "" }, response) => {
  const isCalibration = url.includes("/calibrations");
  if (isCalibration) calibrated.push(url);
  const answer = isCalibration ? { ...calibration, ranges: {} } : { ...plain, ...costs };
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
});

beforeAll(async () => {
  writeFileSync(specification, "name: x\n");
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

test("a profile tells what confirming and ordering the archive cost at most, where they cost anything", async () => {
  const { port } = server.address() as AddressInfo;
  const lines = async () => {
    const { stdout } = await runCli(
      ["profile", specification, "--edge", `http://127.0.0.1:${port}`, "--token", "t"],
      { cwd: folder },
    );
    return stdout.trim().split("\n");
  };
  const length = "81 architectures; 3 rounds, 20 weight steps, 25 evaluations";
  expect(await lines()).toEqual([length]);
  costs = { tuningSteps: 60, reranking: { trainings: 6, steps: 38 } };
  expect(await lines()).toEqual([
    length,
    "to tune what is confirmed: at most 60 weight steps",
    "to order the archive: at most 6 short trainings, 38 weight steps",
  ]);
  const gpuHours = { search: 3.2, reranking: 0.8, finalTraining: 13.2 };
  costs = { tuningSteps: 0, reranking: { trainings: 0, steps: 0 }, estimate: { gpuHours, usd: 10.32 } };
  expect(await lines()).toEqual([
    length,
    "on a rented GPU about 4.0 hours to search and 13.2 to train what it found, $10.32 at the price that may be paid; a factor of two either way",
  ]);
});

test("what a device measures only in the search is told as that, and asked of no device before it", async () => {
  const { port } = server.address() as AddressInfo;
  const profile = async (objectives: string[]) => {
    const text = ["{ name: accuracy, goal: maximize }", ...objectives].map((one) => `  - ${one}\n`).join("");
    const to = ["--edge", `http://127.0.0.1:${port}`, "--token", "t"];
    return runCli(["profile", "-", "--measure", ...to], {
      cwd: folder,
      input: `name: x\nobjectives:\n${text}`,
    });
  };
  calibrated = [];
  const cost = "{ name: cost, device: simulator, goal: minimize }";
  const { code, stdout } = await profile(["{ name: latency, device: pi, goal: minimize }", cost]);
  expect([code, calibrated]).toEqual([0, ["/v1/devices/pi/calibrations?again=false"]]);
  expect(stdout).toContain("measured in the search, architecture by architecture: cost.simulator");
  const none = await profile([cost]);
  expect([none.code, none.stderr]).toEqual([2, expect.stringContaining("no device with latency or energy")]);
});

test("each objective is told with its unit and what a value costs, and a range of measured networks as that", async () => {
  const { port } = server.address() as AddressInfo;
  const memory = { minimum: 1000, median: 2000, maximum: 3000, networks: 24 };
  costs = {
    ...costs,
    objectives: { "memory.pi": { unit: "bytes", cost: "measured" } },
    ranges: { "memory.pi": memory },
  };
  const to = ["--edge", `http://127.0.0.1:${port}`, "--token", "t"];
  const { stdout } = await runCli(["profile", specification, ...to], { cwd: folder });
  expect(stdout).toMatch(/memory\.pi +bytes +seconds of the device/);
  expect(stdout).toMatch(/memory\.pi +bytes.*24 measured networks/);
});
