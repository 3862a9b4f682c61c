import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { runCli } from "./run.testing.ts";

const folder = mkdtempSync(path.join(tmpdir(), "nasturtium-triggers-"));

function fileWith(name: string, content: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, content);
  return file;
}

const template = { name: "nightly", description: "", placeholders: ["ref", "seed"], specification: {} };
const trigger = {
  id: "t1",
  name: "ci",
  template: "nightly",
  source: "github",
  events: ["push", "release"],
  enabled: true,
};
const delivery = {
  deliveryId: "d1",
  event: "push",
  state: "ignored",
  reason: "no file",
  searchId: null,
  campaignId: null,
  createdAt: "2026-01-01T00:00:00.000Z",
};
const page = (row: unknown) => ({ data: [row], nextCursor: null });

const answers: Record<string, unknown> = {
  "POST /v1/templates": template,
  "GET /v1/templates": page(template),
  "GET /v1/templates/nightly": template,
  "POST /v1/templates/nightly/start": { id: "s1" },
  "POST /v1/triggers": { ...trigger, secret: "hidden" },
  "GET /v1/triggers": page(trigger),
  "GET /v1/triggers/t1/deliveries": page(delivery),
  "POST /v1/triggers/t1/rotate": { ...trigger, source: "signed", events: undefined, secret: "whsec_new" },
};

const requests: { what: string; body: unknown }[] = [];
const server = createServer(async (request, response) => {
  const what = `${request.method} ${request.url}`;
  const body = await text(request);
  requests.push({ what, body: body === "" ? null : JSON.parse(body) });
  if (request.method === "DELETE") response.writeHead(204).end();
  else if (answers[what] === undefined)
    response.writeHead(404, { "content-type": "application/problem+json" }).end("{}");
  else response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answers[what]));
});
let edge = "";
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  edge = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
beforeEach(() => {
  requests.length = 0;
});
afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

const run = (...args: string[]) => runCli([...args, "--edge", edge, "--token", "t"]);

describe("templates", () => {
  test("are stored as the file has them, and what they need to start is printed", async () => {
    const file = fileWith(
      "nightly.yaml",
      'name: nightly\nspecification:\n  name: "of {{ ref }}"\n  seed: "{{ seed }}"\n',
    );
    const { code, stdout } = await run("templates", "create", file);
    expect(code).toBe(0);
    expect(stdout).toContain("nasturtium templates start nightly --value ref=... --value seed=...");
    expect(requests[0]?.body).toEqual({
      name: "nightly",
      specification: { name: "of {{ ref }}", seed: "{{ seed }}" },
    });
  });

  test("with a wrong field are refused before anything is sent", async () => {
    const file = fileWith("wrong.yaml", 'name: x\nspecification: { name: "{{ ref", colour: "{{ ref }}" }\n');
    const { code, stderr } = await run("templates", "create", file);
    expect(code).toBe(2);
    expect(stderr).toMatch(/not a valid template\. \/specification\/name: a placeholder is written/);
    expect(requests).toEqual([]);
  });

  test("are started with values that have types", async () => {
    const values = ["ref=refs/heads/main=x", "seed=7", 'tag="7"', "on=true"].flatMap((one) => [
      "--value",
      one,
    ]);
    const { code, stdout } = await run("templates", "start", "nightly", ...values);
    expect(code).toBe(0);
    expect(stdout).toContain("Search s1 is started");
    expect(requests[0]?.body).toEqual({ values: { ref: "refs/heads/main=x", seed: 7, tag: "7", on: true } });
    expect((await run("templates", "start", "nightly", "--value", "ref")).code).toBe(2);
  });

  test("are listed, shown and deleted", async () => {
    expect((await run("templates", "list")).stdout).toMatch(/nightly +search +ref seed/);
    expect((await run("templates", "show", "nightly")).stdout).toContain("name: nightly");
    expect((await run("templates", "delete", "nightly")).stdout).toContain("is deleted");
    expect((await run("templates", "show", "none")).stderr).toContain("nasturtium templates list");
  });
});

describe("triggers", () => {
  test("are made with their address, their secret and what to enter on GitHub", async () => {
    const file = fileWith(
      "ci.yaml",
      "name: ci\ntemplate: nightly\nsource: github\nevents: [push, release]\nmapping: { ref: /ref }\n",
    );
    const { code, stdout } = await run("triggers", "create", file);
    expect(code).toBe(0);
    expect(stdout).toContain(`URL      ${edge}/v1/triggers/t1\nSecret   hidden\n`);
    expect(stdout).toContain("Content type      application/json");
    expect(stdout).toContain("Let me select individual events: Pushes, Releases\n");
    expect(requests[0]?.body).toMatchObject({ mapping: { ref: "/ref" } });
    const { stdout: json } = await run("triggers", "create", file, "--json");
    expect(JSON.parse(json)).toMatchObject({ url: `${edge}/v1/triggers/t1`, secret: "hidden" });
  });

  test("with a wrong field are refused before anything is sent", async () => {
    const file = fileWith("wrong-trigger.yaml", "name: ci\ntemplate: nightly\nsource: github\n");
    expect((await run("triggers", "create", file)).stderr).toContain("/events: name at least one of push");
    expect(requests).toEqual([]);
  });

  test("are listed with their deliveries, given a new secret and deleted", async () => {
    expect((await run("triggers", "list")).stdout).toMatch(/t1 +ci +nightly +github +push release +enabled/);
    expect((await run("triggers", "deliveries", "t1")).stdout).toMatch(/d1 +push +ignored +- +no file/);
    const rotated = await run("triggers", "rotate", "t1");
    expect(rotated.stdout).toContain("whsec_new");
    expect(rotated.stdout).toContain("Standard Webhooks");
    expect((await run("triggers", "delete", "t1")).stdout).toContain("is deleted");
  });
});
