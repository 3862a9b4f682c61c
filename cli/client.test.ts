import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { EdgeClient } from "./client.ts";

let statuses: number[];
let methods: string[];
const server = createServer((request, response) => {
  methods.push(request.method ?? "");
  const status = statuses.shift() ?? 200;
  response.writeHead(status, { "content-type": "application/json", "retry-after": "0" }).end("{}");
});
let client: EdgeClient;

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const edge = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  client = new EdgeClient(edge, undefined, new AbortController().signal);
});
afterAll(() => server.close());
beforeEach(() => {
  methods = [];
});

test("what came too often is sent again after the time in Retry-After, whatever it asks for", async () => {
  statuses = [429, 429];
  const response = await client.send("/v1/searches", { method: "POST", body: {} });
  expect(response.status).toBe(200);
  expect(methods).toEqual(["POST", "POST", "POST"]);
});

test("a change that failed in another way is not sent again", async () => {
  statuses = [503];
  await expect(client.send("/v1/searches", { method: "POST", body: {} })).rejects.toThrow("503");
  expect(methods).toEqual(["POST"]);
});
