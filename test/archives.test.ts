/** Searches that move from one deployment to another: the command line, two real Workers, real runners. */

import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { listSearches } from "../cli/api.ts";
import { type Outcome, runCli } from "../cli/run.testing.ts";
import { isFinished, SEARCH_LIMIT_MS, smallSearch, TestEdge } from "./wholeSearch.ts";

let here: TestEdge;
let there: TestEdge;
let root: string;
let whole: string;

beforeAll(async () => {
  root = mkdtempSync(path.join(tmpdir(), "nasturtium-archives-"));
  [here, there] = await Promise.all([TestEdge.start(), TestEdge.start()]);
  whole = await here.create(smallSearch("moved"));
  const runner = here.startRunner(whole);
  await here.until(whole, runner, isFinished);
  await runner.stop();
}, SEARCH_LIMIT_MS);

afterAll(async () => {
  await Promise.all([here?.stop(), there?.stop()]);
  rmSync(root, { recursive: true, force: true });
});

const run = ({ edge }: TestEdge, ...args: string[]): Promise<Outcome> =>
  runCli(args, { cwd: root, env: { NASTURTIUM_EDGE: edge.url, NASTURTIUM_TOKEN: edge.token } });

async function result<T>(edge: TestEdge, ...args: string[]): Promise<T> {
  const { code, stdout, stderr } = await run(edge, ...args, "--json");
  expect([code, code === 0 ? "" : stderr]).toEqual([0, ""]);
  return JSON.parse(stdout) as T;
}

describe("a search", () => {
  test(
    "that is over is the same elsewhere, down to the trained weights, and its archive opens with everyday tools",
    async () => {
      const exported = await run(here, "searches", "export", whole, "--out", "whole.tar");
      expect(exported).toMatchObject({
        code: 0,
        stdout: expect.stringContaining("nasturtium searches import whole.tar"),
        stderr: expect.stringMatching(/Receiving MB: done/),
      });
      const folder = path.join(root, "unpacked");
      mkdirSync(folder);
      execFileSync("tar", ["xf", path.join(root, "whole.tar")], { cwd: folder });
      execFileSync("sha256sum", ["--check", "--strict", "--quiet", "SHA256SUMS"], { cwd: folder });
      const listed = readFileSync(path.join(folder, "SHA256SUMS"), "utf8").match(/\S+$/gm) ?? [];
      const files = readdirSync(folder, { recursive: true, withFileTypes: true });
      expect(files.filter((entry) => entry.isFile())).toHaveLength(listed.length + 1);
      const imported = await run(there, "searches", "import", "whole.tar");
      const [, id = ""] = /^Search \w+ is imported as (\w+), completed\./.exec(imported.stdout) ?? [];
      expect(imported).toMatchObject({
        code: 0,
        stdout: expect.stringContaining(`nasturtium front ${id}`),
        stderr: expect.stringMatching(/Sending MB: done/),
      });
      expect(await there.outcome(id)).toEqual(await here.outcome(whole));
    },
    SEARCH_LIMIT_MS,
  );

  test(
    "paused in the middle goes on elsewhere from its checkpoint and ends bit-identical to one that never moved",
    async () => {
      const id = await here.create(smallSearch("moved"));
      const first = here.startRunner(id, { checkpointSeconds: 0 });
      await here.until(id, first, ({ progress }) => progress.round >= 2);
      // At once, within the first stage: a command would start up for longer than its rounds take.
      await here.client.v1.searches[":id"].pause.$post({ param: { id } });
      await first.stop();
      await result(here, "searches", "export", id, "--out", "paused.tar");
      const imported = await result<{ id: string; state: string }>(there, "searches", "import", "paused.tar");
      expect(imported.state).toBe("paused");
      await result(there, "searches", "resume", imported.id);
      const lines: string[] = [];
      const heir = there.startRunner(imported.id, { onLine: (line) => lines.push(line) });
      expect((await there.until(imported.id, heir, isFinished)).state).toBe("completed");
      await heir.stop();
      expect(lines).toContainEqual(expect.stringMatching(/^Loaded the checkpoint after round/));
      expect(await there.outcome(imported.id)).toEqual(await here.outcome(whole));
    },
    2 * SEARCH_LIMIT_MS,
  );
});

describe("the command line", () => {
  test("does not overwrite a file, and leaves none where the export is refused", async () => {
    writeFileSync(path.join(root, "mine.tar"), "mine");
    const refused = await run(here, "searches", "export", whole, "--out", "mine.tar");
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining("mine.tar exists already") });
    expect(readFileSync(path.join(root, "mine.tar"), "utf8")).toBe("mine");
    const queued = await here.create(smallSearch("queued"));
    const early = await run(here, "searches", "export", queued, "--out", "early.tar");
    expect(early).toMatchObject({ code: 1, stderr: expect.stringMatching(/that is queued .* Pause it/) });
    const nowhere = await run(here, "searches", "export", "nowhere", "--out", "early.tar");
    expect(nowhere).toMatchObject({ code: 1, stderr: expect.stringContaining("nasturtium searches list") });
    for (const name of ["early.tar", "early.tar.part"]) expect(existsSync(path.join(root, name))).toBe(false);
  });

  test("refuses what is no archive before it is sent, and shows why the edge refuses one", async () => {
    await result(here, "searches", "export", whole, "--out", "good.tar");
    const good = readFileSync(path.join(root, "good.tar"));
    writeFileSync(path.join(root, "text.tar"), "x".repeat(2000));
    writeFileSync(path.join(root, "cut.tar"), good.subarray(0, good.length / 2));
    const before = (await listSearches(there.client)).length;
    for (const [file, message] of [
      ["text.tar", /no archive of a search; make one with `nasturtium searches export`/],
      ["missing.tar", /missing\.tar cannot be read/],
      ["cut.tar", /The archive cannot be imported\. .*(cut short|ends before).*Nothing was imported/],
    ] as const)
      expect(await run(there, "searches", "import", file)).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(message),
      });
    expect((await listSearches(there.client)).length).toBe(before);
  });
});
