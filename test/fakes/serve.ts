/** Puts a provider's fake behind a real HTTP server, so that an adapter meets sockets that break and answers that hang. */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { ProviderFake } from "./cloud.ts";

export interface ServedFake {
  fake: ProviderFake;
  url: string;
  /** All variables that point an adapter at it. */
  env: Record<string, string>;
  /** While set, requests are taken and not answered, or only by half; null: answered. */
  stall: "before" | "halfway" | null;
  close(): Promise<void>;
}

export async function serveFake(fake: ProviderFake): Promise<ServedFake> {
  const server = createServer((request, response) => {
    answer(served, request, response).catch(() => request.socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const served: ServedFake = {
    fake,
    url,
    env: { ...fake.env, [fake.baseUrlVariable]: url },
    stall: null,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return served;
}

async function answer(
  served: ServedFake,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  if (served.stall === "before") return;
  const { method = "GET", url = "/" } = incoming;
  const headers = Object.entries(incoming.headers).map(([name, value]): [string, string] => [
    name,
    `${value}`,
  ]);
  const hasBody = method !== "GET" && method !== "HEAD" && chunks.length > 0;
  const body = hasBody ? { body: Buffer.concat(chunks) } : {};
  const response = await served.fake.handle(new Request(`${served.url}${url}`, { method, headers, ...body }));
  const text = Buffer.from(await response.arrayBuffer());
  const answerHeaders = Object.fromEntries(response.headers);
  outgoing.writeHead(response.status, answerHeaders);
  if (served.stall === "halfway") outgoing.write(text.subarray(0, Math.ceil(text.length / 2)));
  else outgoing.end(text);
}
