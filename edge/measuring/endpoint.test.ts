/** Endpoints of users that answer an architecture's values. */

import { Webhook } from "standardwebhooks";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  type Caller,
  callerWith,
  createSearch,
  env,
  finishRounds,
  leaseOf,
  ok,
  problemOf,
  registerRunner,
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
async function searchWith(name: string, answer: Answer): Promise<{ id: string; requests: Asked[] }> {
  const requests: Asked[] = [];
  vi.stubGlobal("fetch", async (input: RequestInfo, init?: RequestInit) => {
    const request = new Request(input, init);
    requests.push({ headers: Object.fromEntries(request.headers), body: await request.clone().text() });
    return answer(request);
  });
  const objectives = [
    { name: "accuracy" as const, goal: "maximize" as const },
    { name: "cost", device: name, goal: "minimize" as const },
  ];
  const id = await createSearch(admin, { objectives });
  await finishRounds(runner, await leaseOf(runner, runnerId, id));
  for (let count = 0; count < 3; count++) await sweep(env, realPlatform());
  return { id, requests };
}

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
