/** `nasturtium data` against the real edge: what is found is reported, pushed, used, listed and deleted. */

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { int64, npyBytes, writeClasses, writeNpz } from "../gpu-runner/data/ownData.testing.ts";
import { readOwnData } from "../gpu-runner/data/ownData.ts";
import { pack } from "../gpu-runner/data/shards.ts";
import { EdgeClient } from "./client.ts";
import { newToken } from "./commands/dev.ts";
import { type LocalEdge, startLocalEdge } from "./localEdge.ts";
import { pushData, readDataset } from "./pushData.ts";
import { type Outcome, runCli } from "./run.testing.ts";

let root: string;
let edge: LocalEdge;
let client: EdgeClient;

beforeAll(async () => {
  root = mkdtempSync(path.join(tmpdir(), "nasturtium-data-"));
  await writeClasses(path.join(root, "animals"), { cat: 10, dog: 10, owl: 5 });
  edge = await startLocalEdge({
    stateDir: path.join(root, "state"),
    token: newToken(),
    port: 0,
    signal: new AbortController().signal,
  });
  client = new EdgeClient(edge.url, edge.token, new AbortController().signal);
});

afterAll(async () => {
  await edge?.stop();
  rmSync(root, { recursive: true, force: true });
});

const run = (...args: string[]): Promise<Outcome> =>
  runCli(args, { cwd: root, env: { NASTURTIUM_EDGE: edge.url, NASTURTIUM_TOKEN: edge.token } });

function specificationOn(name: string): string {
  const file = path.join(root, `${name}.yaml`);
  writeFileSync(
    file,
    `name: own\ndataset: { name: ${name} }\nevaluation: { kind: supernet, network: { channels: 4, layers: 3 } }\n`,
  );
  return file;
}

describe("data push", () => {
  test("reports what was read, stores it, and says how to search on it; a profile then counts its classes", async () => {
    const { code, stdout, stderr } = await run("data", "push", "animals", "--name", "animals");
    expect([code, stderr]).toEqual([0, expect.stringContaining("Sending MB: done")]);
    expect(stdout).toMatch(/Images +20 to train on, 5 to test on \(20 % of each class, seed 1\)/);
    expect(stdout).toMatch(/Size +8x8, colour/);
    expect(stdout).toMatch(/CLASS \(3\) +TRAIN +TEST\ncat +8 +2\ndog +8 +2\nowl +4 +1/);
    expect(stdout).toMatch(
      /Pushed animals: .* in 1 shard\.\nSearch on it: write `dataset: \{ name: animals \}`/,
    );
    const profiled = await run("profile", specificationOn("animals"));
    expect([profiled.code, profiled.stdout]).toEqual([0, expect.stringMatching(/^parameters/m)]);
  });

  test("of the same data again sends nothing, and of other data under the name is refused", async () => {
    const push = (...rest: string[]) => run("data", "push", "animals", "--name", "again", "--json", ...rest);
    const [first, second] = [await push(), await push()].map(({ stdout }) => JSON.parse(stdout));
    expect([first.sentShards, second.sentShards, second.sentBytes]).toEqual([1, 0, 0]);
    expect(second.dataset.digest).toBe(first.dataset.digest);
    const other = await push("--seed", "2");
    expect([other.code, other.stderr]).toEqual([1, expect.stringContaining("nasturtium data delete again")]);
  });

  test("that was cut off sends only the rest", async () => {
    const options = { testFraction: 0.2, seed: 1, skipUnreadable: false, progress: () => {} };
    const packed = pack("cut-off", await readOwnData(path.join(root, "animals"), options), 1000);
    const shards = packed.header.shards.length;
    let sent = 0;
    const failing = {
      ...packed,
      shard(number: number) {
        if (sent === 2) throw new Error("the line is cut");
        sent++;
        return packed.shard(number);
      },
    };
    await expect(pushData(client, failing)).rejects.toThrow("the line is cut");
    const left = await readDataset(client, "cut-off");
    expect([left.state, left.missing.length]).toEqual(["uploading", shards - 2]);
    expect(await run("data", "show", "cut-off")).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(`uploading, ${shards - 2} of ${shards} shards are missing`),
    });
    expect(await pushData(client, packed)).toMatchObject({
      shards: shards - 2,
      dataset: { state: "complete", missing: [] },
    });
  });

  test.each<[string, string[], RegExp]>([
    [
      "a built-in name",
      ["push", "animals", "--name", "cifar10"],
      /"cifar10" is the name of a built-in data set/,
    ],
    [
      "a name that is no slug",
      ["push", "animals", "--name", "My Data"],
      /"My Data" is no name for data\. Use lower-case/,
    ],
    ["a folder that is not there", ["push", "nowhere", "--name", "x"], /nowhere does not exist/],
    ["no name", ["push", "animals"], /--name/],
    ["a size that is none", ["check", "animals", "--size", "big"], /--size is HEIGHTxWIDTH, not "big"/],
    ["a share that is none", ["check", "animals", "--test-fraction", "20"], /above 0 and below 1/],
  ])("with %s is refused with exit code 2", async (_, args, message) => {
    const { code, stderr } = await run("data", ...args);
    expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
  });

  test("without a token that may write is refused before anything is read", async () => {
    const env = { NASTURTIUM_EDGE: edge.url, NASTURTIUM_TOKEN: "nst_wrong" };
    const { code, stderr } = await runCli(["data", "push", "animals", "--name", "x"], { cwd: root, env });
    expect(code).toBe(4);
    expect(stderr).not.toContain("Reading");
  });
});

test("data check reports an archive without sending it, and leaves out what cannot be read where asked to", async () => {
  const folder = path.join(root, "checked");
  mkdirSync(folder);
  await writeNpz(path.join(folder, "data.npz"), {
    x: npyBytes("|u1", [4, 2, 2], new Uint8Array(16)),
    y: npyBytes("<i8", [4], int64([0, 1, 0, 1])),
  });
  const archive = await run("data", "check", "checked", "--json");
  expect(JSON.parse(archive.stdout)).toMatchObject({
    format: "NumPy archive",
    images: { train: 2, test: 2 },
  });
  await writeClasses(path.join(root, "spoilt"), { a: 3, b: 3 });
  writeFileSync(path.join(root, "spoilt", "a", "bad.png"), "no image");
  const refused = await run("data", "check", "spoilt");
  expect([refused.code, refused.stderr]).toEqual([
    2,
    expect.stringMatching(/bad\.png cannot be read .*--skip-unreadable/),
  ]);
  const skipped = await run("data", "check", "spoilt", "--skip-unreadable");
  expect(skipped.stdout).toMatch(/Left out +1 that cannot be read: a.bad\.png/);
  expect(
    (await (await client.v1.datasets.$get({ query: {} })).json()).data.map(({ name }) => name),
  ).not.toContain("checked");
});

test("data check reports what of a table a search would refuse", async () => {
  writeFileSync(path.join(root, "doubtful.csv"), "arch,acc,ms\nab,90,1\nba,91,x\nab,92,3\n");
  const { code, stdout } = await run("data", "check", "doubtful.csv");
  expect(code).toBe(0);
  expect(stdout).toContain(
    [
      "A search that uses these columns would refuse them:",
      'row 3, column "ms": "x" is not a number',
      'row 4, column "arch": this is the architecture of row 2 again',
    ].join("\n"),
  );
  writeFileSync(path.join(root, "wide.csv"), Buffer.from("arch,acc\nab,90\n", "utf16le"));
  const wide = await run("data", "check", "wide.csv");
  expect([wide.code, wide.stderr]).toEqual([2, expect.stringMatching(/wide\.csv .*UTF-16LE.*iconv/s)]);
});

test("data list shows what is pushed, and data delete removes it; a name that is not there says how to find one", async () => {
  await run("data", "push", "animals", "--name", "short-lived");
  expect((await run("data", "list")).stdout).toMatch(/short-lived +complete +8x8x3 +3 +20 +5/);
  expect((await run("data", "delete", "short-lived")).code).toBe(0);
  expect((await run("data", "list")).stdout).not.toContain("short-lived");
  const { code, stderr } = await run("data", "delete", "short-lived");
  expect([code, stderr]).toEqual([1, expect.stringContaining("nasturtium data list")]);
});

/** The commands and the specification of a how-to. */
function howTo(name: string): { commands: string[]; specification: string } {
  const text = readFileSync(new URL(`../docs/how-to/${name}.md`, import.meta.url), "utf8");
  const blocks = [...text.matchAll(/^ *```(sh|yaml)\n([\s\S]*?)^ *```/gm)].map(([, kind, content = ""]) => ({
    kind,
    content: content.replaceAll(/^ {3}/gm, ""),
  }));
  const commands = blocks
    .filter(({ kind }) => kind === "sh")
    .flatMap(({ content }) => content.trim().split("\n"));
  return { commands, specification: blocks.find(({ kind }) => kind === "yaml")?.content ?? "" };
}

async function runAll(commands: readonly string[]): Promise<void> {
  expect(commands.length).toBe(3);
  for (const command of commands) {
    const [program, ...args] = command.split(" ");
    expect(program).toBe("nasturtium");
    expect(await run(...args)).toMatchObject({ code: 0 });
  }
}

test("every command of the how-to on images works in its order, on its specification", async () => {
  const { commands, specification } = howTo("own-data");
  writeFileSync(path.join(root, "birds.yaml"), specification);
  await writeClasses(path.join(root, "birds"), { blackbird: 4, robin: 5, wren: 3 });
  await runAll(commands);
});

describe("a table", () => {
  const rows = Array.from({ length: 200 }, (_, index) => `${index.toString(3).padStart(8, "0")},${index},1`);
  const text = ["blocks,accuracy,latency_ms", ...rows].join("\n");

  test("is checked, pushed and searched by every command of its how-to, and listed and shown with its columns", async () => {
    const { commands, specification } = howTo("search-a-table");
    writeFileSync(path.join(root, "blocks.yaml"), specification);
    writeFileSync(path.join(root, "blocks.csv"), text);
    await runAll(commands);
    expect((await run("data", "list")).stdout).toMatch(
      /TABLE +STATE +COLUMNS +ROWS +BYTES\nblocks +complete +3 +200/,
    );
    expect((await run("data", "show", "blocks")).stdout).toMatch(/Columns +blocks, accuracy, latency_ms/);
    expect((await run("profile", "blocks.yaml")).stdout).toMatch(
      /^accuracy +a row of the table\nlatency +a row of the table\n\n6,561 architectures; 20 rounds, 200 evaluations\n$/m,
    );
  });

  test("that is ragged is refused by row and column before anything is sent", async () => {
    writeFileSync(path.join(root, "ragged.csv"), `${text}\n22222222,1`);
    const { code, stderr } = await run("data", "push", "ragged.csv", "--name", "ragged");
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/row 202, column "accuracy": the row has 2 cells, the header 3/),
    ]);
    expect((await run("data", "list")).stdout).not.toContain("ragged");
  });
});
