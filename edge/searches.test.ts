import { beforeAll, describe, expect, test } from "vitest";
import {
  anonymous,
  type Caller,
  callerWith,
  createSearch,
  finishRounds,
  leaseOf,
  ok,
  problemOf,
  registerRunner,
  tinySpecification,
  tokenWith,
} from "./testEdge.ts";

let admin: Caller;

beforeAll(async () => {
  admin = callerWith(await tokenWith("admin"));
});

const errorsOf = async (answer: Promise<Response>): Promise<Record<string, string>> => {
  const { errors } = (await (await answer).json()) as { errors: { pointer: string; detail: string }[] };
  return Object.fromEntries(errors.map(({ pointer, detail }) => [pointer, detail]));
};

describe("creating a search", () => {
  test("answers 201 with its address", async () => {
    const response = await admin("/v1/searches", { body: tinySpecification });
    expect(response.status).toBe(201);
    const search = (await response.json()) as { id: string };
    expect(response.headers.get("location")).toBe(`/v1/searches/${search.id}`);
    expect(search).toMatchObject({ name: "tiny", state: "queued", progress: { round: 0, rounds: 4 } });
  });

  test("points at every field that is wrong", async () => {
    const wrong = { ...tinySpecification, colour: "red", seed: -1, strategy: { name: "default", speed: 2 } };
    const errors = await errorsOf(admin("/v1/searches", { body: wrong }));
    expect(Object.keys(errors).sort()).toEqual(["/colour", "/seed", "/strategy/speed"]);
    expect(errors["/colour"]).toContain("colour");
  });

  test("refuses what cannot be done before anything is spent", async () => {
    const objectives = [
      { name: "accuracy", goal: "maximize" },
      { name: "parameters", goal: "minimize", limit: 1 },
    ];
    const errors = await errorsOf(admin("/v1/searches", { body: { ...tinySpecification, objectives } }));
    expect(Object.keys(errors)).toEqual(["/objectives/1/limit"]);
    expect(await problemOf(admin("/v1/profiles", { body: { name: "x", space: "nowhere" } }))).toBe(
      "422 validation",
    );
  });

  test("is profiled with the cost of confirming and ordering what it finds", async () => {
    const reranking = { architectures: 4, rungs: [{ steps: 5 }, { steps: 9 }] };
    const confirmation = { images: 500, architectures: 2, tuningSteps: 30 };
    const schedule = { ...(tinySpecification.schedule as object), confirmation };
    const body = { ...tinySpecification, reranking, schedule };
    expect(await ok(admin("/v1/profiles", { body }))).toMatchObject({
      steps: 6,
      rounds: 4,
      evaluations: 4,
      tuningSteps: 60,
      reranking: { trainings: 6, steps: 4 * 5 + 2 * 9 },
    });
  });

  test("refuses a body that is not JSON, or too large", async () => {
    const headers = { "content-type": "application/json" };
    expect(
      await problemOf(admin("/v1/searches", { method: "POST", body: new Uint8Array([123]), headers })),
    ).toBe("400 malformed-json");
    const large = { ...tinySpecification, name: "x".repeat(300_000) };
    expect(await problemOf(admin("/v1/searches", { body: large }))).toBe("413 too-large");
  });

  test("with the same Idempotency-Key happens once", async () => {
    const headers = { "idempotency-key": '"one"' };
    const first = await admin("/v1/searches", { body: tinySpecification, headers });
    const second = await admin("/v1/searches", {
      body: tinySpecification,
      headers: { "idempotency-key": "one" },
    });
    expect(second.status).toBe(201);
    expect(second.headers.get("location")).toBe(first.headers.get("location"));
    expect(await second.json()).toEqual(await first.json());
    const other = { ...tinySpecification, name: "other" };
    expect(await problemOf(admin("/v1/searches", { body: other, headers }))).toBe(
      "422 idempotency-key-reused",
    );
    const elsewhere = callerWith(await tokenWith("admin"));
    const third = await elsewhere("/v1/searches", { body: tinySpecification, headers });
    expect(third.headers.get("location")).not.toBe(first.headers.get("location"));
  });

  test("at the same time with one Idempotency-Key makes one search", async () => {
    const headers = { "idempotency-key": "both" };
    const body = { ...tinySpecification, name: "both" };
    const answers = await Promise.all([0, 1, 2].map(() => admin("/v1/searches", { body, headers })));
    const made = new Set(answers.flatMap((answer) => answer.headers.get("location") ?? []));
    expect(made.size).toBe(1);
    for (const { status } of answers) expect([201, 409]).toContain(status);
  });

  test("that was refused can be repeated with the same key", async () => {
    const headers = { "idempotency-key": "refused" };
    expect((await admin("/v1/searches", { body: {}, headers })).status).toBe(422);
    expect((await admin("/v1/searches", { body: {}, headers })).status).toBe(422);
    expect((await admin("/v1/searches", { body: tinySpecification, headers })).status).toBe(201);
  });
});

describe("reading and changing a search", () => {
  test("an unchanged search is not sent again", async () => {
    const id = await createSearch(admin);
    const etag = (await admin(`/v1/searches/${id}`)).headers.get("etag") ?? "";
    expect((await admin(`/v1/searches/${id}`, { headers: { "if-none-match": etag } })).status).toBe(304);
    await ok(admin(`/v1/searches/${id}/pause`, { method: "POST" }));
    expect((await admin(`/v1/searches/${id}`, { headers: { "if-none-match": etag } })).status).toBe(200);
  });

  test("what a change leaves out stays as it is, the budget included", async () => {
    const id = await createSearch(admin, { budget: { gpuHours: 2 } });
    const changed = await ok<{ visibility: string; specification: { budget: object } }>(
      admin(`/v1/searches/${id}`, {
        method: "PATCH",
        body: { visibility: "public" },
        headers: { "if-match": "*" },
      }),
    );
    expect(changed.visibility).toBe("public");
    expect(changed.specification.budget).toEqual({ gpuHours: 2 });
  });

  test("a change needs the version it is based on", async () => {
    const id = await createSearch(admin);
    const etag = (await admin(`/v1/searches/${id}`)).headers.get("etag") ?? "";
    const change = (body: unknown, headers: Record<string, string>) =>
      admin(`/v1/searches/${id}`, { method: "PATCH", body, headers });
    expect(await problemOf(change({ name: "a" }, {}))).toBe("428 precondition-required");
    const changed = await ok(
      change({ name: "a", visibility: "public", budget: { evaluations: 9 } }, { "if-match": etag }),
    );
    expect(changed).toMatchObject({
      name: "a",
      visibility: "public",
      specification: { budget: { evaluations: 9 } },
    });
    expect(await problemOf(change({ name: "b" }, { "if-match": etag }))).toBe("412 precondition-failed");
    expect(Object.keys(await errorsOf(change({ seed: 2 }, { "if-match": "*" })))).toEqual(["/seed"]);
    expect((await anonymous(`/v1/searches/${id}`)).status).toBe(200);
  });

  test("pages of a list hold every search once, also when one is added meanwhile", async () => {
    const ids = [];
    for (let index = 0; index < 5; index++) ids.push(await createSearch(admin));
    const seen: string[] = [];
    let cursor: string | null = "";
    while (cursor !== null) {
      const page: { data: { id: string }[]; nextCursor: string | null } = await ok(
        admin(`/v1/searches?limit=2&state=queued${cursor && `&cursor=${cursor}`}`),
      );
      seen.push(...page.data.map(({ id }) => id));
      cursor = page.nextCursor;
      await createSearch(admin);
    }
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen).toEqual(expect.arrayContaining(ids));
    expect(await problemOf(admin("/v1/searches?cursor=nonsense"))).toBe("422 validation");
  });

  test("a deleted search is gone with everything of it", async () => {
    const id = await createSearch(admin);
    expect((await admin(`/v1/searches/${id}`, { method: "DELETE" })).status).toBe(204);
    expect(await problemOf(admin(`/v1/searches/${id}`))).toBe("404 not-found");
    expect(await problemOf(admin(`/v1/searches/${id}/events`))).toBe("404 not-found");
  });
});

test("the stream of a search that is over ends once all was sent, and says when to come back", async () => {
  const id = await createSearch(admin);
  await ok(admin(`/v1/searches/${id}/cancel`, { method: "POST" }));
  const stream = await admin(`/v1/searches/${id}/events`, { headers: { accept: "text/event-stream" } });
  const text = await stream.text();
  expect([...text.matchAll(/^event: (.*)$/gm)].map(([, type]) => type)).toEqual([
    "search.created",
    "search.cancelled",
  ]);
  expect(text).toMatch(/^retry: 30000$/m);
});

describe("what a search found", () => {
  let id: string;
  let trainingId: string;

  beforeAll(async () => {
    id = await createSearch(admin);
    const last = await finishRounds(admin, await leaseOf(admin, await registerRunner(admin), id));
    if (last?.task.kind !== "finalTraining") throw new Error("no final training came");
    trainingId = last.task.trainingId;
  });

  interface Front {
    data: { hash: string; values: { accuracy: number; parameters: number } }[];
  }

  test("the front answers bounds, order and CSV", async () => {
    const all = await ok<Front>(admin(`/v1/searches/${id}/front`));
    expect(all.data.length).toBeGreaterThan(0);
    const smallest = Math.min(...all.data.map(({ values }) => values.parameters));
    const bounded = await ok<Front>(admin(`/v1/searches/${id}/front?max_parameters=${smallest}`));
    expect(bounded.data.map(({ values }) => values.parameters)).toEqual([smallest]);
    expect((await ok<Front>(admin(`/v1/searches/${id}/front?min_accuracy=100.5`))).data).toEqual([]);
    const sorted = await ok<Front>(admin(`/v1/searches/${id}/front?sort=parameters&limit=1`));
    expect(sorted.data[0]?.values.parameters).toBe(smallest);
    const csv = await (await admin(`/v1/searches/${id}/front?format=csv`)).text();
    expect(csv.split("\n")[0]).toBe(
      "hash,stage,round,images,accuracy,parameters,accuracyStandardError,source,evidence,trainingSteps,testAccuracy,sharedWeightsAccuracy",
    );
    expect(csv.trim().split("\n")).toHaveLength(all.data.length + 1);
    expect(await problemOf(admin(`/v1/searches/${id}/front?max_speed=1`))).toBe("422 validation");
  });

  test("an architecture has its genotype, counts, measurements and trainings", async () => {
    const { hash } = await ok<{ hash: string }>(admin(`/v1/trainings/${trainingId}`));
    const architecture = await ok<{ counts: { parameters: number }; measurements: unknown[]; text: string }>(
      admin(`/v1/searches/${id}/architectures/${hash}`),
    );
    expect(architecture).toMatchObject({ hash, trainings: [{ id: trainingId }] });
    expect(architecture.text).toContain("Genotype");
    const { data } = await ok<Front>(admin(`/v1/searches/${id}/front`));
    const row = data.find((entry) => entry.hash === hash);
    expect(row?.values.parameters).toBe(architecture.counts.parameters);
    expect(await problemOf(admin(`/v1/searches/${id}/architectures/aaaa`))).toBe("404 not-found");
  });

  test("a front is answered once, and then only when it has changed", async () => {
    const path = `/v1/searches/${id}/front`;
    const first = await admin(path);
    const tag = first.headers.get("etag") ?? "";
    expect(tag).not.toBe("");
    const again = await admin(path, { headers: { "if-none-match": tag } });
    expect([again.status, await again.text()]).toEqual([304, ""]);
    const other = await admin(`${path}?format=csv`, { headers: { "if-none-match": tag } });
    expect(other.status).toBe(200);
  });

  test("only a public search that is over may be kept by caches, and not for long", async () => {
    const caching = async (search: string, call = anonymous) =>
      (await call(`/v1/searches/${search}/front`)).headers.get("cache-control");
    const shown = await createSearch(admin, { visibility: "public" });
    expect(await caching(shown)).toBe("no-cache");
    await ok(admin(`/v1/searches/${shown}/cancel`, { method: "POST" }));
    expect(await caching(shown)).toBe("public, max-age=60");
    expect(await caching(id, admin)).toBe("private, no-cache");
  });

  test("an architecture says how to find it again: the same specification leads to the same front", async () => {
    const { data } = await ok<Front>(admin(`/v1/searches/${id}/front`));
    const { reproduce } = await ok<{ reproduce: { specification: Record<string, unknown> } }>(
      admin(`/v1/searches/${id}/architectures/${data[0]?.hash}`),
    );
    const again = await ok<{ id: string }>(admin("/v1/searches", { body: reproduce.specification }));
    await finishRounds(admin, await leaseOf(admin, await registerRunner(admin), again.id));
    const front = await ok<Front>(admin(`/v1/searches/${again.id}/front`));
    expect(front.data.map(({ hash, values }) => [hash, values])).toEqual(
      data.map(({ hash, values }) => [hash, values]),
    );
  });

  test("candidates come round by round, each once", async () => {
    const first = await ok<{ data: { round: number }[]; nextCursor: string }>(
      admin(`/v1/searches/${id}/candidates?limit=2`),
    );
    const rest = await ok<{ data: { round: number }[]; nextCursor: null }>(
      admin(`/v1/searches/${id}/candidates?limit=10&cursor=${first.nextCursor}`),
    );
    const rounds = [...first.data, ...rest.data].map(({ round }) => round);
    expect(rounds).toEqual([1, 1, 2, 2, ...rounds.slice(4).map(() => 3)]);
  });

  test("another training can be started, with what differs from the specification", async () => {
    const { hash } = await ok<{ hash: string }>(admin(`/v1/trainings/${trainingId}`));
    const response = await admin(`/v1/searches/${id}/trainings`, { body: { hash, recipe: { steps: 3 } } });
    expect(response.status).toBe(201);
    expect(await response.json()).toMatchObject({ state: "queued", recipe: { preset: "demo", steps: 3 } });
    expect((await ok<{ data: unknown[] }>(admin(`/v1/searches/${id}/trainings`))).data).toHaveLength(2);
    expect(await problemOf(admin(`/v1/searches/${id}/trainings`, { body: { hash: "aaaa" } }))).toBe(
      "422 validation",
    );
  });

  test("an event stream begins after Last-Event-ID", async () => {
    const { data } = await ok<{ data: { sequence: number }[] }>(admin(`/v1/searches/${id}/events`));
    expect(data.map(({ sequence }) => sequence)).toEqual(data.map((_, index) => index + 1));
    const resumed = await streamed(id, { "last-event-id": "2" });
    expect(resumed.startsWith("retry: ")).toBe(true);
    expect([...resumed.matchAll(/^id: (\d+)$/gm)].map((match) => Number(match[1]))).toEqual(
      data.map(({ sequence }) => sequence).filter((sequence) => sequence > 2),
    );
    expect([...(await streamed(id, {})).matchAll(/^id: (\d+)$/gm)]).toHaveLength(data.length);
  });

  /** What a stream holds when it is opened. */
  async function streamed(searchId: string, headers: Record<string, string>): Promise<string> {
    const response = await admin(`/v1/searches/${searchId}/events`, {
      headers: { accept: "text/event-stream", ...headers },
    });
    expect(response.headers.get("content-type")).toContain("text/event-stream");
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes("data: ")) text += (await reader?.read())?.value ?? "";
    await reader?.cancel();
    return text;
  }
});
