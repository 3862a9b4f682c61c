/** A proxy that breaks off answers after a random number of bytes, in the middle of an event too, or at once. */

import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Random } from "../../shared/random.ts";

const mostBytes = 4000;
const refusedShare = 0.15;

export class CuttingProxy {
  connections = 0;
  /** Answers that were broken off. */
  cuts = 0;
  /** Connections that were closed without an answer. */
  refusals = 0;
  readonly #edge: URL;
  readonly #random = new Random(1);
  readonly #server = createServer((req, res) => this.#pass(req, res));

  constructor(edge: string) {
    this.#edge = new URL(edge);
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #pass(req: IncomingMessage, res: ServerResponse): void {
    this.connections++;
    if (this.#random.uniform() < refusedShare) {
      this.refusals++;
      res.destroy();
      return;
    }
    let left = Math.floor(this.#random.uniform() * mostBytes);
    const { hostname, port } = this.#edge;
    const headers = { ...req.headers, host: this.#edge.host };
    const asked = request({ hostname, port, path: req.url, method: req.method, headers }, (answer) => {
      res.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.on("data", (chunk: Buffer) => {
        // Nothing comes after what was broken off.
        if (left < 0) return;
        if (chunk.byteLength <= left) {
          left -= chunk.byteLength;
          res.write(chunk);
          return;
        }
        // The bytes before the cut arrive, then the connection breaks.
        this.cuts++;
        answer.destroy();
        res.write(chunk.subarray(0, left), () => res.destroy());
        left = -1;
      });
      answer.on("end", () => res.end());
      answer.on("error", () => res.destroy());
    });
    asked.on("error", () => res.destroy());
    res.on("close", () => asked.destroy());
    asked.end();
  }
}
