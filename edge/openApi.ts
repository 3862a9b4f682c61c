/**
 * What the description of the API says of every operation alike: a name for generated clients, and links from what is
 * created to what can be done with it. Derived from the paths, so that nothing can be forgotten. Pure.
 */

interface Operation {
  operationId?: string;
  responses?: Record<string, { links?: Record<string, Link> } & Record<string, unknown>>;
}

interface Link {
  operationId: string;
  parameters: Record<string, string>;
}

type Paths = Record<string, object>;

const methods = ["get", "post", "put", "patch", "delete"] as const;
const created = "201";

/** @example operationIdOf("get", "/v1/searches/{id}/front") // "getSearchFront" */
export function operationIdOf(method: string, path: string): string {
  const segments = path.split("/").filter((segment) => segment !== "" && segment !== "v1");
  const words = segments.flatMap((segment, index) => {
    if (segment.startsWith("{")) return [];
    return [segments[index + 1]?.startsWith("{") ? singular(segment) : segment];
  });
  const isOne = segments.at(-1)?.startsWith("{") === true;
  const verb = method === "get" && !isOne && words.length === 1 ? "list" : verbs[method];
  const isCreation = method === "post" && words.length > 0 && !isOne && isPlural(words.at(-1) ?? "");
  const named = isCreation ? [...words.slice(0, -1), singular(words.at(-1) ?? "")] : words;
  return (isCreation ? "create" : verb) + named.map(capitalised).join("");
}

const verbs: Record<string, string> = {
  get: "get",
  post: "post",
  put: "put",
  patch: "change",
  delete: "delete",
};
const isPlural = (word: string): boolean => /[^s]s$/.test(word);
const singular = (word: string): string => word.replace(/ches$/, "ch").replace(/([^s])s$/, "$1");
const capitalised = (word: string): string =>
  word
    .split(/[^A-Za-z0-9]+/)
    .map((part) => part.charAt(0).toUpperCase() + part.slice(1))
    .join("");

/** Adds names and links to the paths of a document. */
export function withNamesAndLinks<T extends Paths>(paths: T): T {
  const operations = Object.entries(paths).flatMap(([path, item]) =>
    methods.flatMap((method) => {
      const operation = (item as Record<string, Operation | undefined>)[method];
      return operation === undefined ? [] : [{ path, method, operation, id: operationIdOf(method, path) }];
    }),
  );
  for (const { operation, id } of operations) operation.operationId ??= id;
  for (const { path, method, operation } of operations) {
    const answer = operation.responses?.[created];
    if (method !== "post" || answer === undefined) continue;
    // What a search's list creates has an address of its own: /searches/{id}/trainings makes a /trainings/{id}.
    const own = [path, `/v1/${path.split("/").at(-1)}`];
    const links = operations.flatMap((other) => {
      const base = own.find((prefix) => other.path.startsWith(`${prefix}/{`));
      const parameter = /^\{(\w+)\}/.exec(other.path.slice((base?.length ?? 0) + 1))?.[1];
      const isOther = (other.path.match(/\{/g) ?? []).length === (base?.match(/\{/g) ?? []).length + 1;
      if (base === undefined || parameter === undefined || !isOther) return [];
      const link: Link = {
        operationId: other.operation.operationId ?? other.id,
        parameters: { [parameter]: `$response.body#/${parameter === "name" ? "name" : "id"}` },
      };
      return [[link.operationId, link] as const];
    });
    if (links.length > 0) answer.links = Object.fromEntries(links);
  }
  return paths;
}
