import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { listSearches, readCandidates, readSearch } from "./api.ts";
import { EdgeClient } from "./client.ts";

let statuses: number[];
let methods: string[];
let answer: string;
let addresses: string[];
const server = createServer((request, response) => {
  methods.push(request.method ?? "");
  addresses.push(request.url ?? "");
  const status = statuses.shift() ?? 200;
  response.writeHead(status, { "content-type": "application/json", "retry-after": "0" }).end(answer);
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
  addresses = [];
  statuses = [];
  answer = "{}";
});

test("what came too often is sent again after the time in Retry-After, whatever it asks for", async () => {
  statuses = [429, 429];
  const response = await client.v1.searches.$post({ json: { name: "x" } });
  expect(response.status).toBe(200);
  expect(methods).toEqual(["POST", "POST", "POST"]);
});

test("a change that failed in another way is not sent again", async () => {
  statuses = [503];
  await expect(client.v1.searches.$post({ json: { name: "x" } })).rejects.toThrow("503");
  expect(methods).toEqual(["POST"]);
});

test("an answer that lacks what is to be read of it is not one of this version", async () => {
  for (const [text, why] of [
    ["<html>", "it is no JSON object"],
    ["null", "it is no JSON object"],
    ['{ "id": "s" }', "it has no state, progress, specification"],
  ] as const) {
    answer = text;
    const reading = readSearch(client, "s");
    await expect(reading).rejects.toThrow(`/v1/searches/s gave an unexpected answer: ${why}.`);
    await expect(reading).rejects.toMatchObject({ fix: expect.stringContaining("of the same version") });
  }
  for (const text of ["{}", '{ "data": 1 }', '{ "data": [{}] }']) {
    answer = text;
    await expect(listSearches(client)).rejects.toThrow("gave an unexpected answer");
  }
});

test("a list is read to its last page, and an id leads to nothing but what it names", async () => {
  const pages = ['{ "data": [{ "hash": "a", "values": {} }], "nextCursor": "n+1" }', '{ "data": [] }'];
  server.prependOnceListener("request", () => {
    answer = pages[0] ?? "";
    server.prependOnceListener("request", () => {
      answer = pages[1] ?? "";
    });
  });
  expect(await readCandidates(client, "../a b?c")).toEqual([{ hash: "a", values: {} }]);
  const address = "/v1/searches/..%2Fa%20b%3Fc/candidates";
  expect(addresses).toEqual([`${address}?limit=200`, `${address}?cursor=n%2B1&limit=200`]);
});

test("a device that there is not is looked for among devices, by its name", async () => {
  statuses = [404];
  const removing = client.v1.devices[":name"].$delete({ param: { name: "pi" } });
  await expect(removing).rejects.toMatchObject({ fix: "Check the name: `nasturtium devices list`." });
});
