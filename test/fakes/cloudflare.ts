/**
 * The part of Cloudflare's API that a deployment uses, as a real HTTP server with state: wrangler and the command line
 * talk to it through CLOUDFLARE_API_BASE_URL. D1 is SQLite, so that migrations really apply. It is strict where
 * Cloudflare is: a token needs its permissions, names are taken once, nothing is bound that does not exist.
 */

import { randomBytes, randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { DatabaseSync } from "node:sqlite";

export type Permission = "d1" | "r2" | "workers";

export interface FakeBinding {
  type: string;
  name: string;
  text?: string;
  id?: string;
  bucket_name?: string;
}

export interface FakeVersion {
  id: string;
  bindings: FakeBinding[];
  compatibilityDate: string;
  mainModule: string;
  /** Text of each module. */
  modules: Map<string, string>;
  /** Paths of its static files. */
  assets: string[];
}

export interface FakeWorker {
  versions: FakeVersion[];
  /** The version that serves. */
  deployed: string | null;
  crons: string[];
  workersDev: boolean;
  previews: boolean;
  tags: string[];
}

export interface FakeRequest {
  method: string;
  path: string;
}

interface Answer {
  status?: number;
  result?: unknown;
  errors?: { code: number; message: string }[];
}

interface Refusal extends Answer {
  errors: { code: number; message: string }[];
}

interface Call {
  query: URLSearchParams;
  body: Buffer;
  contentType: string;
  /** The token that came. */
  bearer: string;
  params: string[];
}

/** Static files on their way: what they are called, and the content that is missing still. */
interface AssetSession {
  paths: string[];
  missing: Set<string>;
}

interface Route {
  method: string;
  path: RegExp;
  needs?: Permission;
  run(call: Call): Answer | Promise<Answer>;
}

const failed = (status: number, code: number, message: string): Refusal => ({
  status,
  errors: [{ code, message }],
});

export class FakeCloudflare {
  readonly accountId = randomBytes(16).toString("hex");
  /** The one that is valid. */
  readonly token = `cf_${randomBytes(20).toString("hex")}`;
  readonly permissions = new Set<Permission>(["d1", "r2", "workers"]);
  /** Of workers.dev; null: none is registered. */
  subdomain: string | null = "acme";
  r2Enabled = true;
  readonly databases = new Map<string, { id: string; sqlite: DatabaseSync }>();
  readonly buckets = new Set<string>();
  readonly workers = new Map<string, FakeWorker>();
  readonly requests: FakeRequest[] = [];
  /** Called when a change was made and before it is answered; true breaks this connection and all after it. */
  onChange: ((request: FakeRequest) => boolean) | undefined;
  /** What asks for it finds nobody. */
  isDown = false;
  /** By the token that stands for them. */
  readonly #assetSessions = new Map<string, AssetSession>();
  /** Hashes of the content that is stored. */
  readonly #assetContents = new Set<string>();
  #server = createServer((request, response) => {
    this.#answer(request, response).catch((error: unknown) => {
      response.writeHead(500);
      response.end(String(error));
    });
  });

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Variables that point wrangler and the command line at it. */
  get env(): Record<string, string> {
    return {
      CLOUDFLARE_API_BASE_URL: `${this.url}/client/v4`,
      CLOUDFLARE_API_TOKEN: this.token,
      CLOUDFLARE_ACCOUNT_ID: this.accountId,
    };
  }

  /** Requests that change something. */
  get changes(): FakeRequest[] {
    return this.requests.filter(({ method }) => method !== "GET");
  }

  /** The version of a Worker that serves. */
  deployedVersion(name: string): FakeVersion | undefined {
    const worker = this.workers.get(name);
    return worker?.versions.find(({ id }) => id === worker.deployed);
  }

  /** Values of a Worker's bindings by name: the text, the database's id or the bucket's name. */
  bindings(name: string): Record<string, string> {
    const found = this.deployedVersion(name)?.bindings ?? [];
    return Object.fromEntries(
      found.map(({ name: key, text, id, bucket_name }) => [key, text ?? id ?? bucket_name ?? ""]),
    );
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return this;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    for (const { sqlite } of this.databases.values()) sqlite.close();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (this.isDown) {
      request.socket.destroy();
      return;
    }
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://fake");
    if (pathname === "/healthz") {
      response.end("{}");
      return;
    }
    const seen = { method: request.method ?? "GET", path: pathname.replace("/client/v4", "") };
    this.requests.push(seen);
    const answer = await this.#route(seen, {
      query: searchParams,
      body: Buffer.concat(chunks),
      contentType: request.headers["content-type"] ?? "",
      bearer: (request.headers.authorization ?? "").replace(/^Bearer /, ""),
    });
    const isChange = seen.method !== "GET" && answer.errors === undefined;
    if (isChange && this.onChange?.(seen)) {
      this.isDown = true;
      request.socket.destroy();
      return;
    }
    response.writeHead(answer.status ?? 200, { "content-type": "application/json" });
    response.end(
      JSON.stringify({
        success: answer.errors === undefined,
        errors: answer.errors ?? [],
        messages: [],
        result: answer.result ?? null,
      }),
    );
  }

  async #route({ method, path }: FakeRequest, call: Omit<Call, "params">): Promise<Answer> {
    // Content of static files is sent with the token of its session.
    const isValid = call.bearer === this.token || this.#assetSessions.has(call.bearer);
    if (path === "/user/tokens/verify") {
      return isValid ? { result: { status: "active" } } : failed(401, 1000, "Invalid API Token");
    }
    const [, account, rest = ""] = /^\/accounts\/([^/]+)(\/.*)$/.exec(path) ?? [];
    if (path === "/accounts" && method === "GET") {
      return isValid
        ? { result: [{ id: this.accountId, name: "Acme" }] }
        : failed(403, 9109, "Invalid access token");
    }
    if (!isValid) return failed(403, 10000, "Authentication error");
    if (account !== this.accountId) return failed(403, 10000, "Authentication error");
    for (const route of this.#routes) {
      const match = route.method === method ? route.path.exec(rest) : null;
      if (match === null) continue;
      if (route.needs !== undefined && !this.permissions.has(route.needs)) {
        return failed(403, 10000, "Authentication error");
      }
      return route.run({ ...call, params: match.slice(1).map(decodeURIComponent) });
    }
    return failed(404, 7003, `Could not route to ${path}, perhaps your object identifier is invalid?`);
  }

  #databaseView = ([name, { id }]: [string, { id: string }]) => ({
    uuid: id,
    name,
    version: "production",
    created_at: "2026-11-01T00:00:00Z",
  });

  #findDatabase(nameOrId: string | undefined): [string, { id: string; sqlite: DatabaseSync }] | undefined {
    return [...this.databases].find(([name, { id }]) => name === nameOrId || id === nameOrId);
  }

  /** Bindings as Cloudflare shows them: without the values of secrets. */
  #shownBindings(version: FakeVersion | undefined): FakeBinding[] {
    return (version?.bindings ?? []).map((binding) => {
      const { text, ...shown } = binding;
      return binding.type === "secret_text" ? shown : binding;
    });
  }

  /** The Worker, or Cloudflare's answer that there is none. */
  #withWorker(name: string | undefined, run: (worker: FakeWorker, name: string) => Answer): Answer {
    const worker = this.workers.get(name ?? "");
    return worker === undefined
      ? failed(404, 10007, "This Worker does not exist on your account.")
      : run(worker, name ?? "");
  }

  readonly #routes: Route[] = [
    {
      method: "GET",
      path: /^\/d1\/database$/,
      needs: "d1",
      run: ({ query }) => {
        const name = query.get("name");
        const found = [...this.databases].filter(([key]) => name === null || key.includes(name));
        return { result: found.map(this.#databaseView) };
      },
    },
    {
      method: "POST",
      path: /^\/d1\/database$/,
      needs: "d1",
      run: ({ body }) => {
        const { name } = JSON.parse(body.toString()) as { name: string };
        if (this.databases.has(name)) {
          return failed(400, 7502, "A database with that name already exists");
        }
        const made = { id: randomUUID(), sqlite: new DatabaseSync(":memory:") };
        this.databases.set(name, made);
        return { result: this.#databaseView([name, made]) };
      },
    },
    {
      method: "GET",
      path: /^\/d1\/database\/([^/]+)$/,
      needs: "d1",
      run: ({ params: [nameOrId] }) => {
        const found = this.#findDatabase(nameOrId);
        return found === undefined
          ? failed(404, 7404, `The database ${nameOrId} could not be found`)
          : { result: this.#databaseView(found) };
      },
    },
    {
      method: "POST",
      path: /^\/d1\/database\/([^/]+)\/query$/,
      needs: "d1",
      run: ({ params: [nameOrId], body }) => {
        const found = this.#findDatabase(nameOrId);
        if (found === undefined) return failed(404, 7404, `The database ${nameOrId} could not be found`);
        const { sql } = JSON.parse(body.toString()) as { sql: string };
        return runSql(found[1].sqlite, sql);
      },
    },
    {
      method: "GET",
      path: /^\/r2\/buckets\/([^/]+)$/,
      needs: "r2",
      run: ({ params: [name = ""] }) => {
        if (!this.r2Enabled) return r2Disabled;
        return this.buckets.has(name)
          ? { result: { name, location: "WEUR", storage_class: "Standard" } }
          : failed(404, 10006, "The specified bucket does not exist.");
      },
    },
    {
      method: "POST",
      path: /^\/r2\/buckets$/,
      needs: "r2",
      run: ({ body }) => {
        if (!this.r2Enabled) return r2Disabled;
        const { name } = JSON.parse(body.toString()) as { name: string };
        if (this.buckets.has(name)) {
          return failed(409, 10004, "The bucket you tried to create already exists, and you own it.");
        }
        this.buckets.add(name);
        return { result: { name } };
      },
    },
    {
      method: "GET",
      path: /^\/workers\/subdomain$/,
      needs: "workers",
      run: () =>
        this.subdomain === null
          ? failed(404, 10007, "You do not have a workers.dev subdomain.")
          : { result: { subdomain: this.subdomain } },
    },
    {
      method: "GET",
      path: /^\/workers\/services\/([^/]+)$/,
      needs: "workers",
      run: ({ params: [name] }) =>
        this.#withWorker(name, (worker) => ({
          result: {
            id: name,
            default_environment: {
              environment: "production",
              script: { id: name, tag: "tag", tags: worker.tags, last_deployed_from: "wrangler" },
            },
          },
        })),
    },
    {
      method: "GET",
      path: /^\/workers\/workers\/([^/]+)$/,
      needs: "workers",
      run: ({ params: [name] }) =>
        this.#withWorker(name, (worker) => ({
          result: {
            name,
            subdomain: { enabled: worker.workersDev, previews_enabled: worker.previews },
          },
        })),
    },
    {
      method: "POST",
      path: /^\/workers\/scripts\/[^/]+\/assets-upload-session$/,
      needs: "workers",
      run: ({ body }) => {
        const { manifest } = JSON.parse(body.toString()) as { manifest: Record<string, { hash: string }> };
        const hashes = Object.values(manifest).map(({ hash }) => hash);
        const missing = new Set(hashes.filter((hash) => !this.#assetContents.has(hash)));
        const jwt = `assets_${randomUUID()}`;
        this.#assetSessions.set(jwt, { paths: Object.keys(manifest), missing });
        return { result: { jwt, buckets: missing.size === 0 ? [] : [[...missing]] } };
      },
    },
    {
      method: "POST",
      path: /^\/workers\/assets\/upload$/,
      run: (call) => this.#storeAssets(call),
    },
    {
      method: "PUT",
      path: /^\/workers\/scripts\/([^/]+)$/,
      needs: "workers",
      run: async ({ params: [name = ""], body, contentType }) => {
        const worker = this.workers.get(name) ?? newWorker();
        const version = await this.#upload(worker, body, contentType);
        if ("errors" in version) return version;
        worker.deployed = version.id;
        this.workers.set(name, worker);
        return {
          result: { id: name, etag: version.id, deployment_id: version.id, startup_time_ms: 12 },
        };
      },
    },
    {
      method: "POST",
      path: /^\/workers\/scripts\/([^/]+)\/versions$/,
      needs: "workers",
      run: async ({ params: [name = ""], body, contentType }) => {
        const worker = this.workers.get(name);
        if (worker === undefined) return this.#withWorker(name, () => ({}));
        const version = await this.#upload(worker, body, contentType);
        if ("errors" in version) return version;
        return {
          result: { id: version.id, startup_time_ms: 12, resources: { script: { etag: version.id } } },
        };
      },
    },
    {
      method: "GET",
      path: /^\/workers\/scripts\/([^/]+)\/versions\/([^/]+)$/,
      needs: "workers",
      run: ({ params: [name, id] }) =>
        this.#withWorker(name, (worker) => {
          const version = worker.versions.find((candidate) => candidate.id === id);
          if (version === undefined) return failed(404, 10028, "The version does not exist.");
          const bindings = this.#shownBindings(version);
          return {
            result: {
              id,
              number: 1,
              metadata: { created_on: "2026-11-01T00:00:00Z", source: "wrangler" },
              annotations: {},
              resources: { bindings, script: { etag: id }, script_runtime: {} },
            },
          };
        }),
    },
    {
      method: "GET",
      path: /^\/workers\/scripts\/([^/]+)\/deployments$/,
      needs: "workers",
      run: ({ params: [name] }) =>
        this.#withWorker(name, (worker) => ({
          result: {
            deployments: worker.deployed === null ? [] : [deploymentView(worker.deployed)],
          },
        })),
    },
    {
      method: "POST",
      path: /^\/workers\/scripts\/([^/]+)\/deployments$/,
      needs: "workers",
      run: ({ params: [name], body }) =>
        this.#withWorker(name, (worker) => {
          const { versions } = JSON.parse(body.toString()) as { versions: { version_id: string }[] };
          worker.deployed = versions[0]?.version_id ?? null;
          return { result: { id: worker.deployed } };
        }),
    },
    {
      method: "GET",
      path: /^\/workers\/scripts\/([^/]+)\/secrets$/,
      needs: "workers",
      run: ({ params: [name = ""] }) =>
        this.#withWorker(name, () => ({
          result: this.deployedVersion(name)
            ?.bindings.filter(({ type }) => type === "secret_text")
            .map(({ name: secret, type }) => ({ name: secret, type })),
        })),
    },
    {
      method: "GET",
      path: /^\/workers\/scripts\/([^/]+)\/settings$/,
      needs: "workers",
      run: ({ params: [name = ""] }) =>
        this.#withWorker(name, () => ({
          result: { bindings: this.#shownBindings(this.deployedVersion(name)) },
        })),
    },
    {
      method: "PATCH",
      path: /^\/workers\/scripts\/([^/]+)\/script-settings$/,
      needs: "workers",
      run: ({ params: [name], body }) =>
        this.#withWorker(name, (worker) => {
          worker.tags = (JSON.parse(body.toString()) as { tags?: string[] }).tags ?? [];
          return { result: { tags: worker.tags } };
        }),
    },
    {
      method: "GET",
      path: /^\/workers\/scripts\/([^/]+)\/subdomain$/,
      needs: "workers",
      run: ({ params: [name] }) =>
        this.#withWorker(name, (worker) => ({
          result: { enabled: worker.workersDev, previews_enabled: worker.previews },
        })),
    },
    {
      method: "POST",
      path: /^\/workers\/scripts\/([^/]+)\/subdomain$/,
      needs: "workers",
      run: ({ params: [name], body }) =>
        this.#withWorker(name, (worker) => {
          if (this.subdomain === null) {
            return failed(403, 10063, "You need a workers.dev subdomain in order to proceed.");
          }
          const wanted = JSON.parse(body.toString()) as { enabled: boolean; previews_enabled?: boolean };
          worker.workersDev = wanted.enabled;
          worker.previews = wanted.previews_enabled ?? false;
          return { result: wanted };
        }),
    },
    {
      method: "GET",
      path: /^\/workers\/scripts\/([^/]+)\/schedules$/,
      needs: "workers",
      run: ({ params: [name] }) =>
        this.#withWorker(name, ({ crons }) => ({
          result: { schedules: crons.map((cron) => ({ cron, created_on: "2026-11-01T00:00:00Z" })) },
        })),
    },
    {
      method: "PUT",
      path: /^\/workers\/scripts\/([^/]+)\/schedules$/,
      needs: "workers",
      run: ({ params: [name], body }) =>
        this.#withWorker(name, (worker) => {
          worker.crons = (JSON.parse(body.toString()) as { cron: string }[]).map(({ cron }) => cron);
          return { result: { schedules: worker.crons.map((cron) => ({ cron })) } };
        }),
    },
  ];

  /** Stores what a session's token was given for. */
  async #storeAssets({ bearer, body, contentType }: Call): Promise<Answer> {
    const session = this.#assetSessions.get(bearer);
    if (session === undefined) return failed(403, 10000, "Authentication error");
    const form = await formOf(body, contentType);
    for (const hash of form.keys()) {
      if (!session.missing.delete(hash)) return failed(400, 100_309, `The file ${hash} was not asked for.`);
      this.#assetContents.add(hash);
    }
    return { status: 201, result: session.missing.size === 0 ? { jwt: bearer } : {} };
  }

  /** Adds the version of an upload to its Worker. */
  async #upload(worker: FakeWorker, body: Buffer, contentType: string): Promise<FakeVersion | Refusal> {
    const form = await formOf(body, contentType);
    const metadata = JSON.parse(String(form.get("metadata"))) as {
      main_module: string;
      bindings: FakeBinding[];
      keep_bindings?: string[];
      compatibility_date: string;
      assets?: { jwt?: string };
    };
    const assets = this.#assetSessions.get(metadata.assets?.jwt ?? "");
    if (metadata.assets !== undefined && assets?.missing.size !== 0) {
      return failed(400, 10_021, "The static files of this version were not uploaded.");
    }
    for (const { type, id, bucket_name } of metadata.bindings) {
      if (type === "d1" && this.#findDatabase(id) === undefined) {
        return failed(400, 10181, `D1 binding references database '${id}' which was not found.`);
      }
      if (type === "r2_bucket" && !this.buckets.has(bucket_name ?? "")) {
        return failed(400, 10085, `R2 bucket '${bucket_name}' not found.`);
      }
    }
    const last = worker.versions.find(({ id }) => id === worker.deployed)?.bindings ?? [];
    const named = new Set(metadata.bindings.map(({ name }) => name));
    const kept = last.filter(({ type, name }) => metadata.keep_bindings?.includes(type) && !named.has(name));
    const modules = new Map<string, string>();
    for (const [name, value] of form) {
      if (typeof value !== "string") modules.set(name, await value.text());
    }
    const version: FakeVersion = {
      id: randomUUID(),
      bindings: [...metadata.bindings, ...kept],
      compatibilityDate: metadata.compatibility_date,
      mainModule: metadata.main_module,
      modules,
      assets: assets?.paths ?? [],
    };
    worker.versions.push(version);
    return version;
  }
}

const formOf = (body: Buffer, contentType: string): Promise<FormData> =>
  new Response(new Uint8Array(body), { headers: { "content-type": contentType } }).formData();

const r2Disabled = failed(403, 10042, "Please enable R2 through the Cloudflare Dashboard.");

const newWorker = (): FakeWorker => ({
  versions: [],
  deployed: null,
  crons: [],
  workersDev: false,
  previews: false,
  tags: [],
});

const deploymentView = (versionId: string) => ({
  id: versionId,
  source: "wrangler",
  strategy: "percentage",
  author_email: "dev@example.com",
  created_on: "2026-11-01T00:00:00Z",
  annotations: {},
  versions: [{ version_id: versionId, percentage: 100 }],
});

/** As D1 does: all statements or none. */
function runSql(sqlite: DatabaseSync, sql: string): Answer {
  sqlite.exec("BEGIN");
  try {
    const isQuery = /^\s*(SELECT|PRAGMA)/i.test(sql);
    const results = isQuery ? sqlite.prepare(sql).all() : [];
    if (!isQuery) sqlite.exec(sql);
    sqlite.exec("COMMIT");
    return { result: [{ success: true, results, meta: { duration: 1, rows_read: 0, rows_written: 0 } }] };
  } catch (error) {
    sqlite.exec("ROLLBACK");
    return failed(400, 7500, error instanceof Error ? error.message : String(error));
  }
}
