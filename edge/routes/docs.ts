/** The API's description: OpenAPI for machines, one page for people, drawn from the same document. */

import { type OpenAPIHono, z } from "@hono/zod-openapi";
import { Hono } from "hono";
import { html, raw } from "hono/html";
import { campaignSchema } from "../../shared/campaign.ts";
import { specificationSchema } from "../../shared/specification.ts";
import { registerAnswers } from "../app.ts";
import type { AppEnv } from "../env.ts";
import { withNamesAndLinks } from "../openApi.ts";
import { Problem, type ProblemName, problemTypes } from "../problems.ts";

const info = {
  title: "Nasturtium",
  version: "1",
  description: "Multi-objective neural architecture search. Errors are RFC 9457 problem details.",
};
const contentSecurityPolicy = "default-src 'none'; style-src 'unsafe-inline'";

const style = `body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem}
h2{margin-top:2rem}code{font-size:.9em}li{margin:.4rem 0}.scope{opacity:.7}
@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}a{color:#8bf}}`;

/** What a file that is sent may hold, for editors and checks elsewhere; by name. */
const schemas = {
  specification: () => z.toJSONSchema(specificationSchema, { io: "input" }),
  campaign: () => z.toJSONSchema(campaignSchema, { io: "input" }),
};

interface Operation {
  summary?: string;
  tags?: string[];
  security?: Record<string, string[]>[];
}

interface Endpoint extends Operation {
  method: string;
  path: string;
}

export function docs(app: OpenAPIHono<AppEnv>): Hono<AppEnv> {
  const document = () => {
    registerAnswers(app.openAPIRegistry);
    app.openAPIRegistry.registerComponent("securitySchemes", "token", { type: "http", scheme: "bearer" });
    app.openAPIRegistry.registerComponent("securitySchemes", "signature", {
      type: "apiKey",
      in: "header",
      name: "webhook-signature",
      description: "Standard Webhooks 1.0.0, or GitHub's X-Hub-Signature-256",
    });
    const described = app.getOpenAPI31Document({ openapi: "3.1.0", info });
    return { ...described, paths: withNamesAndLinks(described.paths ?? {}) };
  };
  let cached: ReturnType<typeof document> | undefined;
  const described = () => {
    cached ??= document();
    return cached;
  };
  const routes = new Hono<AppEnv>();
  routes.get("/openapi.json", (c) => c.json(described()));
  for (const [name, schema] of Object.entries(schemas))
    routes.get(`/docs/${name}.schema.json`, (c) =>
      c.json(schema(), 200, { "access-control-allow-origin": "*" }),
    );
  routes.get("/docs", (c) => {
    c.header("content-security-policy", contentSecurityPolicy);
    return c.html(page(info.title, overview(endpointsOf(described().paths ?? {}))));
  });
  routes.get("/docs/problems/:name", (c) => {
    const name = c.req.param("name");
    if (!Object.hasOwn(problemTypes, name)) throw new Problem("not-found");
    c.header("content-security-policy", contentSecurityPolicy);
    return c.html(page(problemTypes[name as ProblemName].title, problem(name as ProblemName)));
  });
  return routes;
}

const endpointsOf = (paths: object): Endpoint[] =>
  Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations as Record<string, Operation>).map(([method, operation]) => ({
      ...operation,
      method,
      path,
    })),
  );

const page = (title: string, content: unknown) => html`<!doctype html>
<html lang="en">
  <head><meta charset="utf-8" /><meta name="viewport" content="width=device-width" /><title>${title}</title><style>${raw(style)}</style></head>
  <body>${content}</body>
</html>`;

function overview(endpoints: Endpoint[]) {
  const tags = [...new Set(endpoints.flatMap((endpoint) => endpoint.tags ?? []))];
  return html`<h1>${info.title} API</h1>
<p>${info.description} The description for machines is <a href="/openapi.json">/openapi.json</a>.</p>
${tags.map(
  (tag) => html`<h2>${tag}</h2>
<ul>${endpoints.filter((endpoint) => endpoint.tags?.includes(tag)).map(line)}</ul>`,
)}
<h2>Problems</h2>
<ul>${Object.entries(problemTypes).map(
    ([name, { status, title }]) =>
      html`<li><a href="/docs/problems/${name}"><code>${name}</code></a> ${status}: ${title}</li>`,
  )}</ul>`;
}

function line({ method, path, summary, security }: Endpoint) {
  const scopes =
    security?.flatMap(({ token = [], signature }) => (signature === undefined ? token : ["a signature"])) ??
    [];
  const isOpen = security?.some((requirement) => Object.keys(requirement).length === 0);
  const open = isOpen ? (scopes.length === 0 ? "any token, or none" : ", or a public search") : "";
  return html`<li><code>${method.toUpperCase()} ${path}</code><br />${summary} <span class="scope">(${scopes.join(", ")}${open})</span></li>`;
}

function problem(name: ProblemName) {
  const { status, title, why, fix } = problemTypes[name];
  return html`<h1>${title}</h1><p><code>${name}</code>, status ${status}</p><p>${why}</p><p>${fix}</p><p><a href="/docs">All of the API</a></p>`;
}
