/** `nasturtium dev` as processes: two in a folder, and one after another that was killed. */

import { type ChildProcessByStdio, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Readable } from "node:stream";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readDevFile } from "../cli/devFile.ts";
import { rootDir } from "../setup/node.mjs";

const LIMIT_MS = 120_000;

let folder: string;
const started: Dev[] = [];

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "nasturtium-dev-"));
});
afterAll(async () => {
  for (const dev of started) {
    dev.child.kill("SIGTERM");
    await dev.ended;
  }
  rmSync(folder, { recursive: true, force: true });
});

class Dev {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  output = "";
  readonly ended: Promise<number | null>;
  readonly #ready = Promise.withResolvers<void>();

  constructor(port: number) {
    const { NASTURTIUM_EDGE: _edge, NASTURTIUM_TOKEN: _token, ...env } = process.env;
    const args = [path.join(rootDir, "cli/main.ts"), "dev", "--port", String(port)];
    this.child = spawn(process.execPath, args, { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.child.stdout, this.child.stderr])
      stream.on("data", (chunk: Buffer) => {
        this.output += chunk;
        if (this.output.includes("API docs")) this.#ready.resolve();
      });
    this.ended = new Promise((resolve) => {
      this.child.on("exit", (code) => resolve(code));
    });
    started.push(this);
  }

  /** Rejects where it ends before it is ready. */
  async ready(): Promise<void> {
    const early = this.ended.then((code) => {
      throw new Error(`dev ended with ${code}: ${this.output}`);
    });
    await Promise.race([this.#ready.promise, early]);
    early.catch(() => {});
  }
}

test("a second one in the folder is refused and leaves the first as it is; one that was killed with -9 leaves nothing in the way of the next", {
  timeout: LIMIT_MS,
}, async () => {
  const first = new Dev(0);
  await first.ready();
  const file = readDevFile(folder);
  expect(file?.processId).toBe(first.child.pid);
  const second = new Dev(0);
  expect(await second.ended).toBe(1);
  expect(second.output).toContain(`already runs at ${file?.edge}, as process ${first.child.pid}`);
  expect(readDevFile(folder)).toEqual(file);

  first.child.kill("SIGKILL");
  await first.ended;
  const next = new Dev(Number(new URL(file?.edge ?? "").port));
  await next.ready();
  expect(readDevFile(folder)).toEqual({ ...file, processId: next.child.pid });
});

test("a port that another program has is named", { timeout: LIMIT_MS }, async () => {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const running = started.at(-1);
  running?.child.kill("SIGTERM");
  await running?.ended;
  const dev = new Dev(port);
  expect(await dev.ended).toBe(1);
  expect(dev.output).toContain(`Port ${port} of 127.0.0.1 cannot be used`);
  await new Promise((resolve) => {
    server.close(resolve);
  });
});
