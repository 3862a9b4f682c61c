import { beforeAll, expect, test } from "vitest";
import { anonymous, ok } from "./testEdge.ts";

interface Operation {
  operationId?: string;
  responses: Record<string, { links?: Record<string, { operationId: string; parameters: object }> }>;
}
let operations: Map<string, Operation>;

beforeAll(async () => {
  const { paths } = await ok<{ paths: Record<string, Record<string, Operation>> }>(
    anonymous("/openapi.json"),
  );
  operations = new Map(
    Object.entries(paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]) => [`${method} ${path}`, operation] as const),
    ),
  );
});

test("every operation has a name of its own, which generated clients use", () => {
  const names = [...operations.values()].map(({ operationId }) => operationId);
  for (const name of names) expect(name).toMatch(/^[a-z]+[A-Za-z0-9]+$/);
  expect(new Set(names).size).toBe(names.length);
  expect(operations.get("post /v1/searches")?.operationId).toBe("createSearch");
  expect(operations.get("get /v1/searches")?.operationId).toBe("listSearches");
  expect(operations.get("get /v1/searches/{id}/front")?.operationId).toBe("getSearchFront");
  expect(operations.get("get /v1/trainings/{id}/exports/{format}")?.operationId).toBe("getTrainingExport");
});

test("what a specification and a campaign may hold is served as JSON Schema", async () => {
  const specification = await ok<{ properties: object }>(anonymous("/docs/specification.schema.json"));
  expect(Object.keys(specification.properties)).toContain("objectives");
  const campaign = await ok<{ required: string[] }>(anonymous("/docs/campaign.schema.json"));
  expect(campaign.required).toEqual(["name", "search", "grid"]);
});

test("what is created links to what can be done with it", () => {
  const linksOf = (operation: string) => operations.get(operation)?.responses["201"]?.links ?? {};
  expect(linksOf("post /v1/searches")).toMatchObject({
    getSearch: { operationId: "getSearch", parameters: { id: "$response.body#/id" } },
    getSearchFront: { parameters: { id: "$response.body#/id" } },
    deleteSearch: {},
  });
  expect(linksOf("post /v1/searches/{id}/trainings")).toHaveProperty("getTraining");
  expect(linksOf("post /v1/tokens")).toHaveProperty("deleteToken");
  const names = new Set([...operations.values()].map(({ operationId }) => operationId));
  for (const { responses } of operations.values())
    for (const { operationId } of Object.values(responses["201"]?.links ?? {}))
      expect(names).toContain(operationId);
});
