/**
 * Searches on tables: the command line as a user types it, the real Worker in workerd with D1 and R2, real runners in
 * processes of their own. What they find is what the controller finds in process.
 */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { listSearches, listTrainings, readCandidates, readEvents, readFront } from "../cli/api.ts";
import { runCli } from "../cli/run.testing.ts";
import { paretoEntries } from "../edge/controller/archive.ts";
import { completeRound, currentTask, startSearch } from "../edge/controller/controller.ts";
import type { CandidateRecord, ControllerState, RoundOutcome } from "../edge/controller/state.ts";
import type { TabularTask } from "../shared/protocol.ts";
import { type Choices, fullChoices, resolveSpace } from "../shared/space.ts";
import type { SpecificationInput } from "../shared/specification.ts";
import { checkSpecification } from "../shared/validate.ts";
import { isFinished, SEARCH_LIMIT_MS, TestEdge } from "./wholeSearch.ts";

const EVALUATIONS = 120;
const POLL_MS = 200;

let edge: TestEdge;
let root: string;

beforeAll(async () => {
  root = mkdtempSync(path.join(tmpdir(), "nasturtium-tables-"));
  edge = await TestEdge.start();
  for (const { name, file, content } of [cells, blocks]) {
    writeFileSync(path.join(root, file), file.endsWith(".gz") ? gzipSync(content) : content);
    expect(await run("data", "push", file, "--name", name)).toMatchObject({ code: 0 });
  }
});

afterAll(async () => {
  await edge?.stop();
  rmSync(root, { recursive: true, force: true });
});

/** Of a runner that has never seen a table. */
const freshCache = () => ({ NASTURTIUM_CACHE: mkdtempSync(path.join(root, "cache-")) });

const run = (...args: string[]) =>
  runCli(args, { cwd: root, env: { NASTURTIUM_EDGE: edge.edge.url, NASTURTIUM_TOKEN: edge.edge.token } });

interface Example {
  name: string;
  file: string;
  content: string;
  specification: SpecificationInput;
  /** What the table has of an architecture, by its operations in order. */
  rows: ReadonlyMap<string, { accuracy: number; cost: number }>;
}

/** Every `skip`th architecture is missing. */
function example(
  name: string,
  file: string,
  space: SpecificationInput["space"],
  write: (operations: readonly string[], indices: readonly number[]) => string,
  skip: number,
): Example {
  const { operations } = Object.values(resolveSpace(space ?? "").cells)[0] ?? { operations: [] };
  const length = edgesOf(fullChoices(resolveSpace(space ?? "")));
  const rows = new Map<string, { accuracy: number; cost: number }>();
  const lines = ["arch,acc,ms"];
  for (let number = 0; number < operations.length ** length; number++) {
    if (number % skip === skip - 1) continue;
    const indices = Array.from(
      { length },
      (_, place) => Math.floor(number / operations.length ** place) % operations.length,
    );
    const weight = indices.reduce((sum, index, place) => sum + index * (1 + ((place * 7) % 5)), 0);
    const cost = 1 + weight / 2;
    const accuracy = Math.round((95 - 200 / (3 + weight) - (number % 17) / 4) * 1000) / 1000;
    const names = indices.map((index) => operations[index] as string);
    rows.set(names.join(), { accuracy, cost });
    lines.push(`"${write(names, indices)}",${accuracy},${cost}`);
  }
  const specification: SpecificationInput = {
    name,
    ...(space === undefined ? {} : { space }),
    evaluation: {
      kind: "tabular",
      table: name,
      architecture: "arch",
      reward: "acc",
      costs: { latency: "ms" },
    },
    objectives: [
      { name: "accuracy", goal: "maximize" },
      { name: "latency", goal: "minimize" },
    ],
    budget: { evaluations: EVALUATIONS },
    seed: 7,
  };
  return { name, file, content: `${lines.join("\n")}\n`, specification, rows };
}

const edgesOf = (choices: Choices): number => Object.values(choices).flat().length;

const cells = example(
  "cells",
  "cells.csv",
  "nas-bench-201",
  ([a, b, c, d, e, f]) => `|${a}~0|+|${b}~0|${c}~1|+|${d}~0|${e}~1|${f}~2|`,
  3,
);
const blocks = example(
  "blocks",
  "blocks.csv.gz",
  { positions: 8, operations: ["thin", "wide", "deep"] },
  (_, indices) => indices.join(""),
  5,
);

/** The measurements that a runner would report. */
function lookUp({ rows }: Example, task: TabularTask) {
  return task.candidates.map(({ selection }, candidate) => {
    const row = rows.get(Object.values(selection).flat().join());
    const values = { accuracy: row?.accuracy ?? null, latency: row?.cost ?? null };
    return { candidate, values, images: 0, loss: null };
  });
}

/** The whole search without HTTP. */
function inProcess(table: Example, change: Partial<SpecificationInput> = {}) {
  const facts = { columns: ["arch", "acc", "ms"], rows: table.rows.size };
  const checked = checkSpecification({ ...table.specification, ...change }, { [table.name]: facts });
  if (checked.errors !== undefined) throw new Error(JSON.stringify(checked.errors));
  const { specification } = checked;
  const candidates: CandidateRecord[] = [];
  const events: RoundOutcome["events"] = [];
  let state: ControllerState = startSearch(specification, "inprocess");
  for (let task = currentTask(state); task !== null; task = currentTask(state)) {
    if (task.kind !== "tabular") throw new Error("only tables are looked up");
    const seconds = { train: 0, evaluate: 0, idle: 0 };
    const report = {
      kind: "tabular",
      leaseId: "",
      measurements: lookUp(table, task),
      digest: "",
      seconds,
    } as const;
    const outcome = completeRound(JSON.parse(JSON.stringify(state)), specification, report);
    candidates.push(...outcome.record.candidates);
    events.push(...outcome.events);
    state = { ...outcome.state, task: outcome.done ? null : outcome.state.task };
  }
  const front = paretoEntries(state.archive, specification.objectives);
  return {
    candidates: candidates.map(({ hash, selection, values }) => ({ hash, selection, values })),
    front: front.map(({ hash, values }) => ({ hash, values })),
    events,
  };
}

const byHash = (a: { hash: string }, b: { hash: string }) => a.hash.localeCompare(b.hash);

async function outcome(id: string) {
  const candidates = await readCandidates(edge.client, id);
  const front = await readFront(edge.client, id);
  return {
    candidates: candidates.map(({ hash, selection, values }) => ({ hash, selection, values })),
    front: front.map(({ hash, values }) => ({ hash, values })).toSorted(byHash),
  };
}

async function finish(id: string, onLine: (line: string) => void = () => {}): Promise<void> {
  const runner = edge.startRunner(id, { env: freshCache(), onLine });
  expect((await edge.until(id, runner, isFinished)).state).toBe("completed");
  await runner.stop();
}

/** Of the search that is created under a name. */
async function idOf(name: string): Promise<string> {
  for (;;) {
    const searches = await listSearches(edge.client);
    const search = searches.find((known) => known.name === name);
    if (search !== undefined) return search.id;
    await pause(POLL_MS);
  }
}

describe.concurrent("a search on a table", () => {
  test.for([
    ["cells of NAS-Bench-201", cells],
    ["eight positions of three operations", blocks],
  ] as const)(
    "of %s finds over HTTP what it finds in process, in the same order, and ends without training",
    { timeout: SEARCH_LIMIT_MS },
    async ([, table]) => {
      const id = await edge.create(table.specification);
      const lines: string[] = [];
      await finish(id, (line) => lines.push(line));
      const expected = inProcess(table);
      expect(expected.candidates).toHaveLength(EVALUATIONS);
      expect(expected.candidates.some(({ values }) => values.accuracy === null)).toBe(true);
      expect(await outcome(id)).toEqual({
        candidates: expected.candidates,
        front: expected.front.toSorted(byHash),
      });
      expect(lines.filter((line) => line.startsWith(`Fetching the table ${table.name}`))).toHaveLength(1);
      expect(await listTrainings(edge.client, id)).toEqual([]);
    },
  );

  test(
    "goes on without a difference under another runner when the first is killed",
    async () => {
      const id = await edge.create({ ...blocks.specification, seed: 8 });
      await edge.killAt(id, { kind: "report", nth: 5, moment: "answered" }, freshCache());
      await finish(id);
      const expected = inProcess(blocks, { seed: 8 });
      expect(await outcome(id)).toEqual({
        candidates: expected.candidates,
        front: expected.front.toSorted(byHash),
      });
    },
    SEARCH_LIMIT_MS,
  );

  test(
    "that met nothing within its limits ends with the nearest architecture and what it breaks",
    async () => {
      const objectives: SpecificationInput["objectives"] = [
        { name: "accuracy", goal: "maximize" },
        { name: "latency", goal: "minimize", limit: 0.5 },
      ];
      const specification = { ...cells.specification, name: "infeasible", objectives };
      writeFileSync(path.join(root, "infeasible.json"), JSON.stringify(specification));
      const followed = run("search", "infeasible.json");
      await finish(await idOf("infeasible"));
      const { code, stdout, stderr } = await followed;
      expect([code, stderr]).toEqual([0, expect.stringMatching(/Search: done/)]);
      const { events } = inProcess(cells, { objectives });
      const nearest = events.find(({ type }) => type === "search.infeasible")?.data as {
        nearest: string;
        values: { latency: number };
      };
      expect(stdout).toContain(
        `The nearest was ${nearest.nearest}: latency is ${nearest.values.latency}, its limit 0.5.`,
      );
    },
    SEARCH_LIMIT_MS,
  );

  test(
    "that cannot be read fails at once, with row and column of everything that is wrong",
    async () => {
      const lines = blocks.content.split("\n");
      const broken = [
        ...lines.slice(0, 3),
        "12345678,90,2",
        `${lines[1]?.split(",")[0]},nan,3`,
        ...lines.slice(3),
      ];
      writeFileSync(path.join(root, "broken.csv"), broken.join("\n"));
      expect(await run("data", "push", "broken.csv", "--name", "broken")).toMatchObject({ code: 0 });
      const evaluation = {
        ...blocks.specification.evaluation,
        table: "broken",
      } as SpecificationInput["evaluation"];
      const id = await edge.create({ ...blocks.specification, evaluation });
      const runner = edge.startRunner(id, { env: freshCache() });
      const { state, failure } = await edge.until(id, runner, isFinished);
      await runner.stop();
      expect(state).toBe("failed");
      expect(failure).toContain('row 4, column "arch": "12345678" is outside of the space: position 2');
      expect(failure).toContain('row 5, column "arch": this is the architecture of row 2 again');
      expect(failure).toContain('row 5, column "acc": the value is not a number (NaN)');
      const events = await readEvents(edge.client, id);
      expect(events.filter(({ type }) => type === "task.failed").map(({ data }) => data.kind)).toEqual([
        "table",
      ]);
    },
    SEARCH_LIMIT_MS,
  );
});
