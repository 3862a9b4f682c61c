import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { countGenotype } from "../shared/count.ts";
import { genotypes } from "../shared/genotypes.ts";
import { specificationSchema } from "../shared/specification.ts";
import { runCli } from "./run.testing.ts";

const genotype = genotypes.DARTS_V2;
const own = { channels: 16, layers: 8 };
const specification = specificationSchema.parse({
  name: "x",
  dataset: { name: "cifar10" },
  space: "darts",
  evaluation: { kind: "supernet", network: { stem: "cifar", ...own } },
});
const progress = { round: 2, rounds: 2, frontSize: 2 };
const trained = (id: string, recipe: object, state = "completed", change: object = {}) => ({
  id,
  hash: "h1",
  purpose: "final",
  state,
  recipe,
  progress: null,
  report: state === "completed" ? { testAccuracy: 90.12, parameters: 1, steps: 100 } : null,
  ...change,
});

/** An edge with one search `s1`, whose front is two architectures of one cell; started trainings are queued. */
let trainings: object[] = [];
let posted: object[] = [];
const server = createServer((request, response) => {
  const { pathname } = new URL(request.url ?? "", "http://edge");
  const send = (status: number, body: object) =>
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  const list = (data: object[]) => send(200, { data, nextCursor: null });
  if (request.method === "POST") {
    let text = "";
    request.on("data", (chunk) => {
      text += chunk;
    });
    request.on("end", () => {
      const body = JSON.parse(text) as { hash: string; recipe: object };
      posted.push(body);
      send(201, trained(`new${posted.length}`, body.recipe, "queued", { hash: body.hash }));
    });
    return;
  }
  const rows = ["h1", "h2"].map((hash) => ({ hash, text: "cell", genotype, values: { accuracy: 50 } }));
  const path = pathname.replace("/v1/searches/s1", "");
  const [, hash] = /^\/architectures\/(.+)$/.exec(path) ?? [];
  const architecture = rows.find((row) => row.hash === hash);
  if (path === "") send(200, { id: "s1", name: "x", state: "completed", progress, specification });
  else if (path === "/trainings") list(trainings);
  else if (path === "/front") list(rows);
  else if (path === "/scaled") list(trainings.map(() => ({ hash: "h1", channels: 32, layers: 8 })));
  else if (architecture) send(200, architecture);
  else send(404, { title: "There is no such thing", detail: "Nothing is here." });
});
let edge = "";
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  edge = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());
beforeEach(() => {
  trainings = [];
  posted = [];
});

const run = (...args: string[]) => runCli([...args, "--edge", edge, "--token", "token"]);

interface Row {
  hash: string;
  source: string;
  channels: number;
  layers: number;
  counted: { parameters: number; macs: number; activationBytes: number };
  training: { id: string; state: string; testAccuracy: number | null } | null;
}
async function json(...args: string[]): Promise<{ data: Row[]; started: string[] }> {
  const { code, stdout, stderr } = await run(...args, "--json");
  expect(stderr).toBe("");
  expect(code).toBe(0);
  return JSON.parse(stdout);
}

describe("scale", () => {
  test("counts each architecture of the front at each size, and marks the search's own", async () => {
    const { data } = await json("scale", "s1", "--channels", "8,32", "--layers", "8,20");
    expect(data.map(({ hash, channels, layers }) => `${hash} ${channels}/${layers}`)).toEqual(
      ["h1", "h2"].flatMap((hash) =>
        ["8/8", "8/20", "16/8", "32/8", "32/20"].map((size) => `${hash} ${size}`),
      ),
    );
    const image = { height: 32, width: 32, channels: 3 };
    for (const { channels, layers, counted, source } of data) {
      if (genotype === undefined) throw new Error("no DARTS_V2");
      expect(countGenotype(genotype, { channels, layers, image, classes: 10 })).toMatchObject(counted);
      expect(source).toBe(channels === own.channels && layers === own.layers ? "search" : "scaling");
    }
  });

  test("shows test accuracies of just that size, and says what is counted", async () => {
    trainings = [
      trained("t4", { channels: 32 }, "running"),
      trained("t3", { channels: 32 }),
      trained("t2", { channels: 8 }, "completed", { purpose: "rerank" }),
      trained("t1", {}),
    ];
    const { code, stdout } = await run("scale", "s1", "h1", "--channels", "8,32", "--plot");
    expect(code).toBe(0);
    const line = (channels: number) =>
      stdout.split("\n").find((text) => new RegExp(`^h1 +${channels} `).test(text));
    expect(line(8)).not.toContain("90.12");
    expect(line(16)).toMatch(/90\.12 .*the search's own size$/);
    expect(line(32)).toMatch(/90\.12 +0\.2985 +100$/);
    expect(stdout).toContain("are counted, not measured");
    expect(stdout).toMatch(/●[\s\S]*other sizes/);
  });

  test("without sizes shows those that were started, and says how to name some where there are none", async () => {
    expect(await json("scale", "s1")).toEqual({ data: [], started: [] });
    expect((await run("scale", "s1")).stdout).toContain("nasturtium scale s1 --channels 8,16,32");
    trainings = [trained("t2", { channels: 32 }, "running"), trained("t1", own)];
    const { data } = await json("scale", "s1");
    expect(data.map(({ hash, channels, training }) => [hash, channels, training?.state])).toEqual([
      ["h1", 16, "completed"],
      ["h1", 32, "running"],
    ]);
  });

  test("starts a training of every size that has none, and no other", async () => {
    trainings = [
      trained("t3", { channels: 64 }, "failed"),
      trained("t2", { channels: 32 }, "queued"),
      trained("t1", { channels: 8 }),
    ];
    const { code, stdout } = await run("scale", "s1", "h1", "--channels", "4,8,32,64", "--train");
    expect(code).toBe(0);
    expect(posted).toEqual([
      { hash: "h1", recipe: { channels: 4, layers: 8 } },
      { hash: "h1", recipe: { channels: 64, layers: 8 } },
    ]);
    expect(stdout).toContain("Started 2 trainings (2 had one already).");
    expect(stdout).toMatch(/nasturtium runner\. Then again: nasturtium scale s1/);
  });

  test.each([
    [["s1", "--channels", "8,x"], '--channels is a list of whole numbers, 1 to 512; "x" in "8,x" is none'],
    [["s1", "--channels", "0"], "--channels is a list of whole numbers, 1 to 512"],
    [["s1", "--channels", "513"], "--channels is a list of whole numbers, 1 to 512"],
    [["s1", "--layers", "8,"], "Write it as --layers 8,20."],
    [["s1", "h3", "--channels", "8"], '"h3" is no architecture of s1. Did you mean "h1"?'],
    [["s1", "--train"], "--train needs sizes"],
  ])("refuses %j, with what to do", async (args, message) => {
    const { code, stderr } = await run("scale", ...args);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(posted).toEqual([]);
  });
});

test("front names networks of other sizes below its rows, never among them", async () => {
  expect((await run("front", "s1")).stdout).not.toContain("scale");
  trainings = [trained("t1", { channels: 32 })];
  const { stdout } = await run("front", "s1");
  expect(stdout).toMatch(
    /\n\n1 network is trained at other sizes, apart from this front: nasturtium scale s1\n$/,
  );
  expect(stdout.match(/^h1/gm)).toHaveLength(1);
});
