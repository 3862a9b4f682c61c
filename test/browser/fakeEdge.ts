/**
 * The part of an edge that the page `/device` meets, as a real HTTP server: the built pages with their headers, and the
 * messages of devices checked by the shared schemas. It hands out the tasks that it is given and keeps what is reported.
 */

import { existsSync, readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { z } from "zod";
import { rootDir } from "../../setup/node.mjs";
import {
  type MeasureReport,
  type MeasureTask,
  measureReportSchema,
  registerDeviceSchema,
} from "../../shared/measuring.ts";
import { heartbeatRequestSchema, releaseRequestSchema } from "../../shared/protocol.ts";

const PAGES = path.join(rootDir, "dist", "dashboard");
const types: Record<string, string> = {
  ".css": "text/css",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
};
const RETRY_SECONDS = 0.2;

/** How it refuses a request: a problem's type, its status and what it says. */
export interface Refusal {
  status: number;
  type: string;
  detail: string;
}

interface Call {
  body: unknown;
}

interface Route {
  method: string;
  path: RegExp;
  run(call: Call): { status?: number; json: unknown };
}

export class FakeEdge {
  readonly token = "nst_valid";
  readonly registrations: z.output<typeof registerDeviceSchema>[] = [];
  readonly reports: MeasureReport[] = [];
  readonly releases: string[] = [];
  /** Tasks that wait. */
  readonly tasks: MeasureTask[] = [];
  /** What it answers to everything under /v1, if anything. */
  refusal: Refusal | null = null;
  #leases = 0;
  readonly #leased = new Map<string, MeasureTask>();
  readonly #headers = headersByPath(readFileSync(path.join(PAGES, "_headers"), "utf8"));
  readonly #server = createServer((request, response) => void this.#answer(request, response));

  get url(): string {
    return `http://localhost:${(this.#server.address() as AddressInfo).port}`;
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, "localhost", resolve));
    return this;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  readonly #routes: Route[] = [
    {
      method: "POST",
      path: /^\/v1\/devices$/,
      run: ({ body }) => {
        const device = registerDeviceSchema.parse(body);
        this.registrations.push(device);
        return { status: 201, json: { deviceId: `of-${device.name}`, name: device.name } };
      },
    },
    {
      method: "POST",
      path: /^\/v1\/devices\/[^/]+\/lease$/,
      run: () => ({ json: { lease: this.#next(), retryAfterSeconds: RETRY_SECONDS } }),
    },
    {
      method: "POST",
      path: /^\/v1\/tasks\/[^/]+\/heartbeat$/,
      run: ({ body }) => {
        this.#held(heartbeatRequestSchema.parse(body).leaseId);
        return { json: { leaseExpiresAt: expiry(), stop: false } };
      },
    },
    {
      method: "POST",
      path: /^\/v1\/tasks\/[^/]+\/report$/,
      run: ({ body }) => {
        const report = measureReportSchema.parse(body);
        this.#held(report.leaseId);
        this.#leased.delete(report.leaseId);
        this.reports.push(report);
        return { json: { accepted: true, next: this.#next() } };
      },
    },
    {
      method: "POST",
      path: /^\/v1\/tasks\/[^/]+\/release$/,
      run: ({ body }) => {
        const { leaseId } = releaseRequestSchema.parse(body);
        this.tasks.unshift(this.#held(leaseId));
        this.#leased.delete(leaseId);
        this.releases.push(leaseId);
        return { json: {} };
      },
    },
  ];

  /** Ends a lease as time does: its task waits again, and its holder learns of it. */
  loseLeases(): void {
    this.tasks.unshift(...this.#leased.values());
    this.#leased.clear();
  }

  #next() {
    const task = this.tasks.shift();
    if (task === undefined) return null;
    const leaseId = `lease-${++this.#leases}`;
    this.#leased.set(leaseId, task);
    return { leaseId, leaseSeconds: 90, heartbeatSeconds: 1, leaseExpiresAt: expiry(), task };
  }

  #held(leaseId: string): MeasureTask {
    const task = this.#leased.get(leaseId);
    if (task === undefined) throw problem(409, "lease-lost", "The lease is no longer held.");
    return task;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? "/", this.url);
    if (!pathname.startsWith("/v1/")) return this.#file(pathname, response);
    try {
      let text = "";
      for await (const chunk of request) text += chunk;
      if (this.refusal !== null) throw new Refused(this.refusal);
      if (request.headers.authorization !== `Bearer ${this.token}`)
        throw problem(401, "unauthorized", "The token is unknown.");
      const route = this.#routes.find((one) => one.method === request.method && one.path.test(pathname));
      if (route === undefined) throw problem(404, "not-found", `${request.method} ${pathname}`);
      const { status = 200, json } = route.run({ body: JSON.parse(text) });
      send(response, status, "application/json", JSON.stringify(json));
    } catch (error) {
      const refusal =
        error instanceof Refused
          ? error.refusal
          : {
              status: 422,
              type: "validation",
              detail: error instanceof z.ZodError ? z.prettifyError(error) : String(error),
            };
      const body = { ...refusal, type: `/docs/problems/${refusal.type}` };
      send(response, refusal.status, "application/problem+json", JSON.stringify(body));
    }
  }

  #file(pathname: string, response: ServerResponse): void {
    const file = path.join(PAGES, pathname === "/device" ? "device.html" : path.normalize(pathname));
    const isThere = file.startsWith(PAGES) && existsSync(file);
    for (const [pattern, headers] of this.#headers)
      if (pattern.test(pathname)) for (const [key, value] of headers) response.setHeader(key, value);
    if (!isThere) send(response, 404, "text/plain", "");
    else send(response, 200, types[path.extname(file)] ?? "application/octet-stream", readFileSync(file));
  }
}

class Refused extends Error {
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal.detail);
    this.refusal = refusal;
  }
}

const problem = (status: number, type: string, detail: string) => new Refused({ status, type, detail });
const expiry = () => new Date(Date.now() + 90_000).toISOString();

function send(response: ServerResponse, status: number, type: string, body: string | Uint8Array): void {
  response.writeHead(status, { "content-type": type }).end(body);
}

/** Of a file `_headers`: a path per block, where * stands for anything. */
function headersByPath(text: string): [RegExp, [string, string][]][] {
  const blocks: [RegExp, [string, string][]][] = [];
  for (const line of text.split("\n").filter((one) => one.trim() !== "" && !one.startsWith("#"))) {
    const [, key, value] = /^\s+([^:]+):\s*(.*)$/.exec(line) ?? [];
    if (key === undefined || value === undefined)
      blocks.push([new RegExp(`^${line.trim().replaceAll("*", ".*")}$`), []]);
    else blocks.at(-1)?.[1].push([key, value]);
  }
  return blocks;
}
