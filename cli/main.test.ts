import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseGenotype } from "../shared/genotype.ts";
import { readDevFile, writeDevFile } from "./devFile.ts";
import { runCli } from "./run.testing.ts";

const size = ["--channels", "36", "--layers", "20", "--classes", "10", "--json"];
const folder = mkdtempSync(path.join(tmpdir(), "nasturtium-cli-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const darts = `DARTS_V2 = Genotype(
  normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1),
          ('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)],
  normal_concat=[2, 3, 4, 5],
  reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1),
          ('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)],
  reduce_concat=[2, 3, 4, 5])`;

describe("count", () => {
  test("a published genotype, a file and stdin give the published number of parameters", async () => {
    const file = path.join(folder, "darts.txt");
    writeFileSync(file, darts);
    const outcomes = await Promise.all([
      runCli(["count", "DARTS_V2", ...size]),
      runCli(["count", file, ...size]),
      runCli(["count", "-", ...size], { input: darts }),
    ]);
    for (const { code, stdout } of outcomes) {
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({
        parameters: 3349342,
        parametersWithAuxiliary: 3825768,
        macs: 528359040,
      });
    }
  });

  test("a node that reads one source twice through the same operation counts both, as text and as JSON", async () => {
    const text = `Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 0)], normal_concat=[2],
      reduce=[('max_pool_3x3', 1), ('max_pool_3x3', 1)], reduce_concat=[2])`;
    const json = JSON.stringify(parseGenotype(text));
    const [asText, asJson, once] = await Promise.all(
      [text, json, text.replace(", ('sep_conv_3x3', 0)", ", ('skip_connect', 0)")].map((input) =>
        runCli(["count", "-", ...size], { input }),
      ),
    );
    expect(asText?.code).toBe(0);
    expect(asJson?.stdout).toBe(asText?.stdout);
    const [both, one] = [asText, once].map((outcome) => JSON.parse(outcome?.stdout ?? "").parameters);
    // 18 normal cells, 6 at 36 channels, 6 at 72, 6 at 144: two depthwise and two pointwise convolutions and norms each.
    const separable = (c: number) => 2 * (9 * c + c * c + 2 * c);
    expect(both - one).toBe(6 * (separable(36) + separable(72) + separable(144)));
  });

  test("an unknown name is refused with the closest known one and exit code 2", async () => {
    const { code, stderr } = await runCli(["count", "DARTS_V3", ...size]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/neither a file nor a published genotype.*Did you mean "DARTS_V\d"/);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });

  test("text that is no genotype is refused with exit code 2", async () => {
    const { code, stderr } = await runCli(["count", "-", ...size], { input: "Genotype(normal=[(" });
    expect(code).toBe(2);
    expect(stderr).toContain("Stdin is not a genotype");
  });

  test("a number that is none is refused with exit code 2", async () => {
    const { code, stderr } = await runCli(["count", "DARTS_V2", "--channels", "many"]);
    expect(code).toBe(2);
    expect(stderr).toContain('--channels is a whole number, at least 1, not "many"');
  });
});

describe("talking to an edge", () => {
  const server = createServer((request, response) => {
    const authorised = request.headers.authorization === "Bearer right";
    const status = authorised ? 422 : 401;
    response.writeHead(status, { "content-type": "application/problem+json" }).end(
      JSON.stringify({
        title: authorised ? "The specification is not valid" : "No valid token",
        status,
        detail: "One field is wrong.",
        errors: authorised ? [{ pointer: "/seed", detail: "too large" }] : [],
      }),
    );
  });
  let edge = "";
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    edge = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => server.close());

  test("a refused token is exit code 4", async () => {
    const { code, stderr } = await runCli(["searches", "list", "--edge", edge, "--token", "wrong"]);
    expect(code).toBe(4);
    expect(stderr).toContain("No valid token. One field is wrong.");
    const args = ["runner", "--backend", "wasm", "--edge", edge, "--token", "wrong"];
    expect(await runCli(args)).toMatchObject({ code: 4 });
  });

  test("a problem is printed with its fields, in JSON too", async () => {
    const { code, stdout, stderr } = await runCli(["searches", "list", "--json"], {
      env: { NASTURTIUM_EDGE: edge, NASTURTIUM_TOKEN: "right" },
    });
    expect(code).toBe(2);
    expect(stderr).toContain("The specification is not valid. One field is wrong. /seed: too large.");
    expect(JSON.parse(stdout)).toMatchObject({ error: { exitCode: 2 } });
  });

  test("an edge that nobody runs is exit code 3", async () => {
    const { code, stderr } = await runCli(["searches", "list"], { cwd: folder });
    expect(code).toBe(3);
    expect(stderr).toContain("nasturtium dev");
  });

  test("the token of the local edge is readable by its owner only", () => {
    const cwd = mkdtempSync(path.join(folder, "dev-"));
    writeDevFile({ edge, token: "secret" }, cwd);
    expect(readDevFile(cwd)).toEqual({ edge, token: "secret" });
    expect(statSync(path.join(cwd, ".nasturtium", "dev.json")).mode & 0o777).toBe(0o600);
  });

  test("the token of the local edge is not sent to another edge", async () => {
    const cwd = mkdtempSync(path.join(folder, "dev-"));
    writeDevFile({ edge: "http://127.0.0.1:9", token: "right" }, cwd);
    const { code } = await runCli(["searches", "list", "--edge", edge], { cwd });
    expect(code).toBe(4);
  });
});

test("an unknown command is exit code 2", async () => {
  expect(await runCli(["serch"])).toMatchObject({ code: 2 });
});
