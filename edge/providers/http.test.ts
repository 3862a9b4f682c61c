/** The adapters' HTTP client in workerd: what it makes of answers that no provider's fake gives. */

import { expect, test } from "vitest";
import { z } from "zod";
import { type ProviderCall, ProviderHttp, type ProviderHttpOptions, type ProviderOperation } from "./http.ts";
import type { Pace } from "./pace.ts";
import { ProviderError } from "./provider.ts";

const now = Date.UTC(2026, 7, 1);
const key = "key-of-the-account";
const call: ProviderCall<{ id: string }> = {
  operation: "get",
  method: "GET",
  path: "/things/1",
  schema: z.object({ id: z.string() }),
};

const client = (
  answer: (...request: Parameters<typeof fetch>) => Response | Promise<Response>,
  options: Partial<ProviderHttpOptions> = {},
) =>
  new ProviderHttp({
    provider: "runpod",
    baseUrl: "https://provider.example/v2/",
    key,
    errors: { read: () => null, rules: [{ detail: /gone for good/, fault: "missing" }] },
    context: {
      env: {},
      fetch: async (...request) => answer(...request),
      now: () => now,
      wait: async () => {},
    },
    ...options,
  });

async function failure(promise: Promise<unknown>): Promise<ProviderError> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (error instanceof ProviderError) return error;
  throw error ?? new Error("it did not fail");
}
const answered = (status: number, headers: Record<string, string> = {}, body = "") =>
  failure(client(() => new Response(body, { status, headers })).call(call));

test("a call carries the key, and reaches one address", async () => {
  const seen: Request[] = [];
  const http = client(async (input, init) => {
    seen.push(new Request(input, init));
    return Response.json({ id: "1" });
  });
  expect(await http.call(call)).toEqual({ id: "1" });
  expect(seen.map(({ url }) => url)).toEqual(["https://provider.example/v2/things/1"]);
  expect(seen[0]?.headers.get("authorization")).toBe(`Bearer ${key}`);
});

test("the runtime's own fetch can be given as it is", async () => {
  const context = { env: {}, fetch, now: () => now, wait: async () => {} };
  const http = new ProviderHttp({
    provider: "runpod",
    baseUrl: "ftp://provider.example",
    key,
    errors: { read: () => null, rules: [] },
    context,
  });
  const error = await failure(http.call(call));
  expect(error.fault).toBe("transient");
  expect(error.message).not.toContain("Illegal invocation");
});

test("a redirect is not followed: the key goes to no other host", async () => {
  let calls = 0;
  const http = client(async (_, init) => {
    calls++;
    expect(init?.redirect).toBe("manual");
    return new Response(null, { status: 307, headers: { location: "https://elsewhere.example" } });
  });
  expect((await failure(http.call(call))).fault).toBe("invalid");
  expect(calls).toBe(1);
});

test("how long to wait is read from seconds, from a date, and from either form of limits", async () => {
  const seconds = async (headers: Record<string, string>) => (await answered(429, headers)).retryAfterSeconds;
  expect(await seconds({ "retry-after": "12" })).toBe(12);
  expect(await seconds({ "retry-after": new Date(now + 30_000).toUTCString() })).toBe(30);
  expect(await seconds({ ratelimit: '"minute";r=0;t=12, "hour";r=0;t=600, "day";r=3;t=9000' })).toBe(600);
  expect(await seconds({ ratelimit: '"minute";r=10;t=12' })).toBeNull();
  expect(await seconds({ "ratelimit-remaining": "0", "ratelimit-reset": String(now / 1000 + 45) })).toBe(45);
  expect(
    await seconds({ "ratelimit-remaining": "3", "ratelimit-reset": String(now / 1000 + 45) }),
  ).toBeNull();
  expect(await seconds({})).toBeNull();
});

test("a body that is too long is given up before its end", async () => {
  let sent = 0;
  const endless = () =>
    new Response(
      new ReadableStream<Uint8Array>({
        pull(controller) {
          sent += 100_000;
          controller.enqueue(new Uint8Array(100_000));
        },
      }),
    );
  expect(await failure(client(endless).call(call))).toMatchObject({
    fault: "transient",
    message: expect.stringContaining("longer than 1000000 bytes"),
  });
  expect(sent).toBeLessThan(2_000_000);
});

test("an answer that changed is invalid, and after a launch transient, for the machine may exist", async () => {
  const changed = client(() => Response.json({ id: 1 }));
  const error = await failure(changed.call(call));
  expect(error).toMatchObject({ fault: "invalid", message: expect.stringContaining("at id") });
  expect((await failure(changed.call({ ...call, operation: "launch" }))).fault).toBe("transient");
});

test("text that is not JSON is quoted in short, on one line and without secrets", async () => {
  const body = `oh\nno ${key} hidden-value ${"x".repeat(1000)}`;
  const http = client(() => new Response(body, { status: 500 }));
  const { message } = await failure(http.call({ ...call, secrets: ["hidden-value"] }));
  expect(message).toContain("500 oh no [secret] [secret] xxx");
  expect(message.length).toBeLessThan(300);
});

test("what is missing is null for who looks for it, and an error for who does not", async () => {
  for (const answer of [
    () => new Response("", { status: 404 }),
    () => new Response("gone for good", { status: 400 }),
  ]) {
    expect(await client(answer).find(call)).toBeNull();
    expect((await failure(client(answer).call(call))).fault).toBe("invalid");
  }
});

test("a key that no header takes is refused without being shown", async () => {
  const broken = `${key}\nx`;
  const error = await failure(client(() => Response.json({ id: "1" }), { key: broken }).call(call));
  expect(error.fault).toBe("auth");
  expect(error.message).not.toContain(key);
});

test("an address that is none is said to be none", async () => {
  const error = await failure(client(fetch, { baseUrl: "nowhere" }).call(call));
  expect(error).toMatchObject({ fault: "invalid", message: expect.stringContaining("is no address") });
});

/** A client on a clock that only waiting moves, and what the provider saw: at which second which operation. */
function paced(answer: () => Response, paces: readonly Pace[] = []) {
  let nowMs = now;
  const seen: [second: number, operation: string][] = [];
  const http = client(answer, {
    paces,
    context: {
      env: {},
      fetch: async (url) => {
        seen.push([(nowMs - now) / 1000, new URL(String(url)).pathname.slice("/v2/".length)]);
        return answer();
      },
      now: () => nowMs,
      wait: async (milliseconds) => {
        nowMs += milliseconds;
      },
    },
  });
  const ask = (operation: ProviderOperation) => http.call({ ...call, operation, path: `/${operation}` });
  return { ask, seen, second: () => (nowMs - now) / 1000 };
}
const everySecond: Pace = { intervalMs: 1000 };
const ok = () => Response.json({ id: "1" });
const tooMany = (headers: Record<string, string> = {}) => new Response("", { status: 429, headers });

test("requests come no sooner than the provider's intervals allow, of one operation and of all", async () => {
  const { ask, seen } = paced(ok, [everySecond, { operations: ["launch"], intervalMs: 12_000 }]);
  for (const operation of ["quote", "launch", "terminate", "launch", "get"] as const) await ask(operation);
  expect(seen).toEqual([
    [0, "quote"],
    [1, "launch"],
    [2, "terminate"],
    [13, "launch"],
    [14, "get"],
  ]);
});

test("a request whose turn is far off is not sent, and says when it is", async () => {
  const { ask, seen } = paced(ok, [{ operations: ["launch"], intervalMs: 25_000 }]);
  await ask("launch");
  expect(await failure(ask("launch"))).toMatchObject({ fault: "rate", retryAfterSeconds: 25 });
  expect(seen).toHaveLength(1);
});

test("an interval begins when the request before was answered: its way may have been long", async () => {
  const clock = { nowMs: now };
  const sentAt: number[] = [];
  const slow = client(ok, {
    paces: [everySecond],
    context: {
      env: {},
      fetch: async () => {
        sentAt.push(clock.nowMs - now);
        clock.nowMs += 400;
        return ok();
      },
      now: () => clock.nowMs,
      wait: async (milliseconds) => {
        clock.nowMs += milliseconds;
      },
    },
  });
  await slow.call(call);
  await slow.call(call);
  expect(sentAt).toEqual([0, 1400]);
});

test("what is refused as too many requests is repeated, ever later, for a while and not for ever", async () => {
  const { ask, seen, second } = paced(() => tooMany(), [everySecond]);
  expect((await failure(ask("get"))).fault).toBe("rate");
  expect(seen.map(([at]) => at)).toEqual([0, 1, 3, 7, 15]);
  for (let more = 0; more < 20; more++) await failure(ask("get"));
  // Its repetitions are used up: what is left are the turns.
  expect(second()).toBeLessThan(60);
});

test("what the provider asks for is waited for, unless it is too long", async () => {
  const answers = [tooMany({ "retry-after": "5" }), ok(), tooMany({ "retry-after": "300" })];
  const { ask, seen } = paced(() => answers.shift() ?? ok());
  await ask("get");
  expect(await failure(ask("get"))).toMatchObject({ fault: "rate", retryAfterSeconds: 300 });
  expect(seen.map(([at]) => at)).toEqual([0, 5, 5]);
});

test("a launch that made a machine is never repeated, whatever it answered", async () => {
  let launches = 0;
  const http = client(
    () => {
      launches++;
      return tooMany();
    },
    {
      errors: {
        read: () => ({ code: "rate", detail: "too many", machineId: "12" }),
        rules: [],
      },
    },
  );
  expect((await failure(http.call({ ...call, operation: "launch" }))).machineId).toBe("12");
  expect(launches).toBe(1);
});
