import { beforeAll, expect, test } from "vitest";
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
  tokenWith,
} from "./testEdge.ts";

type Column = (number | null)[];
interface Points {
  round: number[];
  hash: string[];
  feasible: boolean[];
  reward: Column;
  values: Record<string, Column>;
  nextCursor: string | null;
}
interface Candidate {
  round: number;
  hash: string;
  feasible: boolean;
  reward: number | null;
  values: Record<string, number>;
}

let admin: Caller;
let id: string;
let fresh: string;

beforeAll(async () => {
  admin = callerWith(await tokenWith("admin"));
  const runnerId = await registerRunner(admin);
  id = await createSearch(admin, { visibility: "public" });
  fresh = await createSearch(admin);
  await finishRounds(admin, await leaseOf(admin, runnerId, id));
});

test("candidates in columns are those of the list, page for page", async () => {
  const { data } = await ok<{ data: Candidate[] }>(admin(`/v1/searches/${id}/candidates`));
  const whole = await ok<Points>(admin(`/v1/searches/${id}/points`));
  expect(data.length).toBeGreaterThan(4);
  expect(whole.hash).toEqual(data.map(({ hash }) => hash));
  expect(whole.reward).toEqual(data.map(({ reward }) => reward));
  expect(whole.feasible).toEqual(data.map(({ feasible }) => feasible));
  for (const objective of ["accuracy", "parameters"])
    expect(whole.values[objective]).toEqual(data.map(({ values }) => values[objective]));
  const paged: string[] = [];
  let cursor: string | null = "";
  while (cursor !== null) {
    const page: Points = await ok<Points>(
      admin(`/v1/searches/${id}/points?limit=1${cursor && `&cursor=${cursor}`}`),
    );
    expect(new Set(page.round).size).toBeLessThanOrEqual(1);
    paged.push(...page.hash);
    cursor = page.nextCursor;
  }
  expect(paged).toEqual(whole.hash);
});

test("what came after a round is all that comes after it", async () => {
  const whole = await ok<Points>(admin(`/v1/searches/${id}/points`));
  const later = await ok<Points>(admin(`/v1/searches/${id}/points?after=0`));
  const rounds = await ok<{ round: number[] }>(admin(`/v1/searches/${id}/series?after=0`));
  const first = whole.round.filter((round) => round === 0).length;
  expect(later.hash).toEqual(whole.hash.slice(first));
  expect(rounds.round[0]).toBe(1);
  const none = await ok<Points>(admin(`/v1/searches/${id}/points?after=${whole.round.at(-1)}`));
  expect(none.hash).toEqual([]);
});

test("candidates of one round are found by its number, and none of a round that is not there", async () => {
  const { data } = await ok<{ data: Candidate[] }>(admin(`/v1/searches/${id}/candidates`));
  const last = data.at(-1)?.round ?? 0;
  const found = await ok<{ data: Candidate[] }>(admin(`/v1/searches/${id}/candidates?round=${last}`));
  expect(found.data).toEqual(data.filter(({ round }) => round === last));
  expect(await ok(admin(`/v1/searches/${id}/candidates?round=99`))).toEqual({ data: [], nextCursor: null });
});

test("rounds in columns are those of the list", async () => {
  const { data } = await ok<{ data: { round: number; hypervolume: number | null; createdAt: string }[] }>(
    admin(`/v1/searches/${id}/rounds`),
  );
  const series = await ok<{ round: number[]; hypervolume: Column; createdAt: string[] }>(
    admin(`/v1/searches/${id}/series`),
  );
  expect(series.round).toEqual(data.map(({ round }) => round));
  expect(series.hypervolume).toEqual(data.map(({ hypervolume }) => hypervolume));
  expect(series.createdAt).toEqual(data.map(({ createdAt }) => createdAt));
});

test("the policy of the past adds up to one on each edge, and loses what was pruned", async () => {
  const { data } = await ok<{
    data: { round: number; cells: Record<string, { probabilities: Record<string, number> }[]> }[];
  }>(admin(`/v1/searches/${id}/policy/history`));
  expect(data.map(({ round }) => round)).toEqual([0, 1, 2, 3]);
  for (const { cells } of data)
    for (const { probabilities } of Object.values(cells).flat()) {
      const sum = Object.values(probabilities).reduce((total, one) => total + one, 0);
      expect(sum).toBeCloseTo(1, 2);
    }
  const few = await ok<{ data: { round: number }[] }>(admin(`/v1/searches/${id}/policy/history?points=2`));
  expect(few.data.map(({ round }) => round)).toEqual([0, 3]);
});

test("trends hold each asked search that measured something, the last round included", async () => {
  const { data } = await ok<{ data: { searchId: string; round: number[]; hypervolume: number[] }[] }>(
    admin(`/v1/trends?searches=${id},${fresh},nothing&points=3`),
  );
  expect(data.map(({ searchId }) => searchId)).toEqual([id]);
  const { progress } = await ok<{ progress: { hypervolume: number } }>(admin(`/v1/searches/${id}`));
  expect(data[0]?.round.at(-1)).toBe(3);
  expect(data[0]?.hypervolume.at(-1)).toBe(progress.hypervolume);
});

test("a search without a round has empty columns", async () => {
  expect(await ok<Points>(admin(`/v1/searches/${fresh}/points`))).toMatchObject({
    hash: [],
    nextCursor: null,
  });
  expect(await ok(admin(`/v1/searches/${fresh}/series`))).toMatchObject({ round: [], nextCursor: null });
  expect(await ok(admin(`/v1/searches/${fresh}/policy/history`))).toEqual({ data: [] });
});

test("histories of a public search need no token, trends do", async () => {
  for (const rest of ["points", "series", "policy/history"]) {
    expect((await anonymous(`/v1/searches/${id}/${rest}`)).status).toBe(200);
    expect(await problemOf(anonymous(`/v1/searches/${fresh}/${rest}`))).toBe("401 unauthorized");
  }
  expect(await problemOf(anonymous(`/v1/trends?searches=${id}`))).toBe("401 unauthorized");
});

test("a token is told whose it is and what it may do, never its secret", async () => {
  const token = await tokenWith("searches:read");
  const answer = await callerWith(token)("/v1/me");
  const text = await answer.text();
  expect(JSON.parse(text)).toMatchObject({ token: { name: "searches:read", scopes: ["searches:read"] } });
  expect(text).not.toContain(token);
  expect(await ok(anonymous("/v1/me"))).toEqual({ token: null });
  expect(await problemOf(callerWith("nst_mistyped")("/v1/me"))).toBe("401 unauthorized");
});
