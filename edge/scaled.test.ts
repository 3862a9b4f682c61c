import { beforeAll, describe, expect, test } from "vitest";
import { countGenotype } from "../shared/count.ts";
import { datasetFacts } from "../shared/datasets.ts";
import type { Genotype } from "../shared/genotype.ts";
import type { SpecificationInput } from "../shared/specification.ts";
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
  report,
  shortReportFor,
  tinySpecification,
  tokenWith,
  trainingReportFor,
} from "./testEdge.ts";

let admin: Caller;
let runnerId: string;

beforeAll(async () => {
  admin = callerWith(await tokenWith("admin"));
  runnerId = await registerRunner(admin);
});

const own = { channels: 8, layers: 5 };
const small: Partial<SpecificationInput> = {
  evaluation: { kind: "supernet", network: own },
  finalTraining: { preset: "demo", steps: 10, top: 0 },
};

interface FrontRow {
  hash: string;
  source: string;
  genotype: Genotype;
  values: Record<string, number>;
  evidence: string;
  testAccuracy: number | null;
}
interface ScaledRow {
  hash: string;
  text: string;
  trainingId: string;
  source: string;
  channels: number;
  layers: number;
  steps: number;
  values: Record<string, number | null>;
  standardErrors: Record<string, number>;
  nonDominated: boolean;
}

const frontOf = async (id: string) =>
  (await ok<{ data: FrontRow[] }>(admin(`/v1/searches/${id}/front`))).data;
const scaledOf = async (id: string) =>
  (await ok<{ data: ScaledRow[] }>(admin(`/v1/searches/${id}/scaled`))).data;
const csvOf = async (id: string, list: string) =>
  (await (await admin(`/v1/searches/${id}/${list}?format=csv`)).text()).trim().split("\n");

/** A search whose rounds are over, with the members of its front. */
async function searched(
  change: Partial<SpecificationInput> = {},
): Promise<{ id: string; front: FrontRow[] }> {
  const id = await createSearch(admin, { ...small, ...change });
  await finishRounds(admin, await leaseOf(admin, runnerId, id));
  return { id, front: await frontOf(id) };
}

const start = (id: string, hash: string, recipe: object) =>
  admin(`/v1/searches/${id}/trainings`, { body: { hash, recipe } });

async function trained(id: string, hash: string, recipe: object, testAccuracy: number): Promise<string> {
  const training = await ok<{ id: string }>(start(id, hash, recipe));
  const lease = await leaseOf(admin, runnerId, id);
  if (lease?.task.kind !== "finalTraining") throw new Error("no training was leased");
  await ok(report(admin, lease.task, { ...trainingReportFor(lease), testAccuracy }));
  return training.id;
}

describe("an architecture that is trained at another size", () => {
  let id: string;
  let front: FrontRow[];
  let member: FrontRow;
  let wider: string;

  beforeAll(async () => {
    ({ id, front } = await searched());
    const [first] = front;
    if (first === undefined) throw new Error("the front is empty");
    member = first;
    wider = await trained(id, member.hash, { channels: 16 }, 91);
    await trained(id, member.hash, { channels: 4, layers: 5 }, 80);
    await trained(id, member.hash, { channels: 20 }, 90);
    await trained(id, member.hash, { layers: 8 }, 85);
    await trained(id, member.hash, {}, 88);
    await trained(id, member.hash, own, 89);
    await ok(start(id, member.hash, { channels: 32 }));
  });

  test("is a point of scaling with the costs of its size; its own size and open trainings are not", async () => {
    const rows = await scaledOf(id);
    expect(rows.map(({ channels, layers, values }) => [channels, layers, values.accuracy])).toEqual([
      [8, 8, 85],
      [20, 5, 90],
      [4, 5, 80],
      [16, 5, 91],
    ]);
    const { image, classes } = datasetFacts["fashion-mnist"];
    for (const { hash, source, channels, layers, values } of rows) {
      const { parameters } = countGenotype(member.genotype, { channels, layers, image, classes });
      expect({ hash, source, values }).toEqual({
        hash: member.hash,
        source: "scaling",
        values: { accuracy: expect.any(Number), parameters },
      });
    }
    const row = rows.find(({ trainingId }) => trainingId === wider);
    expect(row).toMatchObject({ channels: 16, steps: 10, text: expect.stringContaining("Genotype") });
    expect(row?.standardErrors.accuracy).toBeCloseTo(100 * Math.sqrt((0.91 * 0.09) / 10_000), 2);
  });

  test("is compared with others of other sizes only", async () => {
    // 8 layers are beaten by the search's own 5, which reached 89 %; 20 channels by 16.
    const compared = (await scaledOf(id)).map(({ channels, nonDominated }) => [channels, nonDominated]);
    expect(Object.fromEntries(compared)).toEqual({ 4: true, 8: true, 16: true, 20: false });
  });

  test("never reaches the front, whose rows say that they are the search's", async () => {
    const now = await frontOf(id);
    expect(now.map(({ hash, values }) => ({ hash, values }))).toEqual(
      front.map(({ hash, values }) => ({ hash, values })),
    );
    expect(now.every(({ source }) => source === "search")).toBe(true);
    expect(now.find(({ hash }) => hash === member.hash)).toMatchObject({
      evidence: "full-training",
      testAccuracy: 89,
    });
  });

  test("leaves its evidence at the search's own size as it was", async () => {
    const fresh = await searched();
    const hash = fresh.front[0]?.hash ?? "";
    await trained(fresh.id, hash, { channels: 16 }, 91);
    const row = (await frontOf(fresh.id)).find((entry) => entry.hash === hash);
    expect(row).toMatchObject({ evidence: "shared-weights", testAccuracy: null });
  });

  test("is told from the front's in CSV, row by row", async () => {
    const [scaledHeader, ...scaledLines] = await csvOf(id, "scaled");
    expect(scaledHeader).toBe(
      "hash,trainingId,channels,layers,steps,accuracy,parameters,accuracyStandardError,source,nonDominated,architecture",
    );
    expect(scaledLines).toHaveLength(4);
    for (const line of scaledLines) expect(line).toMatch(/,scaling,(true|false),"Genotype\(.*\)"$/);
    const [frontHeader, ...frontLines] = await csvOf(id, "front");
    expect(frontHeader).toMatch(/,source,evidence,trainingSteps,testAccuracy,sharedWeightsAccuracy$/);
    expect(frontLines).toHaveLength(front.length);
    for (const line of frontLines) expect(line).toMatch(/,search,(shared-weights|full-training),/);
  });

  test("is shown to whom the front is", async () => {
    expect(await problemOf(anonymous(`/v1/searches/${id}/scaled`))).toBe("401 unauthorized");
    const shown = await searched({ visibility: "public" });
    expect((await anonymous(`/v1/searches/${shown.id}/scaled`)).status).toBe(200);
    expect(await problemOf(admin("/v1/searches/aaaa/scaled"))).toBe("404 not-found");
  });
});

test("a final training that the specification asks for at another size is a point of scaling", async () => {
  const finalTraining = { preset: "demo" as const, steps: 10, top: 1, channels: 12 };
  const id = await createSearch(admin, { ...small, finalTraining });
  const lease = await finishRounds(admin, await leaseOf(admin, runnerId, id));
  if (lease?.task.kind !== "finalTraining") throw new Error("no final training came");
  expect(lease.task).toMatchObject({ channels: 12, layers: 5 });
  await ok(report(admin, lease.task, trainingReportFor(lease)));
  expect(await scaledOf(id)).toMatchObject([{ hash: lease.task.hash, channels: 12, layers: 5 }]);
  expect((await frontOf(id)).every(({ testAccuracy }) => testAccuracy === null)).toBe(true);
});

test("short trainings that order the archive have the size whose costs are on the front", async () => {
  const reranking = { architectures: 2, rungs: [{ steps: 5 }], validationFraction: 0.2 };
  const finalTraining = { preset: "demo" as const, steps: 10, top: 0, channels: 12 };
  const id = await createSearch(admin, { ...small, reranking, finalTraining });
  const lease = await finishRounds(admin, await leaseOf(admin, runnerId, id));
  if (lease?.task.kind !== "finalTraining") throw new Error("no short training came");
  expect(lease.task).toMatchObject(own);
  await ok(report(admin, lease.task, shortReportFor(lease, 50)));
  expect(await scaledOf(id)).toEqual([]);
});

describe("a training at a size of which there is no network", () => {
  const pointersOf = async (answer: Promise<Response>) => {
    const response = await answer;
    expect(response.status).toBe(422);
    const { errors } = (await response.json()) as { errors: { pointer: string }[] };
    return errors.map(({ pointer }) => pointer);
  };

  test("is refused with its field", async () => {
    const { id, front } = await searched({
      dataset: { name: "cifar10" },
      space: "nas-bench-201",
      strategy: { name: "random" },
      schedule: {
        ...(tinySpecification.schedule as object),
        stages: [{ layers: 5, channels: 4, steps: 6, warmupSteps: 2, drop: {} }],
      } as SpecificationInput["schedule"],
    });
    const hash = front[0]?.hash ?? "";
    expect(await pointersOf(start(id, hash, { layers: 9 }))).toEqual(["/recipe/layers"]);
    expect(await pointersOf(start(id, hash, { channels: 0 }))).toEqual(["/recipe/channels"]);
    expect((await start(id, hash, { layers: 8 })).status).toBe(201);
  });
});
