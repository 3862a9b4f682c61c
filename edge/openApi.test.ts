import { type RouteConfig, z } from "@hono/zod-openapi";
import { beforeAll, expect, test } from "vitest";
import { datasetHeaderSchema, headerErrors } from "../shared/pushedDataset.ts";
import type { FieldError } from "../shared/specification.ts";
import { checkTemplate } from "../shared/template.ts";
import { checkTrigger } from "../shared/trigger.ts";
import { campaignErrors, checkSpecification } from "../shared/validate.ts";
import { api } from "./api.ts";
import { anonymous, ok } from "./testEdge.ts";

type Content = Record<string, { example?: unknown; schema?: object }>;
interface Operation {
  operationId?: string;
  requestBody?: { content: Content };
  responses: Record<
    string,
    { content?: Content; links?: Record<string, { operationId: string; parameters: object }> }
  >;
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

test("every JSON body and every answer of success in JSON has an example", () => {
  const lacking = [...operations].flatMap(([name, { requestBody, responses }]) =>
    Object.entries({ ...responses, body: requestBody }).flatMap(([part, described]) => {
      const json = described?.content?.["application/json"];
      return json === undefined || json.example !== undefined ? [] : [`${name} ${part}`];
    }),
  );
  expect(lacking).toEqual([]);
});

const routes: RouteConfig[] = api.openAPIRegistry.definitions.flatMap((definition) =>
  definition.type === "route" ? [definition.route] : [],
);

test.for(
  routes.flatMap(({ method, path, request, responses }) =>
    Object.entries({ body: request?.body, ...responses }).flatMap(([part, described]) => {
      const json = described && "content" in described ? described.content?.["application/json"] : undefined;
      if (json === undefined || "$ref" in json) return [];
      return [{ name: `${method} ${path} ${part}`, ...json }];
    }),
  ),
)(
  "the example of $name is what its schema takes, with no key that it does not know",
  ({ schema, example }) => {
    if (schema === undefined) throw new Error("no schema");
    // Where the handler checks more than the schema, the schema is described as JSON Schema.
    const validating =
      schema instanceof z.ZodType
        ? schema
        : z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]);
    expect(validating.parse(example)).toMatchObject(example);
  },
);

test.for<[operation: string, errorsOf: (example: unknown) => FieldError[] | undefined]>([
  ["post /v1/searches", (example) => checkSpecification(example, "elsewhere").errors],
  ["post /v1/campaigns", campaignErrors],
  ["post /v1/templates", (example) => checkTemplate(example).errors],
  ["post /v1/triggers", (example) => checkTrigger(example).errors],
  ["post /v1/datasets", (example) => headerErrors(datasetHeaderSchema.parse(example))],
])("the example of %s holds in what its schema cannot see, too", ([operation, errorsOf]) => {
  const example = operations.get(operation)?.requestBody?.content["application/json"]?.example;
  expect(errorsOf(example) ?? []).toEqual([]);
});

test("a failure is described once, with the schema of problems, for every operation", () => {
  for (const { responses } of operations.values())
    expect(responses.default).toEqual({ $ref: "#/components/responses/Problem" });
});

test("text and bytes are described where there are some", () => {
  const contentOf = (operation: string) =>
    Object.keys(operations.get(operation)?.responses["200"]?.content ?? {});
  expect(contentOf("get /v1/searches/{id}/front")).toEqual(["application/json", "text/csv"]);
  expect(contentOf("get /v1/searches/{id}/scaled")).toEqual(["application/json", "text/csv"]);
  expect(contentOf("get /v1/searches/{id}/events")).toEqual(["application/json", "text/event-stream"]);
  expect(contentOf("get /v1/blobs/{id}")).toEqual(["application/octet-stream"]);
  const { content } = operations.get("put /v1/blobs/{id}/parts/{part}")?.requestBody ?? { content: {} };
  expect(Object.keys(content)).toEqual(["application/octet-stream"]);
});
