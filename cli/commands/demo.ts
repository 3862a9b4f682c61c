/** `nasturtium demo`: a whole search on this machine, from an empty database to a trained model. */

import { appendFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { loadDataset } from "../../gpu-runner/data/dataset.ts";
import { rootDir } from "../../setup/node.mjs";
import { createSearch, createToken, type Training } from "../api.ts";
import { type Child, startChild } from "../children.ts";
import { EdgeClient } from "../client.ts";
import { type CommandRow, type Context, integer, oneOf } from "../command.ts";
import { dashboardLink } from "../dashboardLink.ts";
import { writeExports, writeFront, writeSummary } from "../demo/outputs.ts";
import type { Summary } from "../demo/summary.ts";
import { DEFAULT_MINUTES, demoSpecification, demoTable } from "../demo/table.ts";
import { CliError } from "../errors.ts";
import { followSearch } from "../follow.ts";
import { frontPlot, frontTable } from "../frontText.ts";
import { type LocalEdge, serveUntil, startLocalEdge } from "../localEdge.ts";
import { duration } from "../progress.ts";
import { newToken } from "./dev.ts";

const CLI = fileURLToPath(new URL("../main.ts", import.meta.url));
const MAX_SEED = 2 ** 31 - 1;

interface Result {
  summary: Summary;
  folder: string;
  text: string;
}

export const demo: CommandRow = {
  name: "demo",
  description: "run a whole search on this machine, train its best architecture and export it",
  options: [
    {
      flags: "--minutes <m>",
      description: `length of the schedule: ${Object.keys(demoTable).join(", ")}`,
      default: DEFAULT_MINUTES,
      parse: (text) => Number(oneOf("--minutes", Object.keys(demoTable))(text)),
    },
    {
      flags: "--seed <n>",
      description: "seed of the search",
      default: 1,
      parse: integer("--seed", 0, MAX_SEED),
    },
    { flags: "--keep", description: "leave the edge running until Ctrl-C" },
  ],
  async run(ctx, _args, options) {
    const startMs = Date.now();
    const backend = process.env.NASTURTIUM_BACKEND === "wasm" ? "wasm" : "tensorflow";
    ctx.log(
      `Backend: ${backend === "wasm" ? "WebAssembly, slower than native TensorFlow" : "native TensorFlow"}`,
    );
    const runs = path.join(rootDir, "runs");
    mkdirSync(runs, { recursive: true });
    const stateDir = mkdtempSync(path.join(runs, ".local-"));
    const keep = options.keep === true;
    let edge: LocalEdge | undefined;
    try {
      const token = newToken();
      const setup = ctx.progress("Set-up", 1);
      edge = await startLocalEdge({ stateDir, token, port: 0, signal: ctx.signal });
      setup.finish(edge.url);
      const { minutes, seed } = options as { minutes: number; seed: number };
      const result = await runDemo(ctx, edge, { backend, minutes, seed, runs, startMs });
      ctx.print(result.summary, `${result.text}\n${nextSteps(result, edge, keep)}`);
      if (keep) await serveUntil(ctx.signal, edge);
    } finally {
      await edge?.stop();
      rmSync(stateDir, { recursive: true, force: true });
    }
  },
};

interface DemoOptions {
  backend: Summary["backend"];
  minutes: number;
  seed: number;
  runs: string;
  startMs: number;
}

async function runDemo(ctx: Context, edge: LocalEdge, options: DemoOptions): Promise<Result> {
  const { backend, minutes, seed, runs, startMs } = options;
  const client = new EdgeClient(edge.url, edge.token, ctx.signal);
  const seconds = {
    setup: since(startMs),
    data: 0,
    search: 0,
    shortTrainings: 0,
    finalTraining: 0,
    total: 0,
  };
  const dataMs = Date.now();
  await prepareData(ctx);
  seconds.data = since(dataMs);

  const specification = demoSpecification(minutes, seed);
  const { id } = await createSearch(client, specification);
  const folder = path.join(runs, id);
  const runner = await startRunner(client, id, backend, folder);
  let ended: number | null | undefined;
  void runner.exited.then((code) => {
    ended = code;
  });
  try {
    const followed = await followSearch(ctx, client, id, {
      check() {
        if (ended === undefined) return;
        throw new CliError(
          `The runner ended with code ${ended}. It said: ${runner.tail() || "nothing"}`,
          "Run `nasturtium doctor`.",
        );
      },
    });
    seconds.search = round(followed.seconds.search);
    seconds.shortTrainings = round(followed.seconds.shortTrainings);
    seconds.finalTraining = round(followed.seconds.finalTraining);
    const training = bestOf(followed.trainings);
    const { front, rows, trained } = await writeFront(client, id, folder, training.hash);
    const exports = await writeExports(client, training, folder, ctx.progress);
    const { progress } = followed.search;
    seconds.total = since(startMs);
    const summary: Summary = {
      searchId: id,
      backend,
      seed,
      minutes,
      specification,
      rounds: progress.round,
      candidates: progress.evaluations,
      front,
      finalTraining: {
        trainingId: training.id,
        hash: training.hash,
        testAccuracy: training.report.testAccuracy,
        testLoss: training.report.testLoss,
        parameters: training.report.parameters,
        macs: training.report.macs,
        steps: training.report.steps,
      },
      exports,
      seconds,
    };
    writeSummary(folder, summary);
    const timed = rows.map((row) => ({
      ...row,
      seconds: front.find(({ hash }) => hash === row.hash)?.seconds,
    }));
    return { summary, folder, text: `\n${frontPlot(front, trained)}\n\n${frontTable(timed)}\n` };
  } finally {
    await runner.stop();
  }
}

/** Converts the images once, so that the runner finds them ready. */
async function prepareData(ctx: Context): Promise<void> {
  const step = ctx.progress("Data", 1);
  const { train, test } = await loadDataset("fashion-mnist", { log: () => {} });
  step.finish(
    `Fashion-MNIST, ${train.count.toLocaleString("en-US")} + ${test.count.toLocaleString("en-US")} images`,
  );
  ctx.signal.throwIfAborted();
}

/** A real runner in a process of its own, with a token that can do nothing else. */
async function startRunner(
  client: EdgeClient,
  searchId: string,
  backend: string,
  folder: string,
): Promise<Child> {
  mkdirSync(folder, { recursive: true });
  const { token } = await createToken(client, { name: "runner of the demo", scopes: ["runner"] });
  return startChild(process.execPath, [CLI, "runner", "--name", "demo", "--search", searchId], {
    cwd: rootDir,
    env: {
      ...process.env,
      NASTURTIUM_EDGE: client.edge,
      NASTURTIUM_TOKEN: token,
      NASTURTIUM_BACKEND: backend,
    },
    onLine: (line) =>
      appendFileSync(path.join(folder, "runner.log"), `${new Date().toISOString()} ${line}\n`),
  });
}

type Trained = Training & { report: NonNullable<Training["report"]> };

function bestOf(trainings: readonly Training[]): Trained {
  const [best] = trainings
    .filter((training): training is Trained => training.state === "completed" && training.report !== null)
    .sort((left, right) => right.report.testAccuracy - left.report.testAccuracy);
  if (best) return best;
  const failure = trainings.find((training) => training.failure)?.failure;
  throw new CliError(
    `The final training failed: ${failure ?? "it left no report"}.`,
    "Run `nasturtium doctor`.",
  );
}

function nextSteps({ summary, folder }: Result, edge: LocalEdge, keep: boolean): string {
  const { finalTraining, seconds, searchId } = summary;
  const show = (...parts: string[]) => path.relative("", path.join(folder, ...parts));
  return [
    `Trained ${finalTraining.hash}: ${finalTraining.testAccuracy.toFixed(2)} % of the test images, ${finalTraining.parameters.toLocaleString("en-US")} parameters, in ${duration(seconds.total)}.`,
    "The split of Fashion-MNIST is this project's own, so the number is not comparable with published ones.",
    "",
    `Summary   ${show("summary.json")}`,
    `Front     ${show("front.csv")}, ${show("front.svg")}`,
    `Model     ${show("exports")}`,
    ...(keep
      ? [
          `Look      ${dashboardLink(edge.url, `/searches/${searchId}`, edge.token)}`,
          `API       ${edge.url}/v1/searches/${searchId}/front`,
          `Docs      ${edge.url}/docs`,
          `Token     ${edge.token}`,
          "",
          "The edge runs until Ctrl-C.",
        ]
      : ["", "Look around on the dashboard and in the API: npm run demo -- --keep"]),
    "Search your own: `npm run nasturtium dev`, then `npm run nasturtium runner` and `npm run nasturtium search SPEC.yaml`",
  ].join("\n");
}

const round = (value: number): number => Math.round(value * 10) / 10;
const since = (startMs: number): number => round((Date.now() - startMs) / 1000);
