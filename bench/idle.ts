/**
 * How much of its time a runner waits for the edge, with a network between them that takes 100 ms each way:
 * `npm run bench:idle [-- --delay-ms N]`. The real Worker, a real runner in a process of its own, Fashion-MNIST.
 * Fair paths let it train ahead while a report is under way; paths drawn from the policy have to wait for it.
 */

import { connect, createServer, type Socket } from "node:net";
import { parseArgs } from "node:util";
import { readSearch } from "../cli/api.ts";
import type { SpecificationInput } from "../shared/specification.ts";
import { isFinished, TestEdge } from "../test/wholeSearch.ts";

const MOST_IDLE = 0.05;

/** Rounds as the demo has them, without its length. */
const specification = (paths: "fair" | "policy"): SpecificationInput => ({
  name: `idle, ${paths} paths`,
  evaluation: { kind: "supernet", network: { channels: 8, layers: 5 }, untrained: { architectures: 0 } },
  schedule: {
    batchSize: 64,
    stepsPerRound: 8,
    warmupStepsPerRound: 20,
    weights: { warmupPaths: "fair", paths },
    policy: { candidates: 8, evaluationImages: 250 },
    confirmation: { images: 500, architectures: 8 },
    stages: [
      {
        layers: 5,
        channels: 8,
        steps: 200,
        warmupSteps: 40,
        drop: { normal: 4, reduction: 2 },
        skipDropout: 0.1,
      },
    ],
  },
  finalTraining: { preset: "demo", top: 0 },
});

/** Passes everything on so many milliseconds later, in both directions. */
async function delayed(edge: string, delayMs: number): Promise<{ url: string; close: () => void }> {
  const { hostname, port } = new URL(edge);
  const sockets = new Set<Socket>();
  const pass = (from: Socket, to: Socket) => {
    sockets.add(from);
    from.on("data", (bytes) => setTimeout(() => to.write(bytes), delayMs));
    from.on("close", () => setTimeout(() => to.destroy(), delayMs));
    from.on("error", () => to.destroy());
  };
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    pass(client, upstream);
    pass(upstream, client);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const close = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { url: `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`, close };
}

const { values } = parseArgs({ options: { "delay-ms": { type: "string", default: "100" } } });
const delayMs = Number(values["delay-ms"]);
const edge = await TestEdge.start();
try {
  const proxy = await delayed(edge.edge.url, delayMs);
  for (const paths of ["fair", "policy"] as const) {
    const id = await edge.create(specification(paths));
    const runner = edge.startRunner(id, { edge: proxy.url, checkpointSeconds: 10 });
    await edge.until(id, runner, isFinished);
    await runner.stop();
    const { progress } = await readSearch(edge.client, id);
    const share = progress.idleShare ?? Number.NaN;
    console.log(
      `${paths} paths, ${delayMs} ms each way: ${progress.round} rounds, idle ${(100 * share).toFixed(1)} % of the runner's time`,
    );
    if (paths === "fair" && !(share < MOST_IDLE)) process.exitCode = 1;
  }
  proxy.close();
} finally {
  await edge.stop();
}
