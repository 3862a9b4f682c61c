/** A proxy between a runner and the edge that kills the runner at a chosen point of their traffic. */

import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What requests are called, by method and path. */
const requestKinds = {
  register: /^POST \/v1\/runners$/,
  lease: /^POST \/v1\/tasks\/lease$/,
  heartbeat: /^POST \/v1\/tasks\/[^/]+\/heartbeat$/,
  report: /^POST \/v1\/tasks\/[^/]+\/report$/,
  release: /^POST \/v1\/tasks\/[^/]+\/release$/,
  replay: /^GET \/v1\/tasks\?/,
  checkpoints: /^GET \/v1\/searches\/[^/]+\/checkpoints/,
  download: /^GET \/v1\/blobs\//,
  create: /^POST \/v1\/blobs$/,
  part: /^PUT \/v1\/blobs\/[^/]+\/parts\//,
  complete: /^POST \/v1\/blobs\/[^/]+\/complete$/,
} as const;
export type RequestKind = keyof typeof requestKinds;

export interface KillPoint {
  kind: RequestKind;
  /** Of its kind, from 1. */
  nth: number;
  /**
   * `before` the edge gets it, in the middle of its `body`, when the edge has `answered` and the runner does not know,
   * or some time `later`.
   */
  moment: "before" | "body" | "answered" | "later";
  afterMs?: number;
  /** SIGTERM after this report's answer; requests are counted from there. */
  terminateAfterReport?: number;
}

export const describePoint = ({ kind, nth, moment, afterMs, terminateAfterReport }: KillPoint): string =>
  [
    terminateAfterReport === undefined ? "" : `SIGTERM after report ${terminateAfterReport}, then `,
    moment === "later" ? `${afterMs} ms after` : moment,
    ` ${kind} ${nth}`,
  ].join("");

export interface Victim {
  kill(signal: NodeJS.Signals): void;
}

export class KillingProxy {
  readonly #edge: URL;
  readonly #server = createServer((req, res) => void this.#pass(req, res));
  readonly #counts = new Map<RequestKind, number>();
  #point: KillPoint | undefined;
  #victim: Victim | undefined;
  #onKilled: () => void = () => {};
  /** Settles when the victim was killed. */
  readonly killed = new Promise<void>((resolve) => {
    this.#onKilled = resolve;
  });
  #isTerminated = false;

  constructor(edge: string) {
    this.#edge = new URL(edge);
  }

  /** @param port 0 takes a free one */
  async listen(port = 0): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(port, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** How many requests of a kind have come. */
  count(kind: RequestKind): number {
    return this.#counts.get(kind) ?? 0;
  }

  arm(point: KillPoint, victim: Victim): void {
    this.#point = point;
    this.#victim = victim;
  }

  #kill(): void {
    this.#point = undefined;
    this.#victim?.kill("SIGKILL");
    this.#onKilled();
  }

  async #pass(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const line = `${req.method} ${req.url}`;
    const kind = (Object.keys(requestKinds) as RequestKind[]).find((name) => requestKinds[name].test(line));
    const nth = this.#counted(kind);
    const point = this.#point?.kind === kind && this.#point?.nth === nth ? this.#point : undefined;
    const awaited = point?.terminateAfterReport === undefined || this.#isTerminated ? point : undefined;
    try {
      const chunks: Buffer[] = [];
      for await (const chunk of req) chunks.push(chunk as Buffer);
      const body = Buffer.concat(chunks);
      if (awaited?.moment === "before") return this.#kill();
      if (awaited?.moment === "body") return this.#breakOff(req, body);
      const answer = await this.#forward(req, body);
      if (awaited?.moment === "answered") return this.#kill();
      res.writeHead(answer.status, answer.headers).end(answer.body);
      if (awaited?.moment === "later") setTimeout(() => this.#kill(), awaited.afterMs ?? 0);
      if (kind === "report") this.#terminateAfter(this.count("report"));
    } catch {
      res.destroy();
    }
  }

  #counted(kind: RequestKind | undefined): number {
    if (kind === undefined) return 0;
    this.#counts.set(kind, this.count(kind) + 1);
    return this.count(kind);
  }

  #terminateAfter(reports: number): void {
    if (this.#point?.terminateAfterReport !== reports || this.#isTerminated) return;
    this.#isTerminated = true;
    this.#counts.clear();
    this.#victim?.kill("SIGTERM");
  }

  /** The edge gets half of the body, then the connection and the runner are gone. */
  #breakOff(req: IncomingMessage, body: Buffer): void {
    const upstream = this.#request(req);
    upstream.on("error", () => {}); // as wanted
    upstream.write(body.subarray(0, Math.floor(body.length / 2)), () => {
      upstream.destroy();
      this.#kill();
    });
  }

  #request(req: IncomingMessage) {
    const { hostname, port } = this.#edge;
    const headers = { ...req.headers, host: `${hostname}:${port}` };
    return request({ hostname, port, method: req.method, path: req.url, headers, agent: false });
  }

  #forward(
    req: IncomingMessage,
    body: Buffer,
  ): Promise<{ status: number; headers: IncomingMessage["headers"]; body: Buffer }> {
    return new Promise((resolve, reject) => {
      const upstream = this.#request(req);
      upstream.on("error", reject);
      upstream.on("response", async (response) => {
        try {
          const chunks: Buffer[] = [];
          for await (const chunk of response) chunks.push(chunk as Buffer);
          const { "transfer-encoding": _, ...headers } = response.headers;
          resolve({ status: response.statusCode ?? 502, headers, body: Buffer.concat(chunks) });
        } catch (err) {
          reject(err);
        }
      });
      upstream.end(body);
    });
  }
}
