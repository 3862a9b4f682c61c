/**
 * What ordering the archive by short trainings is worth on real images, and what it costs: a search on CIFAR-10 with
 * `reranking`, then every architecture that it ordered is trained much longer and tested. Kendall's tau of each order
 * with the test accuracy, and which architecture each would have handed over. About an hour on two cores.
 *
 *     npm run -s bench:reranking -- --data FOLDER [--strategy NAME] [--seed N] [--json]
 *
 * FOLDER holds the standard binary files of CIFAR-10, also `.xz`.
 */

import { availableParallelism, cpus } from "node:os";
import { parseArgs } from "node:util";
import { z } from "zod";
import {
  type Candidate,
  listTrainings,
  readCandidates,
  readEvents,
  readSearch,
  startTraining,
  type Training,
} from "../cli/api.ts";
import { kendall } from "../shared/rankCorrelation.ts";
import { type SpecificationInput, strategyNames } from "../shared/specification.ts";
import { type LocalSearch, withLocalSearch } from "./localSearch.ts";
import { type Interval, intervalOf, pick, resamples } from "./ranking/statistics.ts";

const bootstraps = 2000;
const alike = 1.2;

const argsSchema = z.object({
  data: z.string("say where CIFAR-10's files are: --data FOLDER"),
  strategy: z.enum(strategyNames),
  seed: z.coerce.number().int(),
  json: z.boolean(),
});
type Args = z.infer<typeof argsSchema>;

const specificationOf = ({ seed, strategy }: Args): SpecificationInput => ({
  name: "CIFAR-10, ordered by short trainings",
  strategy: { name: strategy },
  dataset: { name: "cifar10" },
  evaluation: { kind: "supernet", network: { stem: "cifar", channels: 8, layers: 5 } },
  schedule: {
    batchSize: 64,
    stepsPerRound: 8,
    warmupStepsPerRound: 25,
    policy: { candidates: 8, evaluationImages: 250 },
    confirmation: { images: 1000, architectures: 24 },
    stages: [
      { layers: 5, channels: 8, steps: 500, warmupSteps: 250, drop: { normal: 4, reduction: 2 } },
      { layers: 5, channels: 8, steps: 500, warmupSteps: 250, drop: { normal: 0, reduction: 0 } },
    ],
  },
  reranking: { architectures: 16, rungs: [{ steps: 150 }, { steps: 450 }] },
  finalTraining: { preset: "demo", batchSize: 64, steps: 1300, top: 1 },
  seed,
});

/** An architecture that was ordered again, with each accuracy in percent; the last is of the test images. */
interface Member {
  hash: string;
  parameters: number;
  shared: number;
  rungs: (number | null)[];
  long: number;
}

const log = (line: string) => console.error(`${new Date().toISOString().slice(11, 19)} ${line}`);
const abort = new AbortController();
process.once("SIGINT", () => abort.abort());
process.once("SIGTERM", () => abort.abort());
const { values } = parseArgs({
  options: {
    data: { type: "string" },
    strategy: { type: "string", default: "default" },
    seed: { type: "string", default: "1" },
    json: { type: "boolean", default: false },
  },
});
const args = argsSchema.safeParse(values);
if (!args.success) {
  console.error(z.prettifyError(args.error));
  process.exit(2);
}
const options = { dataFolder: args.data.data, log, signal: abort.signal };
const report = await withLocalSearch(specificationOf(args.data), options, measure);
console.log(args.data.json ? JSON.stringify(report) : printed(report));

async function measure({ id, client, work }: LocalSearch) {
  const runners = availableParallelism();
  await work(runners);
  const rerun = async () => listTrainings(client, id);
  const ordered = (await rerun()).filter(({ purpose, rung }) => purpose === "rerank" && rung === 0);
  const done = new Set((await rerun()).filter(({ purpose }) => purpose === "final").map(({ hash }) => hash));
  for (const { hash } of ordered) if (!done.has(hash)) await startTraining(client, id, { hash });
  await work(runners);
  const trainings = await rerun();
  const candidates = await readCandidates(client, id);
  const events = await readEvents(client, id);
  const reranked = events.find(({ type }) => type === "front.reranked")?.data;
  const search = await readSearch(client, id);
  return {
    ...reportOf(membersOf(trainings, candidates), String(reranked?.best)),
    seconds: secondsOf(trainings),
    reranked,
    progress: search.progress,
    machine: { cpu: cpus()[0]?.model, runners, node: process.versions.node },
  };
}

function membersOf(trainings: readonly Training[], candidates: readonly Candidate[]): Member[] {
  const shared = new Map(candidates.filter(({ phase }) => phase === "confirm").map((row) => [row.hash, row]));
  const final = new Map(
    trainings.flatMap(({ hash, report }) => (report ? [[hash, report.testAccuracy] as const] : [])),
  );
  const short = trainings.filter(({ purpose }) => purpose === "rerank");
  const rungs = [...new Set(short.map(({ rung }) => rung ?? 0))].sort((a, b) => a - b);
  return [...new Set(short.map(({ hash }) => hash))].flatMap((hash) => {
    const { accuracy, parameters } = shared.get(hash)?.values ?? {};
    const long = final.get(hash);
    if (long === undefined || accuracy == null || parameters == null) return [];
    const at = (rung: number) =>
      short.find((row) => row.hash === hash && (row.rung ?? 0) === rung)?.validation;
    return [
      {
        hash,
        parameters,
        shared: accuracy,
        rungs: rungs.map((rung) => at(rung)?.validationAccuracy ?? null),
        long,
      },
    ];
  });
}

/** Runner time, by what it was for. */
function secondsOf(trainings: readonly Training[]) {
  const sum = (rows: readonly Training[]) =>
    Math.round(
      rows.reduce(
        (total, { report, validation }) => total + (report?.seconds ?? validation?.seconds ?? 0),
        0,
      ),
    );
  const [short, long] = [true, false].map((isShort) =>
    trainings.filter(({ purpose }) => (purpose === "rerank") === isShort),
  ) as [Training[], Training[]];
  return {
    reranking: sum(short),
    longTrainings: sum(long),
    longTraining: Math.round(sum(long) / long.length),
  };
}

/** Orders of the same architectures, held against their accuracy after the long training. */
function reportOf(members: readonly Member[], best: string) {
  const rungs = [...(members[0]?.rungs.keys() ?? [])];
  const orders = rungs.map((rung) => {
    const among = members.filter((member) => member.rungs[rung] !== null);
    return {
      among: among.length,
      parameters: tau(among, ({ parameters }) => parameters),
      shared: tau(among, ({ shared }) => shared),
      rungs: rungs.map((at) =>
        among.some((member) => member.rungs[at] === null)
          ? null
          : tau(among, (member) => member.rungs[at] as number),
      ),
    };
  });
  const byShared = members.toSorted((a, b) => b.shared - a.shared)[0];
  const long = members.map((member) => member.long);
  return {
    members,
    orders,
    alikeSizes: alikeSizes(members),
    handedOver: {
      bySharedWeights: byShared?.long,
      byShortTrainings: members.find(({ hash }) => hash === best)?.long,
      best: Math.max(...long),
      mean: long.reduce((sum, value) => sum + value, 0) / long.length,
    },
  };
}

/** Of pairs whose parameters differ by at most a fifth, how many each score has in the order of the long training. */
function alikeSizes(members: readonly Member[]) {
  const pairs = members.flatMap((first, index) =>
    members
      .slice(index + 1)
      .map((second) => [first, second] as const)
      .filter(([left, right]) => {
        const sizes = [left.parameters, right.parameters];
        return Math.max(...sizes) <= alike * Math.min(...sizes);
      }),
  );
  const right = (scoreOf: (member: Member) => number) =>
    pairs.filter(([left, second]) => (scoreOf(left) - scoreOf(second)) * (left.long - second.long) > 0)
      .length;
  return {
    pairs: pairs.length,
    parameters: right(({ parameters }) => parameters),
    shared: right(({ shared }) => shared),
    rung0: right(({ rungs }) => rungs[0] ?? Number.NaN),
  };
}

function tau(members: readonly Member[], scoreOf: (member: Member) => number): Interval {
  const scores = members.map(scoreOf);
  const long = members.map((member) => member.long);
  const estimates = resamples(members.length, bootstraps, 1).map((draw) =>
    kendall(pick(scores, draw), pick(long, draw)),
  );
  return intervalOf(kendall(scores, long), estimates);
}

function printed({
  orders,
  alikeSizes,
  handedOver,
  members,
  seconds,
  machine,
}: Awaited<ReturnType<typeof measure>>): string {
  const cell = (interval: Interval | null) =>
    interval?.value == null
      ? "-"
      : `${interval.value.toFixed(2)} [${interval.low?.toFixed(2)}, ${interval.high?.toFixed(2)}]`;
  const accuracy = (value: number | null | undefined) => (value == null ? "-" : value.toFixed(2));
  const rungNames = orders.map((_, rung) => `rung ${rung}`);
  return [
    `${machine.cpu}, ${machine.runners} runners of one thread, Node ${machine.node}`,
    "",
    `Kendall's tau with the test accuracy after the long training, 95 % by bootstrap:`,
    `| architectures | parameters | shared weights | ${rungNames.join(" | ")} |`,
    `| --: | --: | --: |${rungNames.map(() => " --: |").join("")}`,
    ...orders.map(
      ({ among, parameters, shared, rungs }) =>
        `| ${[String(among), cell(parameters), cell(shared), ...rungs.map(cell)].join(" | ")} |`,
    ),
    "",
    `Of ${alikeSizes.pairs} pairs of about one size in the right order: parameters ${alikeSizes.parameters}, shared weights ${alikeSizes.shared}, rung 0 ${alikeSizes.rung0}.`,
    `Handed over: ${accuracy(handedOver.bySharedWeights)} % by shared weights, ${accuracy(handedOver.byShortTrainings)} % by short trainings; best ${accuracy(handedOver.best)}, mean ${accuracy(handedOver.mean)}.`,
    `Runner seconds: ${seconds.reranking} for the short trainings, ${seconds.longTraining} for one long one.`,
    "",
    `| hash | parameters | shared weights | ${rungNames.join(" | ")} | long |`,
    `| --- | --: | --: |${rungNames.map(() => " --: |").join("")} --: |`,
    ...members
      .toSorted((a, b) => b.long - a.long)
      .map(
        ({ hash, parameters, shared, rungs, long }) =>
          `| ${[hash, parameters.toLocaleString("en-US"), accuracy(shared), ...rungs.map(accuracy), accuracy(long)].join(" | ")} |`,
      ),
  ].join("\n");
}
