import { spawn } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { EdgeClient, EdgeError } from "./edgeClient.ts";

const refusal = {
  type: "/docs/problems/lease-lost",
  title: "The lease is no longer held",
  detail: "Another runner took the work.",
};
const checkpoint = {
  leaseId: "lease",
  purpose: "checkpoint",
  searchId: "search",
  round: 3,
  fileName: "checkpoint-3.bin",
} as const;

let close: () => unknown = () => {};
afterEach(() => close());

const upload = (edge: string, options: object) =>
  new EdgeClient({ edge, token: "token", ...options })
    .upload(checkpoint, new Uint8Array(1_000_000))
    .catch((err: unknown) => err);

function expectRefused(err: unknown): void {
  expect(err).toBeInstanceOf(EdgeError);
  expect((err as EdgeError).isLeaseLost).toBe(true);
  expect((err as EdgeError).message).toBe("Another runner took the work.");
}

test("a checkpoint that is refused while the runner stands still says why, not that the edge does not answer", async () => {
  // Another process, which goes on while this one stands still.
  const source = `
    const server = require("node:http").createServer((request, response) => {
      request.resume().on("end", () => {
        process.stdout.write("asked\\n");
        setTimeout(() => response.writeHead(409).end(process.argv[1]), 100);
      });
    });
    server.listen(0, "127.0.0.1", () => process.stdout.write(server.address().port + "\\n"));`;
  const server = spawn(process.execPath, ["-e", source, JSON.stringify(refusal)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  close = () => server.kill();
  const lines = server.stdout.setEncoding("utf8")[Symbol.asyncIterator]();
  const port = Number((await lines.next()).value);
  const refused = upload(`http://127.0.0.1:${port}`, { requestTimeoutMs: 500, retryBudgetMs: 500 });
  await lines.next();
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2000);
  expectRefused(await refused);
});

test("a part that is refused before all of it was read says why, though the connection breaks off", async () => {
  const server = createServer((request, response) => {
    if (request.method === "PUT") return request.socket.resetAndDestroy();
    request.resume();
    if (request.url === "/v1/blobs")
      return response.writeHead(201).end(JSON.stringify({ blobId: "blob", partBytes: 2_000_000 }));
    return response.writeHead(409).end(JSON.stringify(refusal));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  close = () => server.close();
  const { port } = server.address() as AddressInfo;
  expectRefused(await upload(`http://127.0.0.1:${port}`, { retryBudgetMs: 300 }));
});
