import { beforeAll, describe, expect, test } from "vitest";
import {
  anonymous,
  type Caller,
  callerWith,
  createSearch,
  finishSearch,
  ok,
  problemOf,
  registerRunner,
  tokenWith,
} from "./testEdge.ts";

let admin: Caller;
let runnerId: string;

beforeAll(async () => {
  admin = callerWith(await tokenWith("admin"));
  runnerId = await registerRunner(admin);
});

interface Row {
  searchId: string;
  hash: string;
  dataset: string;
  compared: string;
  values: { accuracy: number; parameters: number };
}
const reranking = { architectures: 2, rungs: [{ steps: 5 }] };

/** A finished search, its short trainings with these accuracies in the order in which they come. */
async function searched(
  change: Parameters<typeof createSearch>[1],
  accuracies: number[] = [],
): Promise<string> {
  const id = await createSearch(admin, { dataset: { name: "cifar100" }, ...change });
  await finishSearch(admin, runnerId, id, accuracies);
  return id;
}

const across = async (query: string, call = admin): Promise<Row[]> =>
  (await ok<{ data: Row[] }>(call(`/v1/fronts?dataset=cifar100${query}`))).data;

describe("the front of a data set", () => {
  test("gives the best of all searches that trained alike, and answers the question for one", async () => {
    expect(await across("&max_parameters=1")).toEqual([]);
    const good = await searched({ reranking, seed: 1 }, [90, 91]);
    const bad = await searched({ reranking, seed: 2 }, [20, 21]);
    const other = await searched({ reranking: { ...reranking, rungs: [{ steps: 9 }] }, seed: 3 }, [10, 11]);
    const untrained = await searched({ seed: 4 });
    const rows = await across("");
    const of = (id: string) => rows.filter(({ searchId }) => searchId === id);
    const smallest = Math.min(...of(good).map(({ values }) => values.parameters));
    for (const { values } of of(bad)) expect(values.parameters).toBeLessThan(smallest);
    // Trained otherwise, or not at all: not beaten by what it cannot be compared with.
    expect(of(other).length).toBeGreaterThan(0);
    expect(of(untrained).every(({ compared }) => compared === "own search")).toBe(true);
    const [first, second] = await across("&sort=-accuracy&limit=1");
    expect(first).toMatchObject({ searchId: good, dataset: "cifar100", values: { accuracy: 91 } });
    expect(second).toBeUndefined();
    const bound = smallest - 1;
    for (const { values } of await across(`&max_parameters=${bound}`))
      expect(values.parameters).toBeLessThanOrEqual(bound);
  });

  test("shows without a token what is public, and says of a question that cannot be answered what is known", async () => {
    expect(await across("", anonymous)).toEqual([]);
    const shown = await searched({ reranking, visibility: "public" }, [60, 61]);
    const rows = await across("", anonymous);
    expect(new Set(rows.map(({ searchId }) => searchId))).toEqual(new Set([shown]));
    expect(await problemOf(anonymous("/v1/fronts"))).toBe("422 validation");
    expect(await problemOf(anonymous("/v1/fronts?dataset=cifar100&max_watts=3"))).toBe("422 validation");
    expect(await problemOf(anonymous("/v1/fronts?dataset=cifar100&sort=watts"))).toBe("422 validation");
  });
});
