/** An objective that a user's own service answers: the guide's code, run as it stands, against the real Worker. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readFront } from "../cli/api.ts";
import { runCli } from "../cli/run.testing.ts";
import { rootDir } from "../setup/node.mjs";
import { isFinished, SEARCH_LIMIT_MS, smallSearch, TestEdge } from "./wholeSearch.ts";

const guide = readFileSync(new URL("../docs/how-to/objective-of-your-own.md", import.meta.url), "utf8");
const code = /```js\n(.*?)```/s.exec(guide)?.[1] ?? "";
const folder = mkdtempSync(path.join(tmpdir(), "nasturtium-endpoint-"));
let edge: TestEdge;
let service: ChildProcess | undefined;
let port: number;

interface Question {
  architecture: { image: { height: number; width: number; channels: number }; classes: number };
  model: { onnx: string };
}
const questions: Question[] = [];
const keeper = createServer(async (request, response) => {
  let body = "";
  for await (const chunk of request) body += chunk;
  questions.push(JSON.parse(body));
  response.end(JSON.stringify({ value: 1 }));
});
const portOf = (server: Server): number => (server.address() as AddressInfo).port;

/** One that nobody listens on now. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const free = portOf(server);
  await new Promise((resolve) => server.close(resolve));
  return free;
}

beforeAll(async () => {
  port = await freePort();
  await new Promise<void>((resolve) => keeper.listen(0, "127.0.0.1", resolve));
  const hosts = [port, portOf(keeper)].map((one) => `127.0.0.1:${one}`).join(", ");
  edge = await TestEdge.start({ NASTURTIUM_WEBHOOK_HOSTS: hosts });
});

afterAll(async () => {
  if (service?.exitCode === null) {
    service.kill();
    await once(service, "exit");
  }
  keeper.close();
  await edge?.stop();
  rmSync(folder, { recursive: true, force: true });
});

test("the guide's service is twenty lines", () => {
  expect(code.trim().split("\n").length).toBeLessThanOrEqual(20);
});

test(
  "the guide's service is an objective of a whole search",
  async () => {
    const env = { NASTURTIUM_EDGE: edge.edge.url, NASTURTIUM_TOKEN: edge.edge.token };
    const address = `http://127.0.0.1:${port}/`;
    const added = await runCli(
      ["devices", "endpoint", address, "--name", "simulator", "--objective", "cost:cents", "--json"],
      { env },
    );
    expect([added.code, added.stderr]).toEqual([0, ""]);
    const { secret } = JSON.parse(added.stdout) as { secret: string };
    const keeping = `http://127.0.0.1:${portOf(keeper)}/`;
    await runCli(["devices", "endpoint", keeping, "--name", "keeper", "--objective", "rent:cents"], { env });
    writeFileSync(path.join(folder, "service.mjs"), code);
    symlinkSync(path.join(rootDir, "node_modules"), path.join(folder, "node_modules"));
    service = spawn(process.execPath, ["service.mjs"], {
      cwd: folder,
      stdio: "inherit",
      env: { ...process.env, PORT: String(port), NASTURTIUM_ENDPOINT_SECRET: secret },
    });
    const search = smallSearch("own objective");
    const id = await edge.create({
      ...search,
      objectives: [
        { name: "accuracy", goal: "maximize" },
        { name: "cost", device: "simulator", goal: "minimize" },
        { name: "rent", device: "keeper", goal: "minimize" },
      ],
    });
    const runner = edge.startRunner(id);
    const { state } = await edge.until(id, runner, isFinished);
    await runner.stop();
    expect(state).toBe("completed");
    const data = await readFront(edge.client, id);
    expect(data.length).toBeGreaterThan(0);
    for (const { values, predicted } of data) {
      expect(values["cost.simulator"]).toBeGreaterThanOrEqual(1);
      expect(predicted).toEqual([]);
    }
    const [question] = questions;
    if (question === undefined) throw new Error("the second service was asked nothing");
    const { image, classes } = question.architecture;
    const file = await fetch(question.model.onnx);
    expect(file.status).toBe(200);
    const session = await InferenceSession.create(new Uint8Array(await file.arrayBuffer()));
    const pixels = new Float32Array(image.height * image.width * image.channels).fill(100);
    const shape = [1, image.height, image.width, image.channels];
    const { logits } = await session.run({ pixels: new Tensor("float32", pixels, shape) });
    if (logits === undefined) throw new Error("the model has no output");
    expect(logits.dims).toEqual([1, classes]);
    expect([...(logits.data as Float32Array)].every(Number.isFinite)).toBe(true);
  },
  SEARCH_LIMIT_MS,
);
