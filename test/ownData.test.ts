/**
 * A folder of images on one machine becomes a trained model on another that has never seen them: the command line as
 * a user types it, the real Worker in workerd with D1 and R2, a real runner with an empty cache.
 */

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { newToken } from "../cli/commands/dev.ts";
import { type LocalEdge, startLocalEdge } from "../cli/localEdge.ts";
import { runCli } from "../cli/run.testing.ts";
import { writeClasses } from "../gpu-runner/data/ownData.testing.ts";

const LIMIT_MS = 180_000;

const specification = `
name: animals
dataset: { name: animals }
evaluation: { kind: supernet, network: { channels: 4, layers: 3 } }
schedule:
  batchSize: 16
  stepsPerRound: 2
  warmupStepsPerRound: 4
  policy: { candidates: 2, evaluationImages: 24 }
  confirmation: { images: 24, architectures: 2 }
  stages:
    - { layers: 3, channels: 2, steps: 8, warmupSteps: 4, drop: { normal: 5, reduction: 3 } }
finalTraining: { preset: demo, steps: 40, batchSize: 16 }
`;

let root: string;
let edge: LocalEdge;

beforeAll(async () => {
  root = mkdtempSync(path.join(tmpdir(), "nasturtium-own-"));
  await writeClasses(path.join(root, "animals"), { cat: 20, dog: 20, owl: 20 }, { height: 12, width: 20 });
  writeFileSync(path.join(root, "animals.yaml"), specification);
  const signal = new AbortController().signal;
  edge = await startLocalEdge({ stateDir: path.join(root, "state"), token: newToken(), port: 0, signal });
});

afterAll(async () => {
  await edge?.stop();
  rmSync(root, { recursive: true, force: true });
});

/** The result of a command that works, and what it said on the way. */
async function run(args: string[], env: Record<string, string> = {}) {
  const { code, stdout, stderr } = await runCli([...args, "--json"], {
    cwd: root,
    env: { NASTURTIUM_EDGE: edge.url, NASTURTIUM_TOKEN: edge.token, TF_CPP_MIN_LOG_LEVEL: "2", ...env },
  });
  expect([code, code === 0 ? "" : stderr]).toEqual([0, ""]);
  return { result: JSON.parse(stdout), said: stderr };
}

/** Lets a runner with this cache do all there is to do for a search. */
const work = async (searchId: string, cache: string, token: string): Promise<string> =>
  (
    await run(["runner", "--until-idle", "--search", searchId], {
      NASTURTIUM_CACHE: cache,
      NASTURTIUM_TOKEN: token,
    })
  ).said;

test(
  "a pushed folder of images is searched and trained on by a runner that never saw it, which fetches it once",
  async () => {
    const { result: pushed } = await run(["data", "push", "animals", "--name", "animals"]);
    const { result: runnerToken } = await run(["tokens", "create", "--scope", "runner", "--name", "rented"]);
    const cache = path.join(root, "cache");

    const { id } = (await run(["search", "animals.yaml", "--detach"])).result;
    expect(await work(id, cache, runnerToken.token)).toContain("Fetching the data set animals");
    const { result: ended } = await run(["searches", "show", id]);
    expect(ended).toMatchObject({ state: "completed", failure: null });
    const { result: front } = await run(["front", id]);
    expect(front.data.length).toBeGreaterThan(0);

    const response = await fetch(`${edge.url}/v1/searches/${id}/trainings`, {
      headers: { authorization: `Bearer ${edge.token}` },
    });
    const { data } = (await response.json()) as { data: { id: string; report: { testAccuracy: number } }[] };
    const training = data[0] as (typeof data)[number];
    // The classes differ in brightness alone; a third would be chance.
    expect(training.report.testAccuracy).toBeGreaterThan(50);
    await run(["export", training.id, "--format", "json", "--out", "model"]);
    const [file] = readdirSync(path.join(root, "model"));
    const model = readFileSync(path.join(root, "model", file ?? ""), "utf8");
    for (const name of ["cat", "dog", "owl"]) expect(model).toContain(`"${name}"`);

    const { digest, shards } = pushed.dataset as { digest: string; shards: { sha256: string }[] };
    expect(readdirSync(path.join(cache, "data", "datasets", digest))).toEqual(
      shards.map(({ sha256 }) => sha256),
    );
    await run(["train", id, front.data[0].hash, "--steps", "2", "--detach"]);
    expect(await work(id, cache, runnerToken.token)).toMatch(/^(?!.*Fetching).*test accuracy/s);
  },
  LIMIT_MS,
);
