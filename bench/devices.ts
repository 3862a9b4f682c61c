/**
 * How well a device's latencies are predicted, and how well one is measured twice: real networks on a real backend of
 * this machine.
 *
 *     npm run -s bench:devices -- [--json] [--only prediction|repeatability] [--backend wasm|onnxruntime|tensorflow]
 *       [--space tnd-nas] [--channels 8] [--layers 5] [--networks 200] [--minutes 60]
 *
 * - `prediction`: a calibration as the edge orders one, then other networks, measured and predicted; beside it, fitted to
 *   the same calibration networks, a line over MACs, and the table of operations without correction.
 * - `repeatability`: one network in processes of their own over an hour: a prediction interval from 20 of them, and how many
 *   of 20 others, each after one of the first, are inside.
 */

import { availableParallelism, cpus } from "node:os";
import { parseArgs } from "node:util";
import { type NodeBackendName, nodeBackendNames } from "../device/backends/index.ts";
import { resolveSpace } from "../shared/space.ts";
import { predictions } from "./devices/predictions.ts";
import { repeatability } from "./devices/repeatability.ts";
import { printed } from "./devices/report.ts";
import { watchOthers } from "./otherLoad.ts";

const { values: args } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    only: { type: "string" },
    backend: { type: "string", default: "wasm" },
    space: { type: "string", default: "tnd-nas" },
    channels: { type: "string", default: "8" },
    layers: { type: "string", default: "5" },
    networks: { type: "string", default: "200" },
    minutes: { type: "string", default: "60" },
  },
});

const backend = nodeBackendNames.find((name): name is NodeBackendName => name === args.backend);
if (backend === undefined) throw new RangeError(`--backend is one of ${nodeBackendNames.join(", ")}`);
const setting = {
  backend,
  space: resolveSpace(args.space),
  size: {
    stem: "cifar" as const,
    channels: Number(args.channels),
    layers: Number(args.layers),
    classes: 10,
    image: { height: 32, width: 32, channels: 3 },
  },
  log: (line: string) => console.error(`${new Date().toISOString().slice(11, 19)} ${line}`),
};

const parts: Record<string, () => Promise<unknown>> = {
  prediction: () => predictions(setting, Number(args.networks)),
  repeatability: () => repeatability(setting, Number(args.minutes)),
};
if (args.only !== undefined && !Object.hasOwn(parts, args.only))
  throw new RangeError(`--only is one of ${Object.keys(parts).join(", ")}`);

const results: Record<string, unknown> = {};
for (const [name, run] of Object.entries(parts)) {
  if (args.only !== undefined && args.only !== name) continue;
  const others = watchOthers([]);
  results[name] = { ...((await run()) as object), otherLoad: others() };
}
const { backend: _, size, space } = setting;
const machine = { cpu: cpus()[0]?.model, cores: availableParallelism(), node: process.versions.node };
const told = { backend, space: space.name, size, ...results, machine };
console.log(args.json ? JSON.stringify(told) : printed(told));
process.exit(0);
