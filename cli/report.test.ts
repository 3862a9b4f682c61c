import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { recordedVersions, restore } from "../test/upgrade/records.ts";
import { smallSearch, TestEdge } from "../test/wholeSearch.ts";
import { listSearches, readFront, type Search } from "./api.ts";
import { exitCodes } from "./errors.ts";
import { runCli } from "./run.testing.ts";

const evil = `<img src=x onerror="alert('1')"></title><script>alert(2)</script>&amp;`;
const folder = mkdtempSync(path.join(tmpdir(), "nasturtium-report-"));
let edge: TestEdge;
let running: Search;

beforeAll(async () => {
  const stateDir = mkdtempSync(path.join(tmpdir(), "nasturtium-report-edge-"));
  await restore(recordedVersions()[0] ?? "", stateDir);
  edge = await TestEdge.start({}, { stateDir });
  const found = (await listSearches(edge.client)).find(
    ({ specification }) => specification.evaluation.kind === "supernet",
  );
  if (found === undefined) throw new Error("no search on a supernet was recorded");
  running = found;
});

afterAll(() => edge?.stop());

const envOf = (token: string | null) => ({
  NASTURTIUM_EDGE: edge.edge.url,
  ...(token !== null && { NASTURTIUM_TOKEN: token }),
});

async function reportOf(id: string, token: string | null = edge.edge.token): Promise<string> {
  const file = path.join(folder, `${id}-${Math.random()}.html`);
  const { code, stderr } = await runCli(["report", id, "--out", file], { env: envOf(token) });
  expect(stderr).toBe("");
  expect(code).toBe(0);
  return readFileSync(file, "utf8");
}

describe("a report of a running search", () => {
  let html = "";
  beforeAll(async () => {
    html = await reportOf(running.id);
  });

  test("has what was asked, the pictures, the front with its cells, the cost and how to reproduce it", async () => {
    const titles = [
      "What was asked",
      "What was found",
      "Which one to take",
      "The front",
      "How it went",
      "What it learned",
      "What it cost",
      "What happened",
    ];
    for (const title of titles) expect(html).toContain(`<h2>${title}</h2>`);
    expect(html).toContain("How to reproduce it");
    expect(html).toContain("Accuracy against Parameters");
    expect(html).toContain("Hypervolume over the rounds");
    expect(html).toContain("Accuracy over the rounds");
    expect(html).toContain("Loss over the rounds");
    expect(html).toContain("Normal cells");
    expect(html).toContain("it is the most accurate");
    for (const { hash } of await readFront(edge.client, running.id)) expect(html).toContain(hash);
    expect(html).toContain('class="cell-drawing"');
    expect(html).toContain(running.specification.dataset.name);
  });

  test("loads nothing and runs nothing", () => {
    expect(html).not.toMatch(/<script|<link|<iframe|@import| on\w+=/i);
    expect(html.match(/(?:src|href)="[^"]*"/g) ?? []).toEqual([]);
    expect(html.match(/url\([^)]*\)/g)?.filter((url) => !url.startsWith("url(#")) ?? []).toEqual([]);
    expect(html).toContain("default-src 'none'");
  });

  test("has each colour of a picture for both themes", () => {
    const [, light = "", dark = ""] = /:root \{(.*?)\}.*?:root \{(.*?)\}/s.exec(html) ?? [];
    const used = new Set(html.match(/var\(--picture-\d+\)/g));
    expect(used.size).toBeGreaterThan(3);
    for (const reference of used) {
      const name = reference.slice(4, -1);
      expect(light).toContain(`${name}: #`);
      expect(dark).toContain(`${name}: #`);
    }
  });

  test("has no id twice, and every reference leads somewhere", () => {
    const ids = [...html.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [, id] of html.matchAll(/url\(#([^)]*)\)/g)) expect(ids).toContain(id);
  });
});

test("a search without any candidate has a report that says what comes next", async () => {
  const html = await reportOf(await edge.create(smallSearch("empty")));
  expect(html).toContain("No candidate was measured yet.");
  expect(html).toContain("Make this report again");
  expect(html).not.toContain("undefined");
  expect(html).not.toContain("NaN");
});

test("a name with markup is text, in the heading, the title and the specification", async () => {
  const html = await reportOf(await edge.create(smallSearch(evil)));
  expect(html).toContain("&lt;img src=x onerror=");
  expect(html).not.toContain("<img");
  expect(html).not.toContain("<script");
  expect(html.match(/<\/title>/g)).toHaveLength(1);
});

test("a public search is reported without a token, its dollars left out", async () => {
  const { id } = running;
  await edge.client.v1.searches[":id"].$patch(
    { param: { id }, json: { visibility: "public" } },
    { headers: { "if-match": "*" } },
  );
  const html = await reportOf(id, null);
  expect(html).toContain("What it cost");
  expect(html).not.toContain("Rented machines");
  expect(html).toContain("Which one to take");
});

test("a file that exists is kept unless --force is given, and --json says where the report lies", async () => {
  const file = path.join(folder, "kept.html");
  writeFileSync(file, "mine");
  const args = ["report", running.id, "--out", file, "--json"];
  const refused = await runCli(args, { env: envOf(edge.edge.token) });
  expect(refused.code).toBe(exitCodes.badInput);
  expect(refused.stderr).toMatch(/exists already.*--force/);
  expect(readFileSync(file, "utf8")).toBe("mine");
  const forced = await runCli([...args, "--force"], { env: envOf(edge.edge.token) });
  expect(JSON.parse(forced.stdout)).toEqual({
    search: running.id,
    report: file,
    bytes: readFileSync(file).byteLength,
  });
});

test("a search that does not exist and a folder that does not exist are told apart", async () => {
  const out = path.join(folder, "missing.html");
  const unknown = await runCli(["report", "nowhere", "--out", out], { env: envOf(edge.edge.token) });
  expect(unknown.code).toBe(exitCodes.failed);
  const args = ["report", running.id, "--out", path.join(folder, "no", "report.html")];
  const unwritable = await runCli(args, { env: envOf(edge.edge.token) });
  expect(unwritable.code).toBe(exitCodes.badInput);
  expect(unwritable.stderr).toContain("Name a file in a folder that exists.");
});
