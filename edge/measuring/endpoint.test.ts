/** Endpoints of users that answer an architecture's values. */

import { Webhook } from "standardwebhooks";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Objective, SpecificationInput } from "../../shared/specification.ts";
import {
  anonymous,
  type Caller,
  callerWith,
  createSearch,
  env,
  finishRounds,
  leaseOf,
  leaseRound,
  ok,
  problemOf,
  registerRunner,
  report,
  reportFor,
  tokenWith,
} from "../testEdge.ts";
import { realPlatform } from "../webhooks/deliver.ts";
import { sweep } from "../webhooks/sweep.ts";

const url = "https://93.184.215.14/cost";
let admin: Caller;
let runner: Caller;
let runnerId: string;
let names = 0;
const freshName = (): string => `simulator-${++names}`;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  admin = callerWith(await tokenWith("admin"));
  runner = callerWith(await tokenWith("runner"));
  runnerId = await registerRunner(runner);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const add = (name: string, change: object = {}): Promise<Response> =>
  admin("/v1/endpoints", { body: { name, url, objectives: [{ name: "cost", unit: "cents" }], ...change } });

type Answer = (request: Request) => Response | Promise<Response>;

interface Asked {
  headers: Record<string, string>;
  body: string;
}

/** A search to the end of its rounds, with an endpoint that answers so; what it was asked. */
async function searchWith(
  name: string,
  answer: Answer,
  change: Partial<SpecificationInput> = {},
): Promise<{ id: string; requests: Asked[] }> {
  const requests: Asked[] = [];
  vi.stubGlobal("fetch", async (input: RequestInfo, init?: RequestInit) => {
    const request = new Request(input, init);
    requests.push({ headers: Object.fromEntries(request.headers), body: await request.clone().text() });
    return answer(request);
  });
  const id = await createSearch(admin, { objectives: objectivesWith(name), ...change });
  await finishRounds(runner, await leaseOf(runner, runnerId, id));
  for (let count = 0; count < 3; count++) await sweep(env, realPlatform());
  return { id, requests };
}

const objectivesWith = (device: string): Objective[] => [
  { name: "accuracy", goal: "maximize" },
  { name: "cost", device, goal: "minimize" },
];

const frontOf = async (id: string) =>
  (await ok<{ data: { values: Record<string, number | null> }[] }>(admin(`/v1/searches/${id}/front`))).data;
const failuresOf = async (id: string): Promise<string[]> =>
  (
    await ok<{ data: { type: string; data: { reason?: string } }[] }>(admin(`/v1/searches/${id}/events`))
  ).data.flatMap(({ type, data }) => (type.startsWith("measurement") ? [String(data.reason)] : []));

describe("an endpoint", () => {
  test("is asked, signed, for each architecture with its genotype, and its answers reach the front", async () => {
    const name = freshName();
    const { secret } = await ok<{ secret: string }>(add(name));
    let cost = 10;
    const { id, requests } = await searchWith(name, () => Response.json({ value: cost++ }));
    expect(requests.length).toBeGreaterThan(0);
    for (const request of requests) {
      const { body, headers } = request;
      const told = new Webhook(secret).verify(body, headers) as {
        architecture: { hash: string; text: string; genotype: object };
        objectives: string[];
      };
      expect(told.objectives).toEqual(["cost"]);
      expect(told.architecture.text).toContain("Genotype");
    }
    for (const { values } of await frontOf(id)) expect(values[`cost.${name}`]).toBeGreaterThanOrEqual(10);
    expect((await leaseOf(runner, runnerId, id))?.task.kind).toBe("finalTraining");
  });

  interface Told {
    architecture: {
      graph: { image: number[]; parts: { path: string; output: number[] }[] };
      hash: string;
      classes: number;
    };
    model: { onnx: string; tfjs: string; validUntil: string };
  }
  const firstAsked = async (change: Partial<SpecificationInput> = {}): Promise<Told> => {
    const name = freshName();
    await ok(add(name));
    const { requests } = await searchWith(name, () => Response.json({ value: 1 }), change);
    return JSON.parse(requests[0]?.body ?? "");
  };
  const opened = (url: string): Promise<Response> => anonymous(new URL(url).pathname);

  test("is told the graph, and links to the network as files that open without a token", async () => {
    const { architecture, model } = await firstAsked();
    expect(architecture.graph.image).toEqual([28, 28, 1]);
    expect(architecture.graph.parts.at(-1)).toMatchObject({
      path: "head",
      output: [1, 1, architecture.classes],
    });
    const onnx = await opened(model.onnx);
    expect(onnx.status).toBe(200);
    expect(new TextDecoder("latin1").decode(await onnx.arrayBuffer())).toContain("nasturtium");
    const graphModel = await ok<{ format: string }>(opened(model.tfjs));
    expect(graphModel.format).toBe("graph-model");
    const weights = await opened(new URL("weights.bin", model.tfjs).href);
    expect((await weights.arrayBuffer()).byteLength).toBeGreaterThan(1000);
  });

  test("'s links open nothing else: changed, of another network or over they are as if there were nothing", async () => {
    const { architecture, model } = await firstAsked();
    const link = new URL(model.onnx).pathname;
    const others = [
      link.replace(architecture.hash, "another"),
      link.replace(/(\.\d+)\./, "$19."),
      link.replace(/.\/model/, "/model"),
      link.replace(/[^.]+\/model/, "/model"),
    ];
    for (const other of others) expect(await problemOf(anonymous(other))).toBe("404 not-found");
    vi.setSystemTime(Date.parse(model.validUntil) - 1000);
    expect((await anonymous(link)).status).toBe(200);
    vi.setSystemTime(Date.parse(model.validUntil));
    expect(await problemOf(anonymous(link))).toBe("404 not-found");
  });

  test("'s links write no network that the Worker cannot hold, and none in masses", async () => {
    const { model } = await firstAsked({ evaluation: { kind: "supernet", network: { channels: 120 } } });
    expect(await problemOf(opened(model.onnx))).toBe("413 network-too-large");
    const small = await firstAsked({ evaluation: { kind: "supernet", network: { channels: 4, layers: 3 } } });
    for (let count = 0; count < 12; count++) expect((await opened(small.model.onnx)).status).toBe(200);
    expect(await problemOf(opened(small.model.onnx))).toBe("429 rate-limited");
  });

  const bad: Record<string, Answer> = {
    "that redirects": () => Response.redirect("https://10.0.0.1/"),
    "that answers 500": () => new Response("broken", { status: 500 }),
    "that answers 5 MB": () => new Response("1".repeat(5_000_000)),
    "that answers no number": () => Response.json({ value: "much" }),
    "that answers no JSON": () => new Response("<html>"),
    "that cannot be reached": () => {
      throw new TypeError("connection refused");
    },
  };
  for (const [what, answer] of Object.entries(bad))
    test(`${what} leaves the architectures unmeasured, and the search ends with a model`, async () => {
      const name = freshName();
      await ok(add(name));
      const { id } = await searchWith(name, answer);
      const training = await leaseOf(runner, runnerId, id);
      expect(training?.task.kind).toBe("finalTraining");
      for (const { values } of await frontOf(id)) expect(values[`cost.${name}`]).toBeNull();
    });

  test("that says why it has no answer is told of", async () => {
    const name = freshName();
    await ok(add(name));
    const { id } = await searchWith(name, () => Response.json({ failure: "the board is off" }));
    expect((await failuresOf(id)).join()).toContain("the board is off");
  });

  test("that answers more than it is asked for is believed in what it is asked for", async () => {
    const name = freshName();
    const both = ["delay", "cost"].map((one) => ({ name: one, unit: "1" }));
    await ok(add(name, { objectives: both }));
    const { id } = await searchWith(name, () => Response.json({ values: { cost: 12, delay: 3 } }));
    expect(await failuresOf(id)).toEqual([]);
    for (const { values } of await frontOf(id)) expect(values[`cost.${name}`]).toBe(12);
  });

  test("that takes long for each architecture keeps its lease meanwhile", async () => {
    const name = freshName();
    await ok(add(name));
    vi.stubGlobal("fetch", async () => {
      vi.setSystemTime(Date.now() + 50_000);
      return Response.json({ value: 12 });
    });
    const id = await createSearch(admin, { objectives: objectivesWith(name) });
    const warmup = await leaseRound(runner, runnerId, id);
    await ok(report(runner, warmup.task, reportFor(warmup)));
    const round = await leaseRound(runner, runnerId, id);
    await ok(report(runner, round.task, reportFor(round)));
    await vi.waitFor(async () =>
      expect(await ok(admin(`/v1/devices/${name}`))).toMatchObject({ waiting: 0 }),
    );
    expect(await failuresOf(id)).toEqual([]);
    const front = await frontOf(id);
    expect(front.length).toBeGreaterThan(0);
    for (const { values } of front) expect(values[`cost.${name}`]).toBe(12);
  });

  test("is asked once for what several ask it for at once", async () => {
    const name = freshName();
    await ok(add(name));
    const { requests } = await searchWith(name, () => Response.json({ failure: "no" }));
    const ids = requests.map(({ headers }) => headers["webhook-id"]);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("that fails for eight architectures in turn is quarantined, however few were asked at once", async () => {
    const name = freshName();
    await ok(add(name));
    const schedule = {
      batchSize: 64,
      stepsPerRound: 2,
      policy: { candidates: 3 },
      stages: [{ layers: 3, channels: 4, steps: 20, drop: { normal: 1, reduction: 1 } }],
    };
    const { id } = await searchWith(name, () => new Response("broken", { status: 500 }), { schedule });
    await vi.waitFor(async () =>
      expect(await ok(admin(`/v1/devices/${name}`))).toMatchObject({
        state: "quarantined",
        problem: expect.stringContaining("500"),
      }),
    );
    const { data } = await ok<{ data: { type: string }[] }>(admin(`/v1/searches/${id}/events`));
    expect(data.map(({ type }) => type)).toContain("device.quarantined");
  });

  test("at an address that is not public is refused when it is added", async () => {
    for (const target of ["https://10.1.2.3/", "http://93.184.215.14/", "https://localhost/", "ftp://x"])
      expect(await problemOf(add(freshName(), { url: target }))).toBe("422 validation");
  });

  test("has a name of its own", async () => {
    const name = freshName();
    await ok(add(name));
    expect(await problemOf(add(name))).toBe("422 validation");
  });
});
