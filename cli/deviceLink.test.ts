import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { stripVTControlCharacters } from "node:util";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { EdgeClient } from "./client.ts";
import { createDeviceLink, deviceLinkText } from "./deviceLink.ts";
import { runCli } from "./run.testing.ts";

const sent: unknown[] = [];
const server = createServer(async (request, response) => {
  let text = "";
  for await (const chunk of request) text += chunk;
  sent.push([request.method, request.url, JSON.parse(text)]);
  response.setHeader("content-type", "application/json");
  response.writeHead(201).end(JSON.stringify({ id: "t1", token: "nst_made&=#" }));
});
let client: EdgeClient;

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  client = new EdgeClient(`http://127.0.0.1:${port}`, "nst_admin", new AbortController().signal);
});
beforeEach(() => {
  sent.length = 0;
});
afterAll(() => server.close());

test("the link holds a new token that may only measure, the name and the backend, behind the #", async () => {
  const { url, tokenId } = await createDeviceLink(client, { name: "phone-lab", backend: "webgpu" });
  expect(sent).toEqual([["POST", "/v1/tokens", { name: "device phone-lab", scopes: ["device"] }]]);
  const { origin, pathname, search, hash } = new URL(url);
  expect({ origin, pathname, search, tokenId }).toEqual({
    origin: client.edge,
    pathname: "/device",
    search: "",
    tokenId: "t1",
  });
  expect(Object.fromEntries(new URLSearchParams(hash.slice(1)))).toEqual({
    token: "nst_made&=#",
    name: "phone-lab",
    backend: "webgpu",
  });
});

test("an expiry is the token's", async () => {
  const expiresAt = "2999-01-01T00:00:00.000Z";
  await createDeviceLink(client, { name: "a", expiresAt });
  expect(sent).toMatchObject([["POST", "/v1/tokens", { expiresAt }]]);
});

test("a name that no device can have is refused before a token is made", async () => {
  for (const name of ["", "Phone", "-a", "a_b", "x".repeat(64)])
    await expect(createDeviceLink(client, { name })).rejects.toThrow("cannot be the name of a device");
  expect(sent).toEqual([]);
});

test("the code is a square with a light border, and the link stands under it", async () => {
  const link = await createDeviceLink(client, { name: "phone-lab" });
  const lines = stripVTControlCharacters(deviceLinkText(link)).split("\n");
  const code = lines.slice(0, lines.indexOf(""));
  const width = code[0]?.length ?? 0;
  expect(new Set(code.map((line) => line.length))).toEqual(new Set([width]));
  // Half a line a module.
  expect(code).toHaveLength(Math.ceil(width / 2));
  for (const line of code) expect(line).toMatch(/^(?:██.*██|▀+)$/);
  expect(lines).toContain(link.url);
});

test("it says what an address that a phone cannot reach, or that has no https, means", () => {
  const at = (edge: string) => deviceLinkText({ url: `${edge}/device#x`, name: "a", tokenId: "t" });
  expect(at("http://127.0.0.1:8787")).toContain("adb reverse tcp:8787 tcp:8787");
  expect(at("http://192.168.0.9:8787")).toContain("use https");
  expect(at("https://edge.example")).not.toContain("https;");
  expect(at("https://edge.example")).not.toContain("adb");
});

test("the command prints the link, or with --json its parts, and asks for a name and a browser's backend", async () => {
  const link = (...args: string[]) =>
    runCli(["device", "--link", ...args, "--edge", client.edge, "--token", "nst_admin"]);
  const printed = await link("--name", "phone-lab", "--backend", "webgl");
  expect(printed).toMatchObject({ code: 0, stderr: "" });
  expect(printed.stdout).toContain(
    `${client.edge}/device#token=nst_made%26%3D%23&name=phone-lab&backend=webgl`,
  );
  // Into a pipe no colours.
  expect(stripVTControlCharacters(printed.stdout)).toBe(printed.stdout);
  const json = JSON.parse((await link("--name", "phone-lab", "--json")).stdout);
  expect(json).toMatchObject({ name: "phone-lab", tokenId: "t1" });
  expect(await link()).toMatchObject({ code: 2 });
  expect(await link("--name", "a", "--backend", "onnxruntime")).toMatchObject({ code: 2 });
});
