/** The guide to the API, followed to the letter by a shell that has nothing but curl. */

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SEARCH_LIMIT_MS, smallSearch, TestEdge } from "./wholeSearch.ts";

const guide = readFileSync(new URL("../docs/how-to/use-the-api.md", import.meta.url), "utf8");
const folder = mkdtempSync(path.join(tmpdir(), "nasturtium-guide-"));
let edge: TestEdge;

beforeAll(async () => {
  edge = await TestEdge.start();
});

afterAll(async () => {
  await edge?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const blocks = (language: string): string[] =>
  [...guide.matchAll(new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, "gs"))].map(([, text]) => text ?? "");

function shell(script: string): Promise<{ code: number | null; output: string }> {
  const env = { ...process.env, NASTURTIUM_EDGE: edge.edge.url, NASTURTIUM_TOKEN: edge.edge.token };
  const child = spawn("bash", ["-euo", "pipefail", "-c", script], { cwd: folder, env });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, output })));
}

test(
  "a stranger with curl gets from a token to a trained model",
  async () => {
    // A search of seconds; the guide's own has the same form and takes minutes.
    expect(JSON.parse(blocks("json")[0] ?? "")).toMatchObject({ schedule: { preset: "demo-3" } });
    writeFileSync(path.join(folder, "search.json"), JSON.stringify(smallSearch("guide")));
    const runner = edge.startRunner("");
    const { code, output } = await shell(blocks("sh").join("\n"));
    await runner.stop();
    expect([code, output]).toEqual([0, expect.stringContaining('"state":"completed"')]);
    expect(output).toContain("search.created");
    expect(output).toContain("accuracyStandardError");
    expect(statSync(path.join(folder, "model.onnx")).size).toBeGreaterThan(1000);
    const architecture = JSON.parse(readFileSync(path.join(folder, "architecture.json"), "utf8"));
    expect(architecture).toMatchObject({ reproduce: { specification: { seed: 3 } } });
  },
  SEARCH_LIMIT_MS,
);
