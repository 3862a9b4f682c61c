/** An objective that a user's own service answers: the guide's code, run as it stands, against the real Worker. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
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

/** One that nobody listens on now. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port: free } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return free;
}

beforeAll(async () => {
  port = await freePort();
  edge = await TestEdge.start({ NASTURTIUM_WEBHOOK_HOSTS: `127.0.0.1:${port}` });
});

afterAll(async () => {
  if (service?.exitCode === null) {
    service.kill();
    await once(service, "exit");
  }
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
  },
  SEARCH_LIMIT_MS,
);
