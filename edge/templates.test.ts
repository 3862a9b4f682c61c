import { beforeAll, describe, expect, test } from "vitest";
import { type Caller, callerWith, ok, problemOf, tinySpecification, tokenWith } from "./testEdge.ts";

let admin: Caller;
let names = 0;

beforeAll(async () => {
  admin = callerWith(await tokenWith("admin"));
});

const nextName = (): string => `t${++names}`;
const specification = { ...tinySpecification, name: "nightly {{ ref }}", seed: "{{ runNumber }}" };

interface Template {
  name: string;
  description: string;
  placeholders: string[];
  specification?: Record<string, unknown>;
  campaign?: Record<string, unknown>;
}

const create = (change: Record<string, unknown> = { specification }): Promise<Template> =>
  ok(admin("/v1/templates", { body: { name: nextName(), ...change } }));

const errorsOf = async (answer: Promise<Response>): Promise<Record<string, string>> => {
  const { errors } = (await (await answer).json()) as { errors: { pointer: string; detail: string }[] };
  return Object.fromEntries(errors.map(({ pointer, detail }) => [pointer, detail]));
};
const refusal = (change: Record<string, unknown>) =>
  errorsOf(admin("/v1/templates", { body: { name: nextName(), ...change } }));

describe("a template", () => {
  test("is created under its name, read, listed by name and deleted", async () => {
    const name = nextName();
    const response = await admin("/v1/templates", { body: { name, description: "d", specification } });
    expect(response.status).toBe(201);
    expect(response.headers.get("location")).toBe(`/v1/templates/${name}`);
    const created = (await response.json()) as Template;
    expect(created).toMatchObject({ name, description: "d", specification });
    expect(created.placeholders.sort()).toEqual(["ref", "runNumber"]);
    expect(await ok(admin(`/v1/templates/${name}`))).toMatchObject({ name, specification });
    expect(await problemOf(admin("/v1/templates", { body: { name, specification } }))).toBe(
      "409 template-exists",
    );
    const second = await create();
    const pages: string[] = [];
    let cursor = "";
    do {
      const page = await ok<{ data: Template[]; nextCursor: string | null }>(
        admin(`/v1/templates?limit=1${cursor}`),
      );
      pages.push(...page.data.map((one) => one.name));
      cursor = page.nextCursor === null ? "" : `&cursor=${page.nextCursor}`;
    } while (cursor !== "");
    expect(pages).toEqual(expect.arrayContaining([name, second.name]));
    expect(pages).toEqual([...pages].sort());
    expect((await admin(`/v1/templates/${name}`, { method: "DELETE" })).status).toBe(204);
    expect(await problemOf(admin(`/v1/templates/${name}`))).toBe("404 not-found");
  });

  test("is changed under the version it was read with only", async () => {
    const { name } = await create();
    const path = `/v1/templates/${name}`;
    const etag = (await admin(path)).headers.get("etag") ?? "";
    const change = (body: unknown, headers = {}) => admin(path, { method: "PATCH", body, headers });
    expect(await problemOf(change({ description: "x" }))).toBe("428 precondition-required");
    const changed = await change({ description: "x" }, { "if-match": etag });
    expect(await changed.json()).toMatchObject({ description: "x", specification });
    expect(await problemOf(change({ description: "y" }, { "if-match": etag }))).toBe(
      "412 precondition-failed",
    );
    expect((await admin(path, { headers: { "if-none-match": etag } })).status).toBe(200);
    const now = changed.headers.get("etag") ?? "";
    expect((await admin(path, { headers: { "if-none-match": now } })).status).toBe(304);
    const campaign = { name: "c", search: {}, grid: { seeds: [1] } };
    const replaced = await ok<Template>(change({ campaign }, { "if-match": now }));
    expect(replaced).toMatchObject({ campaign, description: "x", placeholders: [] });
    expect(replaced).not.toHaveProperty("specification");
    expect(await problemOf(change({ specification: { colour: 1 } }, { "if-match": "*" }))).toBe(
      "422 validation",
    );
  });

  test("starts either a search or a campaign", async () => {
    expect(Object.keys(await refusal({}))).toEqual([""]);
    const campaign = { name: "c", search: {}, grid: { seeds: [1] } };
    expect(Object.keys(await refusal({ specification, campaign }))).toEqual([""]);
  });

  test("with anything wrong that no value can mend is refused by its field", async () => {
    const wrong = {
      ...specification,
      colour: "{{ ref }}",
      space: "{{ space }}",
      strategy: { name: "magic" },
    };
    expect(Object.keys(await refusal({ specification: wrong })).sort()).toEqual([
      "/specification/colour",
      "/specification/strategy/name",
    ]);
    const { seed: _, ...fixed } = specification;
    const impossible = { ...fixed, objectives: [{ name: "parameters", goal: "minimize" }] };
    expect(Object.keys(await refusal({ specification: impossible }))).toEqual(["/specification/objectives"]);
    const campaign = { name: "c {{ ref }}", search: { colour: 1 }, grid: { seeds: ["{{ runNumber }}"] } };
    expect(Object.keys(await refusal({ campaign }))).toEqual(["/campaign/search/colour"]);
    const unvaried = { name: "c {{ ref }}", search: {}, grid: {} };
    expect(Object.keys(await refusal({ campaign: unvaried }))).toEqual(["/campaign/grid"]);
  });

  test.each(["{{ ref", "ref }}", "{{ }}", "{{ 1 }}", "{{ a b }}", "{{ /ref }}"])(
    "with a malformed placeholder is refused: %s",
    async (name) => {
      expect(Object.keys(await refusal({ specification: { ...tinySpecification, name } }))).toEqual([
        "/specification/name",
      ]);
    },
  );

  test.each([
    { space: "{{ x }}" },
    { dataset: { name: "{{ x }}" } },
    { schedule: { preset: "{{ x }}" } },
    { budget: { gpuHours: "{{ x }}" } },
    { objectives: [{ name: "{{ x }}", goal: "minimize" }] },
    { evaluation: { kind: "{{ x }}" } },
  ])("may leave open any value: %j", async (open) => {
    await create({ specification: { name: "x", ...open } });
  });
});

describe("starting a template", () => {
  const start = (name: string, values: unknown, headers = {}) =>
    admin(`/v1/templates/${name}/start`, { body: { values }, headers });

  test("starts the search with its values, of their types, once for one Idempotency-Key", async () => {
    const { name } = await create();
    const headers = { "idempotency-key": "start" };
    const response = await start(name, { ref: "refs/heads/{{ main }}", runNumber: 7 }, headers);
    expect(response.status).toBe(201);
    const search = (await response.json()) as { id: string };
    expect(response.headers.get("location")).toBe(`/v1/searches/${search.id}`);
    expect(search).toMatchObject({
      name: "nightly refs/heads/{{ main }}",
      state: "queued",
      triggerId: null,
      specification: { seed: 7 },
    });
    const again = await start(name, { ref: "refs/heads/{{ main }}", runNumber: 7 }, headers);
    expect(((await again.json()) as { id: string }).id).toBe(search.id);
  });

  test("starts the campaign", async () => {
    const { name: _, ...search } = tinySpecification;
    const { name } = await create({
      campaign: { name: "of {{ ref }}", search, grid: { seeds: [1, "{{ runNumber }}"] } },
    });
    const response = await start(name, { ref: "main", runNumber: 2 });
    expect(response.status).toBe(201);
    const campaign = (await response.json()) as { id: string; name: string; searches: unknown[] };
    expect(response.headers.get("location")).toBe(`/v1/campaigns/${campaign.id}`);
    expect(campaign.name).toBe("of main");
    expect(campaign.searches).toMatchObject([{ place: { seed: 1 } }, { place: { seed: 2 } }]);
  });

  test("is refused with the field where a value is missing, wrong or not asked for", async () => {
    const { name } = await create();
    const wrong = async (values: unknown) => Object.keys(await errorsOf(start(name, values)));
    expect(await wrong({ ref: "main" })).toEqual(["/values/runNumber"]);
    expect(await wrong({ ref: "main", runNumber: "7" })).toEqual(["/specification/seed"]);
    expect(await wrong({ ref: "main", runNumber: 7, reff: 1 })).toEqual(["/values/reff"]);
    expect(await wrong({ ref: ["main"], runNumber: 7 })).toEqual(["/values/ref"]);
    expect(await problemOf(start("none", {}))).toBe("404 not-found");
  });
});
