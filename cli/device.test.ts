import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { smallNetwork } from "../device/subjects.testing.ts";
import type { LeasedMeasureTask } from "../shared/measuring.ts";
import { runCli } from "./run.testing.ts";

const small = ["--channels", "4", "--layers", "3", "--dataset", "fashion-mnist"];

describe("device --measure", () => {
  test("prints a network's median, interval and samples and the machine, in JSON too", async () => {
    const { code, stdout } = await runCli(["device", "--measure", "DARTS_V2", ...small]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/median +95 % interval +samples/);
    expect(stdout).toMatch(/latency +[\d.]+ +[\d.]+ to [\d.]+ +ms/);
    expect(stdout).toMatch(/onnxruntime \(onnxruntime-node [\d.]+, 1 thread\)/);
    const json = await runCli(["device", "--measure", "DARTS_V2", ...small, "--json"]);
    const { values, fingerprint } = JSON.parse(json.stdout);
    expect(values.latency.low).toBeLessThanOrEqual(values.latency.median);
    expect(fingerprint.cores).toBeGreaterThan(0);
  });

  test.each([
    [["--measure", "DARTS_V3"], "neither a file nor a published genotype"],
    [["--measure", "DARTS_V2", "--run", "echo 1"], "--run needs what the program prints"],
    [["--measure", "DARTS_V2", "--objective", "cost:cents"], "are for a program"],
    [["--measure", "DARTS_V2", "--run", "echo 1", "--objective", "Cost"], '"Cost" is no objective'],
  ])("refuses %j with exit code 2", async (args, reason) => {
    const { code, stderr } = await runCli(["device", ...args, ...small]);
    expect(stderr).toContain(reason);
    expect(code).toBe(2);
  });
});

describe("device for an edge", () => {
  const server = createServer((request, response) => {
    let text = "";
    request.on("data", (chunk) => {
      text += chunk;
    });
    request.on("end", () => {
      bodies.push([request.url ?? "", JSON.parse(text)]);
      const isKnown = request.headers.authorization === "Bearer right";
      const verb = isKnown ? (request.url ?? "").split("/").at(-1) : "";
      const answer = answers[verb ?? ""] ?? { type: "x/forbidden", detail: "Not with this token." };
      response.writeHead(isKnown ? 200 : 403, { "content-type": "application/json" });
      response.end(JSON.stringify(answer));
    });
  });
  let bodies: [url: string, body: Record<string, unknown>][] = [];
  const task = {
    kind: "measure" as const,
    taskId: "m1",
    searchId: null,
    objectives: ["cost"],
    settings: { batchSize: 1, width: 0.1, limitSeconds: 1 },
    referenceMs: null,
    subjects: [smallNetwork],
  };
  const lease: LeasedMeasureTask = {
    ...{ leaseId: "l1", leaseSeconds: 90, heartbeatSeconds: 20, leaseExpiresAt: "", task },
  };
  const answers: Record<string, object> = {
    devices: { deviceId: "d1", name: "lab" },
    lease: { lease, retryAfterSeconds: 1 },
    report: { accepted: true, next: null },
  };
  afterEach(() => server.close());

  test("measures with a program what the edge asks for; a refused token is exit code 4", async () => {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const edge = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const program = ["--run", "echo 42", "--objective", "cost:cents", "--name", "lab", "--until-idle"];
    const refused = await runCli(["device", ...program, "--edge", edge, "--token", "wrong"]);
    expect(refused).toMatchObject({ code: 4, stderr: expect.stringContaining("Not with this token.") });
    bodies = [];
    const running = runCli(["device", ...program, "--edge", edge, "--token", "right"]);
    server.on("request", ({ url }) => {
      if (url?.endsWith("/report")) answers.lease = { lease: null, retryAfterSeconds: 1 };
    });
    const { code, stdout } = await running;
    expect(code).toBe(0);
    expect(stdout).toContain("1 results were reported");
    expect(bodies.map(([url]) => url)).toEqual([
      "/v1/devices",
      "/v1/devices/d1/lease",
      "/v1/tasks/m1/report",
      "/v1/devices/d1/lease",
    ]);
    expect(bodies[2]?.[1]).toMatchObject({
      backend: "program",
      results: [{ values: { cost: { median: 42 } } }],
    });
  });

  test("without a token is refused with the command that makes one", async () => {
    const { code, stderr } = await runCli(["device", "--name", "lab", "--edge", "http://127.0.0.1:9"]);
    expect(code).toBe(2);
    expect(stderr).toContain("nasturtium tokens create --scope device");
  });
});
